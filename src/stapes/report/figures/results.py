"""What the figures of a run show: size and accuracy, DET curves, noise, training."""

from __future__ import annotations

import math

from stapes.contracts.measurements import Condition, OperatingPoint
from stapes.contracts.results import Results
from stapes.report.charts import (
    Axis,
    Chart,
    Look,
    Series,
    bounds,
    linear_ticks,
    log_ticks,
    look,
    short,
)
from stapes.report.columns import COLUMNS
from stapes.report.style import looks, staircase
from stapes.system.text import count, interval, percent, rate

_MOST_POINTS = 150
"""Of a curve: more cannot be seen."""


def size_accuracy(results: Results) -> Chart | None:
    """Every measured variant's file size and accuracy with its interval; None if none was."""
    rows = [row for row in results.variants if row.accuracy is not None]
    if not rows:
        return None
    found = looks(results)
    series = []
    for row in rows:
        same = [
            other.name
            for other in rows
            if other is not row
            and other.accuracy == row.accuracy
            and abs(math.log(other.bytes / row.bytes)) < 0.015
        ]
        said = [
            row.name,
            f"{row.bytes:,} bytes",
            f"{percent(row.accuracy)} of {row.n_test:,} clips, 95 %: {interval(row.accuracy_ci95)}",
        ]
        # Points on one place hide each other.
        said += [f"on the same place: {', '.join(same)}"] if same else []
        low, high = row.accuracy_ci95
        series.append(
            Series(
                name=row.name,
                look=found[row.name],
                x=[float(row.bytes)],
                y=[100 * (row.accuracy or 0.0)],
                hover=["\n".join(said)],
                low=[100 * low],
                high=[100 * high],
            )
        )
    low, high = bounds([end for each in series for end in (*each.low, *each.high)])
    high = min(high, 100.4)
    sizes = [row.bytes for row in rows]
    first, last = min(sizes) / 1.1, max(sizes) * 1.08
    stairs = [(float(row.bytes), 100 * (row.accuracy or 0.0)) for row in staircase(rows)]
    guide = stairs[:1]
    for x, y in stairs[1:]:
        guide += [(x, guide[-1][1]), (x, y)]
    guide.append((last, guide[-1][1]))
    return Chart(
        key="size",
        title="Size against accuracy",
        x=Axis(
            "file size [bytes]",
            first,
            last,
            [(value, count(value)) for value in log_ticks(first, last)],
            log=True,
        ),
        y=Axis(
            "accuracy [%]",
            low,
            high,
            [(value, short(value)) for value in linear_ticks(low, min(high, 100.0))],
        ),
        series=series,
        lines=False,
        labels=True,
        guide=guide,
    )


def conditions(results: Results) -> list[str]:
    """The names of the conditions that detection was measured in."""
    return list(
        dict.fromkeys(
            each.name
            for row in results.variants
            if row.detection is not None
            for each in row.detection.conditions
        )
    )


def det(results: Results, condition: str) -> Chart | None:
    """DET curves in one condition; None where there are none.

    The axes are logarithmic, so that zero has no place on them: it is drawn at half of the least
    that can be counted, one false accept in all the hours, one miss of all the words.
    """
    rows = [
        (row.name, each)
        for row in results.variants
        for each in ([] if row.detection is None else row.detection.conditions)
        if each.name == condition and each.det.fa_per_hour and each.hours > 0 and each.words > 0
    ]
    if not rows:
        return None
    found = looks(results)
    least_fa = min(0.5 / each.hours for _, each in rows)
    least_frr = min(50.0 / each.words for _, each in rows)
    most_fa = max(max(each.det.fa_per_hour) for _, each in rows)
    series = [_curve(name, found[name], each, least_fa, least_frr) for name, each in rows]
    high = max(2 * least_fa, most_fa) * 1.1
    return Chart(
        key="det",
        title=f"Detection error trade-off, {condition}",
        x=_log_axis("FA/h", least_fa, high),
        y=_log_axis(f"{COLUMNS['frr'].title} [%]", least_frr, 100.0),
        series=series,
        tip="{0} FA/h\nFRR {1} %\nthreshold {2}",
    )


def noise(results: Results) -> Chart | None:
    """FRR in each condition at the threshold without noise; None where not measured."""
    names = conditions(results)
    if len(names) < 2:
        return None
    found = looks(results)
    series = []
    for row in results.variants:
        points = {
            each.name: (each, each.at_clean_threshold)
            for each in ([] if row.detection is None else row.detection.conditions)
            if each.at_clean_threshold.frr is not None
        }
        known = [(n, *points[name]) for n, name in enumerate(names) if name in points]
        if not known:
            continue
        ends = [point.frr_ci95 or (point.frr or 0.0, point.frr or 0.0) for _, _, point in known]
        series.append(
            Series(
                name=row.name,
                look=found[row.name],
                x=[float(n) for n, _, _ in known],
                y=[100 * (point.frr or 0.0) for _, _, point in known],
                hover=[_at(row.name, each, point) for _, each, point in known],
                low=[100 * low for low, _ in ends],
                high=[100 * high for _, high in ends],
            )
        )
    if not series:
        return None
    top = max(value for each in series for value in each.high)
    high = min(100.0, max(1.0, 1.05 * top))
    return Chart(
        key="noise",
        title="FRR in noise",
        x=Axis(
            "signal to noise ratio",
            -0.25,
            len(names) - 0.75,
            [(float(n), name) for n, name in enumerate(names)],
        ),
        y=Axis(
            f"{COLUMNS['frr'].title} [%]",
            0.0,
            high,
            [(value, short(value)) for value in linear_ticks(0.0, high)],
        ),
        series=series,
    )


def training(results: Results) -> list[Chart]:
    """Loss, accuracy and what else was told of the baseline by epoch, a chart each."""
    history, kept = results.baseline.history, results.baseline.kept_epoch
    charts: list[Chart] = []
    # One by which epochs are kept may be of the validation clips alone.
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
        low, high = bounds([y for each in series for y in each.y])
        last = max(x for each in series for x in each.x)
        epochs = [value for value in linear_ticks(0, last + 1) if value % 1 == 0 and value >= 1]
        charts.append(
            Chart(
                key=f"training-{len(charts)}",
                title=f"{metric} of the baseline",
                x=Axis("epoch", 0.5, last + 0.5, [(value, short(value)) for value in epochs]),
                y=Axis(
                    metric,
                    low,
                    high,
                    [(value, short(value)) for value in linear_ticks(low, high, 5)],
                ),
                series=series,
                mark=None if kept is None else (float(kept), f"kept: epoch {kept}"),
            )
        )
    return charts


def _log_axis(title: str, least: float, high: float) -> Axis:
    ticks = [(value, short(value)) for value in log_ticks(1.5 * least, high)]
    return Axis(title, 0.85 * least, high, [(least, "0"), *ticks], log=True)


def _curve(name: str, its: Look, each: Condition, least_fa: float, least_frr: float) -> Series:
    curve = each.det
    ordered = [
        (fa, frr, at)
        for fa, frr, at in zip(curve.fa_per_hour, curve.frr, curve.threshold, strict=True)
        if math.isfinite(fa) and math.isfinite(frr)
    ]
    # Of thresholds that give the same, the highest tells it.
    points = list({(fa, frr): (fa, frr, at) for fa, frr, at in reversed(ordered)}.values())
    points.reverse()
    if len(points) > _MOST_POINTS:
        step = (len(points) - 1) / (_MOST_POINTS - 1)
        points = [points[round(n * step)] for n in range(_MOST_POINTS)]
    return Series(
        name=name,
        look=its,
        x=[max(fa, least_fa) for fa, _, _ in points],
        y=[max(100 * frr, least_frr) for _, frr, _ in points],
        hover=[],
        values=[(_three(fa), _three(100 * frr), _threshold(at)) for fa, frr, at in points],
    )


def _three(value: float) -> str:
    """A value with three digits, never as a power of ten."""
    return short(float(f"{value:.3g}"))


def _threshold(value: float) -> str:
    return f"{value:.3f}" if math.isfinite(value) else "above every score"


def _at(name: str, each: Condition, point: OperatingPoint) -> str:
    said = [name, f"{each.name}: FRR {percent(point.frr)} of {each.words:,} words"]
    said += [f"95 %: {interval(point.frr_ci95)}"] if point.frr_ci95 else []
    if point.fa_per_hour is not None:
        said.append(f"{rate(point.fa_per_hour)} FA/h")
    return "\n".join(said)
