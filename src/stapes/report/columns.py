"""Every column of the results table: its key, title, help, value, and how the value is written.

The terminal, results.csv, the page, the comparison of two runs, README's table and docs/results.md
use these columns; each lists the keys that it shows. results.csv has every column, and the page
shows the others in the details of a model.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from stapes.contracts.measurements import OperatingPoint
from stapes.contracts.results import Results, VariantResult
from stapes.report.column import Column
from stapes.report.notes import at_rate
from stapes.report.target_columns import TARGET_COLUMNS
from stapes.system.text import count, percent, points, points_interval, probability, rate

ModelColumn = Column[VariantResult]


def columns(results: Results, keys: Iterable[str] | None = None) -> list[ModelColumn]:
    """The columns of a run with these keys; without keys, all of them."""
    by_key = COLUMNS | {column.key: column for column in (*at_rates(results), *in_noise(results))}
    return list(by_key.values()) if keys is None else [by_key[key] for key in keys]


def at_rates(results: Results) -> list[ModelColumn]:
    """FRR in continuous sound at each rate of false accepts that the run measured."""
    return [_at_rate(target) for target in (results.detection.rates if results.detection else [])]


def in_noise(results: Results) -> list[ModelColumn]:
    """FRR in continuous sound at each level of noise that the run measured."""
    return [_in_noise(level) for level in (results.detection.snr_db if results.detection else [])]


def sound_columns(results: Results) -> list[ModelColumn]:
    """The columns of the table of continuous sound."""
    fixed = columns(
        results, ("frr", "fa_per_hour", "threshold", "frr_against_float32_p", "auc", "eer")
    )
    return [COLUMNS["name"], *at_rates(results), *fixed, *in_noise(results)]


def _at_rate(target: float) -> ModelColumn:
    def point(row: VariantResult) -> OperatingPoint | None:
        clean = row.detection.conditions[0].at_rates if row.detection else []
        return next((point for point in clean if point.target_fa_per_hour == target), None)

    return _of_point(
        f"frr_at_{target:g}_fa_per_hour",
        f"FRR at {target:g} FA/h",
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
    return Column(
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


def _size_ratio(row: VariantResult, results: Results) -> float | None:
    floats = results.float_of(row)
    return None if floats is None else row.bytes / floats.bytes


def _accuracy_change(row: VariantResult, results: Results) -> float | None:
    float32 = results.float_of(row)
    if float32 is None or float32 is row or row.accuracy is None or float32.accuracy is None:
        return None
    return row.accuracy - float32.accuracy


def _paired_note(row: VariantResult) -> str:
    test = row.against_float32
    if test is None:
        return ""
    return (
        f"of {test.n:,} clips this model alone gets {test.only_this_wrong:,} wrong, float32 alone "
        f"{test.only_other_wrong:,}"
    )


def _misses_note(row: VariantResult) -> str:
    if row.misses is None:
        return ""
    return f"at {at_rate(row.misses)}, threshold {row.misses.threshold:.3f}"


def _against_float32(key: str, title: str, path: str) -> tuple[ModelColumn, ModelColumn]:
    """The difference of an FRR from float32's, and its p-value."""
    return (
        Column(
            key,
            f"{title} minus float32's",
            f"{title} minus that of float32, in percentage points, with a bootstrap 95 % interval.",
            f"{path}.difference",
            points,
            f"{path}.ci95",
            points_interval,
        ),
        Column(
            f"{key}_p",
            f"p of {title}",
            f"Two-sided p-value of the difference in {title} from float32, by the bootstrap.",
            f"{path}.p",
            probability,
        ),
    )


def _clips(key: str, title: str, clips: str) -> ModelColumn:
    return Column(key, title, f"Number of {clips}.", f"confusion.{key}", count)


_ALL: tuple[ModelColumn, ...] = (
    Column("name", "model", "Name of the model."),
    Column("technique", "technique", "Technique that made the model."),
    Column("bytes", "file bytes", "Size of the .tflite, in bytes.", text=count),
    Column(
        "bytes_before_slim",
        "unslimmed bytes",
        "Size of the .tflite before Stapes removed the parts that no interpreter reads, in bytes.",
        text=count,
    ),
    Column("data_bytes", "data bytes", "Size of the .tflite's constants, in bytes.", text=count),
    Column("gzip_bytes", "gzip bytes", "Size of the .tflite after gzip, in bytes.", text=count),
    Column(
        "size_ratio",
        "size ×",
        "Size of the .tflite divided by that of float32.",
        _size_ratio,
        "{:.3f}".format,
    ),
    Column("parameters", "parameters", "Number of weights and biases.", text=count),
    Column(
        "nonzero_parameters",
        "non-zero parameters",
        "Number of weights and biases that are not zero.",
        text=count,
    ),
    Column(
        "accuracy",
        "accuracy",
        "Part of test clips that the model gets right, in percent, with Wilson's 95 % interval.",
        text=percent,
        ends="accuracy_ci95",
    ),
    Column(
        "accuracy_against_float32",
        "points",
        "Accuracy minus that of float32, in percentage points.",
        _accuracy_change,
        points,
    ),
    Column(
        "mcnemar_p",
        "p",
        "Two-sided p-value of McNemar's exact test against float32 on the same test clips.",
        "against_float32.p",
        probability,
        note=_paired_note,
    ),
    Column("n_test", "test clips", "Number of test clips.", text=count),
    _clips("true_positives", "true positives", "test clips of the word that the model detects"),
    _clips("false_negatives", "misses", "test clips of the word that the model does not detect"),
    _clips("false_positives", "false positives", "other test clips that the model detects"),
    _clips("true_negatives", "true negatives", "other test clips that the model does not detect"),
    Column(
        "accuracy_if_cast_unscaled",
        "accuracy if cast",
        "Accuracy if floats are cast to the input type without scale and zero point, in percent.",
        "if_cast_unscaled.accuracy",
        percent,
    ),
    Column(
        "frr_at_fpr",
        "FRR of clips",
        "False reject rate of the test clips at a fixed rate of false positives, in percent, with "
        "a bootstrap 95 % interval.",
        "misses.frr",
        percent,
        "misses.frr_ci95",
        note=_misses_note,
    ),
    Column(
        "frr_at_fpr_percent",
        "false positive rate",
        "Rate of false positives at which FRR of clips is measured, in percent.",
        "misses.false_positive_percent",
        "{:g} %".format,
    ),
    *_against_float32("frr_at_fpr_against_float32", "FRR of clips", "misses.against_float32"),
    Column(
        "frr",
        "FRR in sound",
        "False reject rate in continuous sound at the operating point, in percent, with a "
        "bootstrap 95 % interval.",
        "detection.chosen.frr",
        percent,
        "detection.chosen.frr_ci95",
        note=lambda row: _point_note(_chosen(row)),
    ),
    Column(
        "fa_per_hour",
        "FA/h",
        "False accepts per hour of continuous sound at the operating point.",
        "detection.chosen.fa_per_hour",
        rate,
    ),
    Column(
        "threshold",
        "threshold",
        "Lowest score that counts as the word at the operating point, from 0 to 1.",
        "detection.threshold",
        "{:.4f}".format,
    ),
    *_against_float32("frr_against_float32", "FRR in sound", "detection.against_float32"),
    Column(
        "auc",
        "AUC",
        "Area under the ROC curve of the test clips' scores, from 0 to 1.",
        "detection.auc",
        "{:.4f}".format,
    ),
    Column(
        "eer",
        "EER",
        "Equal error rate of the test clips' scores, in percent.",
        "detection.eer",
        percent,
    ),
    *TARGET_COLUMNS,
    Column("sha256", "SHA-256", "SHA-256 hash of the .tflite."),
)

COLUMNS = {column.key: column for column in _ALL}
"""By key, in the order of results.csv."""
