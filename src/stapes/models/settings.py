"""The settings of training, which run.yaml has under `train`."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class TrainSettings(BaseModel):
    """How a model is trained; the defaults are those of the default preset."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    epochs: int = Field(default=25, ge=1, description="Epochs at most.")
    batch: int = Field(default=32, ge=1, description="Clips in a batch.")
    learning_rate: float = Field(default=1e-3, gt=0, description="Adam's learning rate.")
    keep_best: bool = Field(
        default=True,
        description="Keep the best epoch by `keep_by`, if there are validation clips.",
    )
    keep_by: Literal["loss", "frr"] = Field(
        default="loss",
        description="Decides the best epoch, on validation clips; for equal `frr`, the loss.",
    )
    false_positive_percent: float = Field(
        default=0.5, ge=0, lt=100, description="Rate of false positives at which `frr` is measured."
    )
    patience: int | None = Field(
        default=None, ge=1, description="Epochs without a better one that end the training."
    )
    decay: bool = Field(
        default=False, description="Cosine decay of the rate to 0 (Loshchilov and Hutter 2017)."
    )
    label_smoothing: float = Field(
        default=0.0, ge=0, lt=1, description="Label smoothing (Szegedy et al. 2016)."
    )
    time_mask: int = Field(
        default=0, ge=0, description="Frames that SpecAugment hides at most (Park et al. 2019)."
    )
    frequency_mask: int = Field(default=0, ge=0, description="Bins that SpecAugment hides at most.")
