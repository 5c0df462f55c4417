"""How detection is measured: the group `detection` of run.yaml."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from stapes.system.options import Option

_Rate = Annotated[float, Field(gt=0, le=1_000_000)]
_Ratio = Annotated[float, Field(ge=-100, le=100)]


class DetectionSettings(BaseModel):
    """How detection in continuous sound is measured; `measure.detection` has the rules."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    hop_frames: int = Field(
        default=4, ge=1, le=1000, description="Frames from one window to the next."
    )
    smoothing: int = Field(default=4, ge=1, le=1000, description="Scores that are averaged.")
    sliding_window: int = Field(
        default=5,
        ge=1,
        le=33,
        description="Outputs of a streaming model that a device averages.",
    )
    refractory_seconds: float = Field(
        default=1.0, ge=0, le=3600, description="Time after a detection without another."
    )
    tolerance_seconds: float = Field(
        default=0.7, ge=0, le=60, description="Time after a word in which it counts as detected."
    )
    target_fa_per_hour: Annotated[float, Option("run", "R")] = Field(
        default=1.0,
        gt=0,
        le=1_000_000,
        description="False accepts per hour that the threshold is chosen for.",
    )
    rates: tuple[_Rate, ...] = Field(
        default=(0.5, 1.0, 2.0, 5.0),
        min_length=1,
        max_length=100,
        description="False accepts per hour at which misses are reported.",
    )
    snr_db: tuple[_Ratio, ...] = Field(
        default=(20.0, 10.0, 5.0, 0.0), max_length=20, description="Ratios of word to noise, in dB."
    )
    noise_hours: float = Field(
        default=0.5,
        gt=0,
        le=100_000,
        description="Hours of sound without the word that are measured with noise too.",
    )
