"""Which models stand out at first, and how each looks in every figure."""

from __future__ import annotations

from stapes.contracts.results import Results, VariantResult
from stapes.measure.front import stairs
from stapes.report.charts import Look, look

MOST_CHOSEN = 7
"""More lines than colours cannot be told apart at once."""


def staircase(rows: list[VariantResult]) -> list[VariantResult]:
    """The rows, by size, that are more accurate than every row that is no larger."""
    measured = [row for row in rows if row.accuracy is not None]
    points = [(float(row.bytes), -(row.accuracy or 0.0)) for row in measured]
    return [measured[index] for index in stairs(points)]


def front(results: Results) -> list[str]:
    """The Pareto front: the run's, or over bytes and accuracy where the run has none."""
    if results.recommendation is not None:
        return results.recommendation.front
    return [row.name for row in staircase(results.variants)]


def recommended(results: Results) -> str | None:
    """The variant to ship, where the run names one."""
    return None if results.recommendation is None else results.recommendation.variant


def looks(results: Results) -> dict[str, Look]:
    """How each variant looks, by name: in every figure the same.

    What to ship, float32 and the front stand out at first, as many as there are colours.
    """
    names = [row.name for row in results.variants]
    stairs = [row.name for row in staircase(results.variants)]
    first = front(results)
    # Of a front over four measures, those come first that lie on it in the figure too.
    wanted = [recommended(results), "float32"]
    wanted += [name for name in first if name in stairs] + first
    ordered = list(dict.fromkeys(name for name in wanted if name in names))
    chosen = set(ordered[:MOST_CHOSEN])
    ordered = list(dict.fromkeys(ordered + names))
    return {
        name: look(number, variant=names.index(name), chosen=name in chosen)
        for number, name in enumerate(ordered)
    }
