"""The figures of a run: size and accuracy, DET curves, noise, training."""

from __future__ import annotations

import math
from dataclasses import replace

from stapes.contracts.measurements import Condition, OperatingPoint
from stapes.contracts.results import Results, VariantResult
from stapes.report.charts import (
    Axis,
    Chart,
    Look,
    Series,
    bounds,
    linear_axis,
    linear_ticks,
    log_axis,
    log_ticks,
    look,
    short,
    steps,
)
from stapes.report.columns import COLUMNS
from stapes.report.style import looks, staircase
from stapes.system.text import interval, percent, rate

_MOST_POINTS = 150
"""Of a curve: more cannot be seen."""


def size_accuracy(results: Results) -> Chart | None:
    """Every measured variant's file size and accuracy with its interval; None if none was."""
    rows = [row for row in results.variants if row.accuracy is not None]
    if not rows:
        return None

    tips = {}
    for row in rows:
        tips[row.name] = (
            f"{row.name}\n{row.bytes:,} bytes\n"
            f"{percent(row.accuracy)} of {row.n_test:,} clips, 95 %: {interval(row.accuracy_ci95)}"
        )
        # Points at one place hide each other.
        same = [
            other.name
            for other in rows
            if other is not row
            and other.accuracy == row.accuracy
            and abs(math.log(other.bytes / row.bytes)) < 0.015
        ]
        tips[row.name] += f"\nat the same place: {', '.join(same)}" if same else ""
    look_of = looks(results)
    series = [accuracy_series(row.name, look_of[row.name], [row], tips) for row in rows]
    chart = accuracy_chart("size", series, labels=True)
    corners = [(float(row.bytes), 100 * (row.accuracy or 0.0)) for row in staircase(rows)]
    return replace(chart, guide=steps(corners, chart.x.high))


def accuracy_series(
    name: str, its_look: Look, rows: list[VariantResult], tips: dict[str, str]
) -> Series:
    """The file size and accuracy of measured rows as points, with a tooltip for each row."""
    return Series(
        name=name,
        look=its_look,
        x=[float(row.bytes) for row in rows],
        y=[100 * (row.accuracy or 0.0) for row in rows],
        hover=[tips[row.name] for row in rows],
        low=[100 * row.accuracy_ci95[0] for row in rows],
        high=[100 * row.accuracy_ci95[1] for row in rows],
    )


def accuracy_chart(key: str, series: list[Series], *, labels: bool = False) -> Chart:
    """A chart of file size and accuracy."""
    low, high = bounds([end for one in series for end in (*one.low, *one.high)])
    sizes = [x for one in series for x in one.x]
    return Chart(
        key=key,
        title="Size against accuracy",
        x=log_axis("file size [bytes]", min(sizes) / 1.1, max(sizes) * 1.08),
        y=linear_axis("accuracy [%]", low, min(high, 100.4), most=100.0),
        series=series,
        lines=False,
        labels=labels,
    )


def conditions(results: Results) -> list[str]:
    """The names of the conditions in which detection was measured."""
    names = (condition.name for row in results.variants for condition in _conditions(row))
    return list(dict.fromkeys(names))


def det(results: Results, name: str) -> Chart | None:
    """DET curves in one condition; None where there are none.

    Zero has no place on a logarithmic axis. It is drawn at half of one false accept in all the
    hours, or half of one miss of all the words.
    """
    rows = [
        (row.name, condition)
        for row in results.variants
        for condition in _conditions(row)
        if condition.name == name
        and condition.det.fa_per_hour
        and condition.hours > 0
        and condition.words > 0
    ]
    if not rows:
        return None
    look_of = looks(results)
    least_fa = min(0.5 / condition.hours for _, condition in rows)
    least_frr = min(50.0 / condition.words for _, condition in rows)
    most_fa = max(max(condition.det.fa_per_hour) for _, condition in rows)
    return Chart(
        key="det",
        title=f"Detection error trade-off, {name}",
        x=_axis_with_zero("FA/h", least_fa, max(2 * least_fa, most_fa) * 1.1),
        y=_axis_with_zero(f"{COLUMNS['frr'].title} [%]", least_frr, 100.0),
        series=[
            _curve(model, look_of[model], condition, least_fa, least_frr)
            for model, condition in rows
        ],
        tip="{0} FA/h\nFRR {1} %\nthreshold {2}",
    )


def noise(results: Results) -> Chart | None:
    """FRR in each condition at the threshold chosen without noise; None if not measured."""
    names = conditions(results)
    if len(names) < 2:
        return None
    look_of = looks(results)
    series = []
    for row in results.variants:
        points = {
            condition.name: (condition, condition.at_clean_threshold)
            for condition in _conditions(row)
            if condition.at_clean_threshold.frr is not None
        }
        measured = [(n, *points[name]) for n, name in enumerate(names) if name in points]
        if not measured:
            continue
        ends = [point.frr_ci95 or (point.frr or 0.0, point.frr or 0.0) for _, _, point in measured]
        series.append(
            Series(
                name=row.name,
                look=look_of[row.name],
                x=[float(n) for n, _, _ in measured],
                y=[100 * (point.frr or 0.0) for _, _, point in measured],
                hover=[_noise_tip(row.name, condition, point) for _, condition, point in measured],
                low=[100 * low for low, _ in ends],
                high=[100 * high for _, high in ends],
            )
        )
    if not series:
        return None
    top = max(value for one in series for value in one.high)
    levels = [(float(n), name) for n, name in enumerate(names)]
    return Chart(
        key="noise",
        title="FRR in noise",
        x=Axis("signal to noise ratio", -0.25, len(names) - 0.75, levels),
        y=linear_axis(f"{COLUMNS['frr'].title} [%]", 0.0, min(100.0, max(1.0, 1.05 * top))),
        series=series,
    )


def training(results: Results) -> list[Chart]:
    """A chart of each metric in the baseline's history, by epoch."""
    history, epoch = results.baseline.history, results.baseline.kept_epoch
    charts: list[Chart] = []
    # The metric that chooses the epoch may be of the validation clips alone.
    for metric in dict.fromkeys(name.removeprefix("val_") for name in history):
        series = []
        sources = (("training", metric, 2), ("validation", f"val_{metric}", 0))
        for name, key, number in sources:
            points = [
                (float(n), value)
                for n, value in enumerate(history.get(key, []), 1)
                if math.isfinite(value)
            ]
            if points:
                series.append(
                    Series(
                        name=name,
                        look=look(number),
                        x=[x for x, _ in points],
                        y=[y for _, y in points],
                        hover=[f"epoch {x:.0f}\n{metric}, {name}: {y:.4g}" for x, y in points],
                    )
                )
        if not series:
            continue
        last = max(x for one in series for x in one.x)
        epochs = [value for value in linear_ticks(0, last + 1) if value % 1 == 0 and value >= 1]
        charts.append(
            Chart(
                key=f"training-{len(charts)}",
                title=f"{metric} of the baseline",
                x=Axis("epoch", 0.5, last + 0.5, [(value, short(value)) for value in epochs]),
                y=linear_axis(metric, *bounds([y for one in series for y in one.y])),
                series=series,
                mark=None if epoch is None else (float(epoch), f"kept: epoch {epoch}"),
            )
        )
    return charts


def _conditions(row: VariantResult) -> list[Condition]:
    return [] if row.detection is None else row.detection.conditions


def _axis_with_zero(title: str, least: float, high: float) -> Axis:
    """A logarithmic axis with zero at `least`."""
    ticks = [(value, short(value)) for value in log_ticks(1.5 * least, high)]
    return Axis(title, 0.85 * least, high, [(least, "0"), *ticks], log=True)


def _curve(
    name: str, its_look: Look, condition: Condition, least_fa: float, least_frr: float
) -> Series:
    curve = condition.det
    finite = [
        (fa, frr, threshold)
        for fa, frr, threshold in zip(curve.fa_per_hour, curve.frr, curve.threshold, strict=True)
        if math.isfinite(fa) and math.isfinite(frr)
    ]
    # Of thresholds with the same rates, the highest is shown.
    points = list({point[:2]: point for point in reversed(finite)}.values())
    points.reverse()
    if len(points) > _MOST_POINTS:
        step = (len(points) - 1) / (_MOST_POINTS - 1)
        points = [points[round(n * step)] for n in range(_MOST_POINTS)]
    return Series(
        name=name,
        look=its_look,
        x=[max(fa, least_fa) for fa, _, _ in points],
        y=[max(100 * frr, least_frr) for _, frr, _ in points],
        hover=[],
        values=[(_three(fa), _three(100 * frr), _threshold(value)) for fa, frr, value in points],
    )


def _three(value: float) -> str:
    """A value with three digits, never as a power of ten."""
    return short(float(f"{value:.3g}"))


def _threshold(value: float) -> str:
    return f"{value:.3f}" if math.isfinite(value) else "above every score"


def _noise_tip(name: str, condition: Condition, point: OperatingPoint) -> str:
    lines = [name, f"{condition.name}: FRR {percent(point.frr)} of {condition.words:,} words"]
    lines += [f"95 %: {interval(point.frr_ci95)}"] if point.frr_ci95 else []
    lines += [f"{rate(point.fa_per_hour)} FA/h"] if point.fa_per_hour is not None else []
    return "\n".join(lines)
