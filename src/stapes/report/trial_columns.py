"""The columns of the tables of trials, measured on validation clips or in validation sound."""

from __future__ import annotations

from stapes.contracts.results import Trial
from stapes.report.column import Column
from stapes.report.columns import COLUMNS
from stapes.system.text import count, percent

_FILE, _ARENA = COLUMNS["bytes"], COLUMNS["tflm_arena_bytes"]

_ALL: tuple[Column[Trial], ...] = (
    Column("number", "trial", "Number of the trial."),
    Column("bytes", _FILE.title, _FILE.help, text=count),
    Column("arena_bytes", _ARENA.title, _ARENA.help, text=count),
    Column(
        "macs",
        "MACs",
        "Multiply-accumulates of one inference; of a detector in a stream, of a second of sound.",
        text=count,
    ),
    Column(
        "frr",
        "validation FRR",
        "False reject rate of the validation clips or in validation sound, by which the search "
        "chooses, in percent.",
        text=percent,
    ),
    Column(
        "accuracy",
        "validation accuracy",
        "Part of the validation clips that the model gets right, in percent.",
        text=percent,
    ),
    Column("seconds", "seconds", "Processor time of the trial, in seconds.", text=count),
)

TRIALS = {column.key: column for column in _ALL}
"""By key."""
