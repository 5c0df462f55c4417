"""The figure of file size and quality: false rejects in continuous sound, or clip accuracy.

Where continuous sound was measured, the figure shows the models that were measured in it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from stapes.contracts.results import Results, VariantResult
from stapes.report.charts import Axis, Chart, Look, Series, bounds, linear_axis, log_axis, steps
from stapes.report.columns import COLUMNS
from stapes.report.sound_columns import frr_column
from stapes.report.style import frr_in_sound, looks, staircase
from stapes.system.text import interval, percent

Ends = tuple[float, float]


@dataclass(frozen=True)
class Measure:
    """What the figure shows over the size.

    title : with the unit
    value : of a row; None if it was not measured
    ends : its 95 % interval
    tip : of a row, in words
    axis : over the ends of all intervals, in percent
    """

    title: str
    value: Callable[[VariantResult], float | None]
    ends: Callable[[VariantResult], Ends | None]
    tip: Callable[[VariantResult], str]
    axis: Callable[[str, float, float], Axis]

    def rows(self, rows: Sequence[VariantResult]) -> list[VariantResult]:
        """Those that were measured."""
        return [row for row in rows if self.value(row) is not None]


def measure_of(*runs: Results) -> Measure:
    """FRR in sound if each of the runs has it, else the accuracy."""
    if all(any(frr_in_sound(row) is not None for row in run.variants) for run in runs):
        title = frr_column(runs[0]).title if len(runs) == 1 else COLUMNS["frr"].title
        return Measure(title, frr_in_sound, _frr_ends, _frr_tip, _frr_axis)
    title = COLUMNS["accuracy"].title
    return Measure(title, lambda row: row.accuracy, lambda row: row.accuracy_ci95, _tip, _axis)


def size(results: Results) -> Chart | None:
    """Every measured variant's file size and quality with its interval; None if none was."""
    shown = measure_of(results)
    rows = shown.rows(results.variants)
    if not rows:
        return None
    tips = {row.name: f"{row.name}\n{row.bytes:,} bytes\n{shown.tip(row)}" for row in rows}
    for row in rows:
        # Points at one place hide each other.
        same = [
            other.name
            for other in rows
            if other is not row
            and shown.value(other) == shown.value(row)
            and abs(math.log(other.bytes / row.bytes)) < 0.015
        ]
        tips[row.name] += f"\nat the same place: {', '.join(same)}" if same else ""
    look_of = looks(results)
    drawn = [points(shown, row.name, look_of[row.name], [row], tips) for row in rows]
    figure = chart("size", shown, drawn, labels=True)
    corners = [(float(row.bytes), 100 * (shown.value(row) or 0.0)) for row in staircase(rows)]
    return replace(figure, guide=steps(corners, figure.x.high))


def points(
    shown: Measure, name: str, its_look: Look, rows: list[VariantResult], tips: dict[str, str]
) -> Series:
    """Measured rows as points, with a tooltip for each."""
    values = [100 * (shown.value(row) or 0.0) for row in rows]
    ends = [shown.ends(row) for row in rows]
    pairs = list(zip(ends, values, strict=True))
    return Series(
        name=name,
        look=its_look,
        x=[float(row.bytes) for row in rows],
        y=values,
        hover=[tips[row.name] for row in rows],
        low=[value if both is None else 100 * both[0] for both, value in pairs],
        high=[value if both is None else 100 * both[1] for both, value in pairs],
    )


def chart(key: str, shown: Measure, series: list[Series], *, labels: bool = False) -> Chart:
    """A chart of file size and quality."""
    low, high = bounds([end for one in series for end in (*one.low, *one.high)])
    sizes = [x for one in series for x in one.x]
    return Chart(
        key=key,
        title=f"Size against {shown.title}",
        x=log_axis("file size [bytes]", min(sizes) / 1.1, max(sizes) * 1.08),
        y=shown.axis(f"{shown.title} [%]", low, high),
        series=series,
        lines=False,
        labels=labels,
    )


def _axis(title: str, low: float, high: float) -> Axis:
    return linear_axis(title, low, min(high, 100.4), most=100.0)


def _frr_axis(title: str, low: float, high: float) -> Axis:
    return linear_axis(title, 0.0, min(high, 100.4), most=100.0)


def _tip(row: VariantResult) -> str:
    right = f"{percent(row.accuracy)} of {row.n_test:,} clips"
    return f"{right}, 95 %: {interval(row.accuracy_ci95)}"


def _frr_tip(row: VariantResult) -> str:
    ends = _frr_ends(row)
    between = "" if ends is None else f", 95 %: {interval(ends)}"
    return f"FRR {percent(frr_in_sound(row))}{between}"


def _frr_ends(row: VariantResult) -> Ends | None:
    return None if row.detection is None else row.detection.chosen.frr_ci95
