"""Trials and outcomes without a model."""

from __future__ import annotations

from typing import Any

from stapes.contracts.results import Trial
from stapes.search.candidate import Candidate
from stapes.search.evaluating import Outcome
from stapes.search.settings import SearchSettings


def candidate(**changed: Any) -> Candidate:
    """A small model, except for what is `changed`."""
    parameters: dict[str, Any] = {
        "architecture": "temporal_cnn",
        "sizes": {"width": 4, "blocks": 2, "kernel": 3},
        "frontend": "logmel",
        "technique": "int8",
        "learning_rate": 0.004,
    }
    return Candidate(**parameters | changed)


def trial(number: int, **changed: Any) -> Trial:
    """A measured trial, except for what is `changed`."""
    figures: dict[str, Any] = {
        "bytes": 3000,
        "arena_bytes": 5000,
        "macs": 20_000,
        "frr": 0.1,
        "accuracy": 0.9,
    }
    return candidate().trial(number, **figures | changed)


def outcome(candidate: Candidate, settings: SearchSettings) -> Outcome:
    """The result of a candidate, computed from its sizes: wider is larger and better."""
    weights = candidate.sizes["width"] ** 2 * candidate.sizes["blocks"]
    size, arena = 2500 + 10 * weights, 4000 + 100 * candidate.sizes["width"]
    figures: dict[str, Any] = {"bytes": size, "arena_bytes": arena, "macs": 1000 * weights}
    if size > settings.budget.get("flash", size):
        return Outcome(None, candidate.trial(**figures, refused="too large"))
    frr = round(1 / (2 + weights) + candidate.label_smoothing, 6)
    return Outcome(
        candidate.model_dump_json().encode(), candidate.trial(**figures, frr=frr, accuracy=0.9)
    )
