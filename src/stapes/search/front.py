"""The trials that no other beats, and the best one for a budget."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from stapes.contracts.results import Trial
from stapes.measure import front as pareto
from stapes.run.budget import Limit

OBJECTIVES = ("bytes", "arena_bytes", "macs", "frr")
"""Fields of a trial; of each, less is better."""


def costs(trial: Trial) -> tuple[float, ...]:
    """The objectives; what was not measured counts as the worst."""
    values = (getattr(trial, name) for name in OBJECTIVES)
    return tuple(math.inf if value is None else float(value) for value in values)


def mark_front(trials: Sequence[Trial]) -> None:
    """Set `front` of every trial: it was measured, and no other beats it."""
    measured = [trial for trial in trials if trial.frr is not None]
    for trial in trials:
        trial.front = False
    for index in pareto.front([costs(trial) for trial in measured]):
        measured[index].front = True


def fits(trial: Trial, budget: Mapping[Limit, float]) -> bool:
    """Whether a trial was measured and exceeds no limit."""
    return trial.frr is not None and not exceeded(trial.bytes, trial.arena_bytes, budget)


def exceeded(size: int | None, arena: int | None, budget: Mapping[Limit, float]) -> dict[str, str]:
    """The limits that a model exceeds, each in words; an unknown cost exceeds its limit."""
    values: dict[Limit, tuple[str, int | None]] = {
        "flash": ("bytes of file", size),
        "arena": ("bytes of arena", arena),
    }
    over: dict[str, str] = {}
    for limit, (unit, value) in values.items():
        most = budget.get(limit)
        if most is not None and (value is None or value > most):
            cost = "unknown" if value is None else f"{value:,}"
            over[limit] = f"{cost} {unit}, {most:,.0f} at most"
    return over


def best(trials: Sequence[Trial], budget: Mapping[Limit, float]) -> Trial | None:
    """Of the trials that fit, the one with the lowest FRR.

    Among equals it is the more accurate, then the one with less cross-entropy, then the smaller in
    file, arena and MACs. Many trials miss none of a few hundred validation clips.
    """
    fitting = [trial for trial in trials if fits(trial, budget)]
    return min(
        fitting,
        key=lambda trial: (
            trial.frr,
            -(trial.accuracy or 0.0),
            math.inf if trial.loss is None else trial.loss,
            *costs(trial),
            trial.number,
        ),
        default=None,
    )


def thin_front(trials: Sequence[Trial], most: int) -> list[Trial]:
    """The trials that no other beats in bytes and FRR, the smallest file first.

    Only the `most` with the lowest FRR are returned.
    """
    measured = sorted(
        (trial for trial in trials if trial.frr is not None), key=lambda trial: trial.number
    )
    points = [(float(trial.bytes or 0), trial.frr or 0.0) for trial in measured]
    chosen = [measured[index] for index in pareto.stairs(points)]
    return chosen[-most:] if most else []
