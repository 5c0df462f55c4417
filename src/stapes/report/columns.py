"""Every column of the results table: its key, title, help, value, and how the value is written.

The terminal, results.csv, the page, the comparison of two runs, README's table and docs/results.md
use these columns; each lists the keys that it shows. results.csv has every column, and the page
shows the others in the details of a model.
"""

from __future__ import annotations

from collections.abc import Iterable

from stapes.contracts.results import Results, VariantResult
from stapes.report.column import Column, ModelColumn
from stapes.report.notes import at_rate
from stapes.report.sound_columns import (
    SOUND_COLUMNS,
    against_float32,
    at_rates,
    frr_column,
    in_noise,
    other_rates,
)
from stapes.report.target_columns import TARGET_COLUMNS
from stapes.system.text import count, percent, points, probability

FIRST = (
    *("name", "bytes", "tflm_arena_bytes", "frr", "frr_at_10_db", "delay_seconds_p50"),
    *("esphome_runs", "tflm_agrees", "accuracy"),
)
"""The columns that come first, in the order of what matters where there is continuous sound."""

OF_CLIPS = ("size_ratio", "gzip_bytes", "false_negatives", "false_positives", "frr_at_fpr")
"""The columns that tables leave out where there is continuous sound, for lack of room."""


def columns(results: Results, keys: Iterable[str] | None = None) -> list[ModelColumn]:
    """The columns of a run with these keys; without keys, all of them, and no figure twice."""
    by_key = _by_key(results)
    if keys is not None:
        return [by_key[key] for key in keys]
    at_target = by_key["frr"]
    return [
        column
        for column in by_key.values()
        if column is at_target or column.title != at_target.title
    ]


def csv_columns(results: Results) -> list[ModelColumn]:
    """Every column, so that results.csv has the same headings for the same rates."""
    return list(_by_key(results).values())


def sound_columns(results: Results) -> list[ModelColumn]:
    """The columns of the table of continuous sound."""
    keys = (
        *("name", "frr", *(column.key for column in other_rates(results))),
        *("fa_per_hour", "threshold", "cutoff", "steps_to_spare"),
        *("delay_seconds_p50", "delay_seconds_p95", "frr_against_float32_p"),
        *(column.key for column in in_noise(results)),
        *("auc", "eer"),
    )
    return columns(results, keys)


def _by_key(results: Results) -> dict[str, ModelColumn]:
    of_run = (frr_column(results), *at_rates(results), *in_noise(results))
    return COLUMNS | {column.key: column for column in of_run}


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


def _unfit(row: VariantResult, results: Results) -> str | None:
    recommendation = results.recommendation
    reasons = [] if recommendation is None else recommendation.unfit.get(row.name, [])
    return "; ".join(reasons) or None


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
    *against_float32("frr_at_fpr_against_float32", "FRR of clips", "misses.against_float32"),
    *SOUND_COLUMNS,
    *TARGET_COLUMNS,
    Column("unfit", "not recommended", "Why the model cannot be recommended.", _unfit),
    Column("sha256", "SHA-256", "SHA-256 hash of the .tflite."),
)

_IN_ORDER = {column.key: column for column in _ALL}

COLUMNS = {key: _IN_ORDER[key] for key in (*FIRST, *(key for key in _IN_ORDER if key not in FIRST))}
"""By key, in the order of results.csv."""
