"""The columns of continuous sound: false rejects, false accepts, delay, and the device's cutoff."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from stapes.contracts.measurements import OperatingPoint
from stapes.contracts.results import Results, VariantResult
from stapes.report.column import ModelColumn
from stapes.system.text import count, measure, percent, points, points_interval, probability, rate

USUAL_DB = 10.0
"""The noise whose FRR the tables show, where it was measured."""


def chosen_rate(results: Results) -> float | None:
    """The rate of false accepts an hour that the thresholds of all rows are chosen for.

    None if nothing was measured in continuous sound, or if rows have different rates.
    """
    rates = {point.target_fa_per_hour for row in results.variants if (point := _chosen(row))}
    return rates.pop() if len(rates) == 1 else None


def frr_column(results: Results) -> ModelColumn:
    """FRR in sound, whose title names the rate if all rows have the same."""
    column, target = _COLUMNS["frr"], chosen_rate(results)
    return column if target is None else replace(column, title=_title(target))


def at_rates(results: Results) -> list[ModelColumn]:
    """FRR in continuous sound at each rate of false accepts that the run measured."""
    return [_at_rate(target) for target in (results.detection.rates if results.detection else [])]


def other_rates(results: Results) -> list[ModelColumn]:
    """The columns of the rates that the thresholds are not chosen for."""
    chosen = frr_column(results).title
    return [column for column in at_rates(results) if column.title != chosen]


def in_noise(results: Results) -> list[ModelColumn]:
    """FRR in continuous sound at each level of noise that the run measured."""
    return [_in_noise(level) for level in (results.detection.snr_db if results.detection else [])]


def _title(target: float) -> str:
    return f"FRR at {rate(target)} FA/h"


def _at_rate(target: float) -> ModelColumn:
    def point(row: VariantResult) -> OperatingPoint | None:
        clean = row.detection.conditions[0].at_rates if row.detection else []
        return next((point for point in clean if point.target_fa_per_hour == target), None)

    return _of_point(
        f"frr_at_{target:g}_fa_per_hour",
        _title(target),
        f"False reject rate in continuous sound at {target:g} false accepts per hour, in percent, "
        "with a bootstrap 95 % interval.",
        point,
    )


def _in_noise(snr_db: float) -> ModelColumn:
    def point(row: VariantResult) -> OperatingPoint | None:
        conditions = row.detection.conditions if row.detection else []
        points = (level.at_clean_threshold for level in conditions if level.snr_db == snr_db)
        return next(points, None)

    return _of_point(
        f"frr_at_{snr_db:g}_db",
        f"FRR at {snr_db:g} dB",
        f"False reject rate in continuous sound with noise at {snr_db:g} dB, at the threshold "
        "chosen without noise, in percent, with Wilson's 95 % interval.",
        point,
    )


def _of_point(
    key: str, title: str, sentence: str, point: Callable[[VariantResult], OperatingPoint | None]
) -> ModelColumn:
    return ModelColumn(
        key,
        title,
        sentence,
        lambda row, _: getattr(point(row), "frr", None),
        percent,
        lambda row: getattr(point(row), "frr_ci95", None),
        note=lambda row: _point_note(point(row)),
    )


def _point_note(point: OperatingPoint | None) -> str:
    """The threshold and false accepts of an operating point, or why they are missing."""
    if point is None or point.frr is None:
        return "" if point is None else point.reason or ""
    parts = [] if point.threshold is None else [f"threshold {point.threshold:.3f}"]
    parts += [] if point.fa_per_hour is None else [f"{rate(point.fa_per_hour)} FA/h"]
    return ", ".join(parts)


def _chosen(row: VariantResult) -> OperatingPoint | None:
    return None if row.detection is None else row.detection.chosen


def _field_ms(row: VariantResult, _: Results) -> float | None:
    form = row.stream
    return None if form is None else form.receptive_field * form.step_ms / form.stride


def _step_macs(row: VariantResult, results: Results) -> int | None:
    """Of the float model; None for a row of other sizes, such as `stream_tiny`."""
    floats = results.float_of(row)
    if row.stream is None or results.streams is None or floats is None:
        return None
    return results.streams.baseline.macs if row.parameters == floats.parameters else None


def against_float32(key: str, title: str, path: str) -> tuple[ModelColumn, ModelColumn]:
    """The difference of an FRR from float32's, and its p-value."""
    return (
        ModelColumn(
            key,
            f"{title} minus float32's",
            f"{title} minus that of float32, in percentage points, with a bootstrap 95 % interval.",
            f"{path}.difference",
            points,
            f"{path}.ci95",
            points_interval,
        ),
        ModelColumn(
            f"{key}_p",
            f"p of {title}",
            f"Two-sided p-value of the difference in {title} from float32, by the bootstrap.",
            f"{path}.p",
            probability,
        ),
    )


def _delay(key: str, title: str, part: str) -> ModelColumn:
    return ModelColumn(
        key,
        title,
        f"{part} of the times from a clip's end to its detection, in seconds, below 0 if it comes "
        "before the end.",
        f"detection.chosen.{key}",
        "{:.2f}".format,
    )


SOUND_COLUMNS = (
    ModelColumn(
        "frr",
        "FRR in sound",
        "False reject rate in continuous sound at the operating point, in percent, with a "
        "bootstrap 95 % interval.",
        "detection.chosen.frr",
        percent,
        "detection.chosen.frr_ci95",
        note=lambda row: _point_note(_chosen(row)),
    ),
    _in_noise(USUAL_DB),
    _delay("delay_seconds_p50", "delay s", "Median"),
    _delay("delay_seconds_p95", "delay p95 s", "95th percentile"),
    ModelColumn(
        "fa_per_hour",
        "FA/h",
        "False accepts per hour of continuous sound at the operating point.",
        "detection.chosen.fa_per_hour",
        rate,
    ),
    ModelColumn(
        "threshold",
        "threshold",
        "Lowest score that counts as the word at the operating point, from 0 to 1.",
        "detection.threshold",
        "{:.4f}".format,
    ),
    ModelColumn(
        "cutoff",
        "cutoff",
        "Threshold as the device takes it, as the highest mean of outputs that is no detection, "
        "from 0 to 255.",
        "detection.device.cutoff",
        count,
    ),
    ModelColumn(
        "probability_cutoff",
        "probability_cutoff",
        "Value of `probability_cutoff` in ESPHome's manifest for this cutoff, from 0 to 1.",
        "detection.device.probability_cutoff",
        "{:.4f}".format,
    ),
    ModelColumn(
        "steps_to_spare",
        "steps to spare",
        "Steps of the output from the cutoff to 255, with few of which the cutoff can hardly be "
        "stricter.",
        "detection.device.steps_to_spare",
        count,
    ),
    ModelColumn(
        "step_ms",
        "step ms",
        "Time from one output of a detector in a stream to the next, in milliseconds.",
        "stream.step_ms",
        measure,
    ),
    ModelColumn(
        "receptive_field_ms",
        "receptive field ms",
        "Sound that an output of a detector in a stream depends on, in milliseconds.",
        _field_ms,
        count,
    ),
    ModelColumn(
        "step_macs",
        "MACs a step",
        "Multiply-accumulates of a step of a detector in a stream.",
        _step_macs,
        count,
    ),
    *against_float32("frr_against_float32", "FRR in sound", "detection.against_float32"),
    ModelColumn(
        "auc",
        "AUC",
        "Area under the ROC curve of the test clips' scores, from 0 to 1.",
        "detection.auc",
        "{:.4f}".format,
    ),
    ModelColumn(
        "eer",
        "EER",
        "Equal error rate of the test clips' scores, in percent.",
        "detection.eer",
        percent,
    ),
)

_COLUMNS = {column.key: column for column in SOUND_COLUMNS}
