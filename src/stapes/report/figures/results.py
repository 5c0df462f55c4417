"""The figures of a run: DET curves, noise, training."""

from __future__ import annotations

import math

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
    log_ticks,
    look,
    short,
)
from stapes.report.columns import COLUMNS
from stapes.report.notes import streams_alone
from stapes.report.style import looks
from stapes.system.text import interval, percent, rate

_MOST_POINTS = 150
"""Of a curve: more cannot be seen."""


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
    """A chart of each metric in the history of each baseline, by epoch."""
    baseline, streams = results.baseline, results.streams
    histories = [("the baseline", baseline.history, baseline.kept_epoch)]
    if streams is not None:
        others = streams.baseline
        histories = [] if streams_alone(results) else histories
        histories.append(("the detectors in a stream", others.history, others.kept_epoch))
    charts: list[Chart] = []
    for of, history, epoch in histories:
        # The metric that chooses the epoch may be of the validation clips alone.
        for metric in dict.fromkeys(name.removeprefix("val_") for name in history):
            series = _histories(history, metric)
            if series:
                charts.append(_by_epoch(f"training-{len(charts)}", metric, of, series, epoch))
    return charts


def _histories(history: dict[str, list[float]], metric: str) -> list[Series]:
    """A metric by epoch, in training and on the validation clips."""
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
    return series


def _by_epoch(key: str, metric: str, of: str, series: list[Series], epoch: int | None) -> Chart:
    last = max(x for one in series for x in one.x)
    label = "FRR" if metric == "frr" else metric
    epochs = [value for value in linear_ticks(0, last + 1) if value % 1 == 0 and value >= 1]
    return Chart(
        key=key,
        title=f"{label} of {of}",
        x=Axis("epoch", 0.5, last + 0.5, [(value, short(value)) for value in epochs]),
        y=linear_axis(label, *bounds([y for one in series for y in one.y])),
        series=series,
        mark=None if epoch is None else (float(epoch), f"kept: epoch {epoch}"),
    )


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
