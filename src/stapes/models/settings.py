"""The settings of training, which run.yaml has under `train`."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from stapes.frontends.registry import DEFAULT_STREAM, STREAMS, StreamKind, streams_described
from stapes.system.options import Option


class TrainSettings(BaseModel):
    """How a model is trained; the defaults are those of the default preset."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    epochs: int = Field(default=25, ge=1, le=100_000, description="Epochs at most.")
    batch: int = Field(default=32, ge=1, le=100_000, description="Clips in a batch.")
    learning_rate: float = Field(default=1e-3, gt=0, le=100, description="Adam's learning rate.")
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
        default=None,
        ge=1,
        le=100_000,
        description="Epochs without a better one that end the training.",
    )
    decay: bool = Field(
        default=False, description="Cosine decay of the rate to 0 (Loshchilov and Hutter 2017)."
    )
    label_smoothing: float = Field(
        default=0.0, ge=0, lt=1, description="Label smoothing (Szegedy et al. 2016)."
    )
    time_mask: int = Field(
        default=0,
        ge=0,
        le=100_000,
        description="Frames that SpecAugment hides at most (Park et al. 2019).",
    )
    frequency_mask: int = Field(
        default=0, ge=0, le=100_000, description="Bins that SpecAugment hides at most."
    )


class StreamSettings(BaseModel):
    """How a detector in a stream is made and trained."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    frontend: Annotated[
        StreamKind, Option("run search", "|".join(STREAMS), name="stream_frontend")
    ] = Field(
        default=DEFAULT_STREAM,
        description=f"Features of detectors in a stream: {streams_described()}.",
    )
    width: int = Field(default=26, ge=1, le=256, description="Channels of a convolution.")
    blocks: int = Field(default=3, ge=1, le=8, description="Depthwise-separable convolutions.")
    kernel: int | None = Field(
        default=None,
        ge=1,
        le=64,
        description="Length of the first block's kernel [outputs]; by default, as long as the word "
        "needs.",
    )
    stride: int = Field(
        default=3,
        ge=1,
        le=5,
        description="Frames from one output to the next, at most the first kernel.",
    )
    epochs: int = Field(default=15, ge=1, le=100_000, description="Epochs of the training.")
    steps: int = Field(default=120, ge=1, le=100_000, description="Batches in an epoch.")
    words: int = Field(default=48, ge=1, le=10_000, description="Crops with the word in a batch.")
    others: int = Field(default=80, ge=1, le=10_000, description="Crops of other sound in a batch.")
    learning_rate: float = Field(
        default=3e-3,
        gt=0,
        le=100,
        description="Adam's learning rate, which falls to 0 on a cosine.",
    )
    smoothing: int = Field(
        default=5, ge=1, le=1000, description="Outputs in a row that the loss averages."
    )
    average: float = Field(
        default=0.99, ge=0, lt=1, description="Share of the old weights in the moving average."
    )
    frequency_mask: int = Field(
        default=10, ge=0, lt=40, description="Bins that SpecAugment hides at most."
    )
    rescore_epochs: int = Field(
        default=2,
        ge=1,
        le=100_000,
        description="Epochs from one scoring of all negatives to the next.",
    )
    locate_epoch: int = Field(
        default=7,
        ge=1,
        le=100_000,
        description="Epochs after which the model says where each word is.",
    )
    parts: float = Field(
        default=0.1,
        ge=0,
        le=100_000,
        lt=1,
        description="Share of the crops of other sound that hold the first half of a word, once "
        "the model says where each word is.",
    )
    embedded_words: int = Field(
        default=4000,
        ge=1,
        le=10_000_000,
        description="Words in training sound, copies included, at least.",
    )
    negative_hours: float = Field(
        default=14.0,
        ge=0,
        le=100_000,
        description="Hours of other sound, changed copies included, at least.",
    )
