"""Which models are in colour at first, and how each looks in every figure."""

from __future__ import annotations

from stapes.contracts.results import Results, VariantResult
from stapes.measure.front import stairs
from stapes.report.charts import COLOURS, Look, look


def frr_in_sound(row: VariantResult) -> float | None:
    """False rejects in continuous sound at the operating point; None if not measured."""
    return None if row.detection is None else row.detection.chosen.frr


def staircase(rows: list[VariantResult]) -> list[VariantResult]:
    """The rows, by size, that are better than every row that is no larger.

    Better is to miss fewer words in continuous sound if any row was measured in it, else to be more
    accurate.
    """
    costs = [(row, frr_in_sound(row)) for row in rows]
    if all(cost is None for _, cost in costs):
        costs = [(row, None if row.accuracy is None else -row.accuracy) for row in rows]
    measured = [(row, cost) for row, cost in costs if cost is not None]
    points = [(float(row.bytes), cost) for row, cost in measured]
    return [measured[index][0] for index in stairs(points)]


def recommended(results: Results) -> str | None:
    """The recommended variant, where the run names one."""
    return None if results.recommendation is None else results.recommendation.variant


def looks(results: Results) -> dict[str, Look]:
    """How each variant looks, by name, the same in every figure.

    The recommended variant, its float model and the Pareto front are in colour at first, as many as
    there are colours. A run without a recommendation has the front of the figure of sizes.
    """
    names = [row.name for row in results.variants]
    corners = [row.name for row in staircase(results.variants)]
    front = corners if results.recommendation is None else results.recommendation.front
    # Where continuous sound decides, the figures have the rows that were measured in it.
    shown = [row for row in results.variants if row.detection is not None] or results.variants
    floats = [row.name for row in map(results.float_of, shown) if row is not None]
    # A front over four measures begins with the variants on the figure's own front.
    first = [recommended(results), *floats, *(name for name in front if name in corners), *front]
    ordered = list(dict.fromkeys(name for name in first if name in names))
    chosen = set(ordered[:COLOURS])
    ordered = list(dict.fromkeys(ordered + names))
    return {
        name: look(number, variant=names.index(name), chosen=name in chosen)
        for number, name in enumerate(ordered)
    }
