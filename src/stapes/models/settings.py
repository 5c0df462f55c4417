"""How a model is trained, as plain data: what run.yaml holds under `train`."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class TrainSettings(BaseModel):
    """How a model is trained; the defaults are the default preset's."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    epochs: int = Field(default=25, ge=1)
    batch: int = Field(default=32, ge=1)
    learning_rate: float = Field(default=1e-3, gt=0)
    keep_best: bool = Field(
        default=True, description="end with the best epoch by `keep_by`, if there are clips"
    )
    keep_by: Literal["loss", "frr"] = Field(
        default="loss", description="of the validation clips; of equal false rejects, the loss"
    )
    false_positive_percent: float = Field(
        default=0.5, ge=0, lt=100, description="of the other clips, at which `frr` is taken"
    )
    patience: int | None = Field(
        default=None, ge=1, description="epochs without a better one that end it; None: all epochs"
    )
    decay: bool = Field(
        default=False, description="the rate falls to 0 on a cosine (Loshchilov and Hutter 2017)"
    )
    label_smoothing: float = Field(
        default=0.0, ge=0, lt=1, description="shared out among the classes (Szegedy et al. 2016)"
    )
    time_mask: int = Field(
        default=0, ge=0, description="frames, at most, that SpecAugment hides (Park et al. 2019)"
    )
    frequency_mask: int = Field(default=0, ge=0, description="bins, at most, that it hides")
