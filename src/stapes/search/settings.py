"""All settings of a search: those of a run, the choices, and how it chooses."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, Field, field_validator, model_validator

from stapes.frontends.frontend import Frontend
from stapes.frontends.registry import DEFAULT, FRONTENDS, AnyFrontend
from stapes.run.budget import Budget
from stapes.run.settings import RunSettings
from stapes.system.options import Option, split_names, unknown

LATER = ("trials",)
"""Settings that may change when a search continues."""

SIZES: dict[str, dict[str, tuple[int, int, int]]] = {
    "temporal_cnn": {"width": (4, 24, 1), "blocks": (1, 4, 1), "kernel": (3, 15, 2)},
    "ds_cnn": {"width": (4, 24, 1), "blocks": (1, 4, 1)},
    "bc_resnet": {"width": (4, 16, 1), "blocks": (1, 4, 1), "kernel": (3, 5, 2)},
}
"""The architectures of a search: least, largest and step of each size."""

STREAM_SIZES: dict[str, tuple[int, int, int]] = {
    "width": (4, 32, 2),
    "blocks": (2, 5, 1),
    "kernel": (3, 15, 2),
    "stride": (2, 4, 1),
}
"""The same for `stream_cnn`, the architecture of detectors in a stream."""

STREAM_BUDGET = {"flash": 12_000, "arena": 12_000}
"""The default budget of detectors in a stream, whose rings take bytes too."""

_METRIC = re.compile(r"frr@([0-9]+(?:\.[0-9]{1,6})?)(/h)?")


class SearchSettings(RunSettings):
    """Everything that decides the result of a search, except the data's content.

    `architecture`, `sizes`, `frontend` and `train` are those of the baseline. It teaches the models
    and is compared with them.
    """

    budget: Annotated[
        Budget,
        Option(
            "search",
            "LIMITS",
            "flash=6k,arena=12k; in a stream, flash=12k",
            accepts=str | Mapping[str, float],
        ),
    ] = Field(
        default={"flash": 6000, "arena": 12_000},
        description="Limits of the device: a model that cannot fit is not trained.",
    )
    techniques: Annotated[str, Option("search", "all|a,b,c", accepts=str | Sequence[str])] = Field(
        default="all", description="Integer techniques to choose from, by name."
    )
    metric: Annotated[str, Option("search", "frr@P|frr@R/h")] = Field(
        default="frr@0.5",
        description="The FRR that the search lowers: of clips, at P percent of false positives, or "
        "of detectors in a stream, at R false accepts an hour.",
    )
    trials: Annotated[int, Option("search", "N")] = Field(
        default=60, ge=1, le=1_000_000, description="Models to train."
    )
    together: int = Field(
        default=8,
        ge=1,
        le=256,
        description="Trials at once: each knows the results of those before them.",
    )
    architectures: Annotated[
        tuple[str, ...], BeforeValidator(split_names), Option("search", "a,b,c", ",".join(SIZES))
    ] = Field(default=tuple(SIZES), min_length=1, description="Architectures to choose from.")
    frontends: Annotated[
        tuple[AnyFrontend, ...],
        BeforeValidator(split_names),
        Option(
            "search",
            "a,b,c",
            ",".join(FRONTENDS),
            accepts=str | Sequence[str | Mapping[str, Any] | BaseModel],
        ),
    ] = Field(
        default_factory=lambda: tuple(frontend() for frontend in FRONTENDS.values()),
        min_length=1,
        description="Frontends to choose from, one of a kind.",
    )
    epochs: int = Field(
        default=40,
        ge=1,
        le=100_000,
        description="The most epochs of a trial; of a detector in a stream, 10.",
    )
    patience: int = Field(
        default=12,
        ge=1,
        le=100_000,
        description="A training ends after so many epochs without a better one.",
    )
    validation_copies: int = Field(
        default=3, ge=0, le=7, description="Changed copies of each validation clip."
    )
    front: int = Field(
        default=5, ge=0, le=1000, description="The most rows of the table from the front."
    )

    @property
    def in_streams(self) -> bool:
        """Whether the search is one of detectors in a stream."""
        return self.metric.endswith("/h")

    @property
    def false_positive_percent(self) -> float:
        """The rate that the metric of clips names."""
        match = _METRIC.fullmatch(self.metric)
        assert match
        return float(match[1])

    @model_validator(mode="after")
    def _frontends_have_the_window(self) -> SearchSettings:
        seconds = self.frontend.window_seconds
        if "frontends" not in self.model_fields_set and seconds != DEFAULT.window_seconds:
            frontends = self._in_window(seconds)["frontends"]
            object.__setattr__(self, "frontends", frontends)  # The model is frozen.
        return self

    def _in_window(self, seconds: float) -> dict[str, Any]:
        frontends = tuple(frontend.with_window(seconds) for frontend in self.frontends)
        return {**super()._in_window(seconds), "frontends": frontends}

    @model_validator(mode="before")
    @classmethod
    def _has_the_rate_of_its_metric(cls, settings: Any) -> Any:
        metric = settings.get("metric") if isinstance(settings, Mapping) else None
        match = _METRIC.fullmatch(metric) if isinstance(metric, str) else None
        detection = settings.get("detection", {}) if match and match[2] else None
        if isinstance(detection, BaseModel):
            detection = detection.model_dump()
        if not match or not isinstance(detection, Mapping) or not float(match[1]):
            return settings
        detection = {**detection, "target_fa_per_hour": float(match[1])}
        return {"budget": STREAM_BUDGET, **settings, "detection": detection}

    @field_validator("metric")
    @classmethod
    def _is_known(cls, metric: str) -> str:
        match = _METRIC.fullmatch(metric)
        if not match or (float(match[1]) == 0 if match[2] else float(match[1]) >= 100):
            raise ValueError(
                "give frr@P, false rejects at P % false positives, as in frr@0.5, or frr@R/h, at R "
                "false accepts an hour, as in frr@1/h"
            )
        return metric

    @field_validator("budget")
    @classmethod
    def _is_of_bytes(cls, budget: Budget) -> Budget:
        if "latency" in budget:
            raise ValueError("a search keeps to flash and arena; leave latency out")
        return budget

    @field_validator("architectures")
    @classmethod
    def _are_known(cls, architectures: tuple[str, ...]) -> tuple[str, ...]:
        for name in architectures:
            if name not in SIZES:
                raise ValueError(unknown(name, SIZES))
        return architectures

    @field_validator("frontends")
    @classmethod
    def _are_of_different_kinds(cls, frontends: tuple[Frontend, ...]) -> tuple[Frontend, ...]:
        kinds = [frontend.kind for frontend in frontends]
        if len(set(kinds)) < len(kinds):
            raise ValueError("each kind can be given once")
        return frontends

    @model_validator(mode="after")
    def _chooses_what_streams_have(self) -> SearchSettings:
        if self.in_streams and self.architectures != tuple(SIZES):
            raise ValueError("architectures: a detector in a stream has one, stream_cnn; omit it")
        kinds = [frontend.kind for frontend in self.frontends]
        if self.in_streams and self.stream.frontend not in kinds:
            raise ValueError(
                f"frontends: a detector in a stream has one, {self.stream.frontend}; omit it, as "
                "--stream-frontend chooses"
            )
        return self


QUICK: dict[str, Any] = {"trials": 4, "together": 2, "epochs": 2, "validation_copies": 0}
"""What `--quick` sets, in addition to its settings of a run."""
