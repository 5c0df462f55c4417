"""All settings of a search: those of a run, and what a search chooses from and by."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from pydantic import Field, field_validator

from stapes.frontends.frontend import Frontend
from stapes.frontends.registry import FRONTENDS, AnyFrontend
from stapes.run.settings import Limit, RunSettings
from stapes.search.space import SIZES

LATER = ("trials",)
"""Settings that a finished search may be given anew, to go on."""

_METRIC = re.compile(r"frr@([0-9]+(?:\.[0-9]{1,6})?)")


class SearchSettings(RunSettings):
    """Everything that decides what a search finds, apart from the data's content.

    `architecture`, `sizes`, `frontend` and `train` are the baseline's, which every model is held
    against, and which teaches them.
    """

    budget: dict[Limit, float] = Field(
        default={"flash": 6000, "arena": 12_000}, description="in bytes: what the chip has"
    )
    metric: str = Field(
        default="frr@0.5", description="false rejects at a rate of false positives in percent"
    )
    trials: int = Field(default=60, ge=1, description="models that are trained")
    together: int = Field(
        default=8,
        ge=1,
        le=256,
        description="trials under way at once; each knows what those before them came to",
    )
    architectures: tuple[str, ...] = Field(default=tuple(SIZES), min_length=1)
    frontends: tuple[AnyFrontend, ...] = Field(
        default_factory=lambda: tuple(frontend() for frontend in FRONTENDS.values()),
        min_length=1,
        description="one of a kind",
    )
    epochs: int = Field(default=40, ge=1)
    patience: int = Field(
        default=12, ge=1, description="epochs without a better one, after which training ends"
    )
    validation_copies: int = Field(
        default=3, ge=0, le=7, description="of each validation clip, that sound otherwise"
    )
    front: int = Field(default=5, ge=0, description="models of the front that become rows, at most")

    @property
    def false_positive_percent(self) -> float:
        """The rate that the metric names."""
        match = _METRIC.fullmatch(self.metric)
        assert match
        return float(match[1])

    @field_validator("metric")
    @classmethod
    def _is_known(cls, metric: str) -> str:
        match = _METRIC.fullmatch(metric)
        if not match or not float(match[1]) < 100:
            raise ValueError("give frr@P, false rejects at P % false positives, as in frr@0.5")
        return metric

    @field_validator("budget")
    @classmethod
    def _is_of_bytes(cls, budget: dict[Limit, float]) -> dict[Limit, float]:
        if "latency" in budget:
            raise ValueError("a search keeps to flash and arena; leave latency out")
        return budget

    @field_validator("architectures")
    @classmethod
    def _are_known(cls, architectures: tuple[str, ...]) -> tuple[str, ...]:
        for name in architectures:
            if name not in SIZES:
                raise ValueError(f"{name} is not searched; there are {', '.join(SIZES)}")
        return architectures

    @field_validator("frontends")
    @classmethod
    def _are_of_different_kinds(cls, frontends: tuple[Frontend, ...]) -> tuple[Frontend, ...]:
        kinds = [each.kind for each in frontends]
        if len(set(kinds)) < len(kinds):
            raise ValueError("each kind can be given once")
        return frontends


QUICK: dict[str, Any] = {
    "trials": 4,
    "together": 2,
    "epochs": 2,
    "validation_copies": 0,
}
"""What `--quick` sets beyond what it sets of a run."""


def kinds(names: Sequence[str] | None) -> list[dict[str, str]] | None:
    """Frontends by their kinds, with the settings that they have by default."""
    return None if names is None else [{"kind": name} for name in names]
