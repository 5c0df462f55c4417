"""Which models are in colour at first, and how each looks in every figure."""

from __future__ import annotations

from stapes.contracts.results import Results, VariantResult
from stapes.measure.front import stairs
from stapes.report.charts import COLOURS, Look, look


def staircase(rows: list[VariantResult]) -> list[VariantResult]:
    """The rows, by size, that are more accurate than every row that is no larger."""
    measured = [row for row in rows if row.accuracy is not None]
    points = [(float(row.bytes), -(row.accuracy or 0.0)) for row in measured]
    return [measured[index] for index in stairs(points)]


def recommended(results: Results) -> str | None:
    """The recommended variant, where the run names one."""
    return None if results.recommendation is None else results.recommendation.variant


def looks(results: Results) -> dict[str, Look]:
    """How each variant looks, by name, the same in every figure.

    The recommended variant, float32 and the Pareto front are in colour at first, as many as there
    are colours. A run without a recommendation has the front of bytes and accuracy.
    """
    names = [row.name for row in results.variants]
    corners = [row.name for row in staircase(results.variants)]
    front = corners if results.recommendation is None else results.recommendation.front
    # A front over four measures begins with the variants on the figure's own front.
    first = [recommended(results), "float32", *(name for name in front if name in corners), *front]
    ordered = list(dict.fromkeys(name for name in first if name in names))
    chosen = set(ordered[:COLOURS])
    ordered = list(dict.fromkeys(ordered + names))
    return {
        name: look(number, variant=names.index(name), chosen=name in chosen)
        for number, name in enumerate(ordered)
    }
