"""How the corpus of a run without data is made: `synthetic` in run.yaml."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from stapes.system.options import Option


class SyntheticSettings(BaseModel):
    """The corpus that is made if no data is given."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    voices: Annotated[int, Option("synth", "N")] = Field(
        default=160, ge=3, le=10_000, description="Speakers of synthetic speech."
    )
    takes: Annotated[int, Option("synth", "N")] = Field(
        default=7, ge=1, le=1000, description="Takes of the word by each voice."
    )
    sentence_minutes: float = Field(
        default=66.0,
        gt=0,
        le=6000,
        description="Minutes of spoken sentences to count false accepts in, and as many to train "
        "on, where there are no recordings.",
    )
