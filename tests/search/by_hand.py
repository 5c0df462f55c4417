"""Trials and outcomes that no model stands behind."""

from __future__ import annotations

from typing import Any

from stapes.contracts.results import Trial
from stapes.search.candidate import Candidate
from stapes.search.evaluating import Outcome
from stapes.search.settings import SearchSettings


def candidate(**given: Any) -> Candidate:
    """A small model; what is given, else."""
    said: dict[str, Any] = {
        "architecture": "temporal_cnn",
        "sizes": {"width": 4, "blocks": 2, "kernel": 3},
        "frontend": "logmel",
        "technique": "int8",
        "learning_rate": 0.004,
    }
    return Candidate(**said | given)


def trial(number: int, **given: Any) -> Trial:
    """A measured trial; what is given, else."""
    made = candidate()
    said: dict[str, Any] = {
        "number": number,
        "candidate": made.model_dump(mode="json"),
        "summary": made.summary,
        "bytes": 3000,
        "arena_bytes": 5000,
        "macs": 20_000,
        "frr": 0.1,
        "accuracy": 0.9,
    }
    return Trial(**said | given)


def outcome(of: Candidate, settings: SearchSettings) -> Outcome:
    """What a candidate comes to, told by its sizes: wider is larger and better."""
    weights = of.sizes["width"] ** 2 * of.sizes["blocks"]
    size, arena = 2500 + 10 * weights, 4000 + 100 * of.sizes["width"]
    refused = "too large" if size > settings.budget.get("flash", size) else ""
    frr = None if refused else round(1 / (2 + weights) + of.label_smoothing, 6)
    tflite = None if refused else of.model_dump_json().encode()
    return Outcome(tflite, refused, size, arena, 1000 * weights, weights, 1.0, frr, 0.9)
