"""The settings of `stapes listen`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from stapes.system.options import Option


class ListenSettings(BaseModel):
    """What to listen to, and what to keep."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    data: Annotated[Path | None, Option("listen", "PATH")] = Field(
        default=None, description="The recordings: a sound file, or a folder of them."
    )
    near: Annotated[float, Option("listen", "PART")] = Field(
        default=0.8,
        gt=0,
        le=1,
        description="A score from this part of the threshold on is a near miss.",
    )
    keep: Annotated[Path | None, Option("listen", "DIR")] = Field(
        default=None,
        description="Save the seconds around each detection and near miss there, as WAV files with "
        "a sidecar of scores.",
    )
    labels: Annotated[Path | None, Option("listen", "FILE")] = Field(
        default=None,
        description="Write an Audacity label track; of a folder of recordings, a folder of them.",
    )
    page: Annotated[Path | None, Option("listen", "FILE")] = Field(
        default=None, description="Write a page with the ten highest scores of each model to hear."
    )
    cutoff: Annotated[float | None, Option("listen serve", "P")] = Field(
        default=None,
        ge=0,
        le=1,
        description="The threshold, in place of the manifest's or the run's.",
    )
    variant: Annotated[str | None, Option("listen serve", "NAME", "the recommended one")] = Field(
        default=None, description="The row of a run."
    )
    features: Annotated[Path | None, Option("listen serve", "DIR", "that of the model")] = Field(
        default=None,
        description="The folder of melspectrogram.tflite and embedding_model.tflite, for "
        "openWakeWord's models.",
    )
    device: Annotated[str | None, Option("listen", "NAME", "the system's")] = Field(
        default=None, description="The microphone, by a part of its name or by its number."
    )
