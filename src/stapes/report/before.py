"""Before and after: the model of an earlier run and this run's, in the same sound."""

from __future__ import annotations

from rich.table import Table

from stapes.contracts.before import Before, Compared
from stapes.contracts.measurements import OperatingPoint
from stapes.contracts.results import Results
from stapes.report.column import Cell, Head
from stapes.report.terminal.grid import grid
from stapes.system.text import (
    UNKNOWN,
    interval,
    p_value,
    percent,
    plural,
    rate,
    rate_interval,
)

COLUMNS = (
    Head("cutoff", "cutoff", "What the mean of the outputs must exceed, of 255."),
    Head("frr", "FRR", "The part of the words that are missed, without noise."),
    Head("misses", "misses", "Words that are missed."),
    Head("fa_per_hour", "FA/h", "False accepts per hour, without noise."),
    Head("false_accepts", "false accepts", "Their number."),
)


def rows(before: Before) -> list[tuple[str, list[Cell]]]:
    """A name and the cells of `COLUMNS`: each model as shipped, then at one rate."""
    table = []
    for compared, when in ((before.as_shipped, ""), (before.at_rate, ", at one rate")):
        if compared is not None:
            table += [
                (f"before: {before.variant}{when}", _cells(compared.before)),
                (f"after: {before.after}{when}", _cells(compared.after)),
            ]
    return table


def sentences(results: Results) -> list[str]:
    """What the table does not show; empty without a comparison."""
    before, setup = results.before, results.detection
    if before is None or setup is None:
        return []
    text = [
        f"Before is {before.variant} of {before.run}. Both models were measured in the sound of "
        "this run, word by word."
    ]
    if before.as_shipped is not None:
        text.append(f"With the cutoffs that the runs chose, {_apart(before.as_shipped)}")
    if before.at_rate is not None:
        target = before.at_rate.after.target_fa_per_hour or setup.target_fa_per_hour
        text.append(f"With thresholds for {rate(target)} FA/h here, {_apart(before.at_rate)}")
    else:
        text.append("At one rate nothing is compared: a model has no threshold for it.")
    if not before.same_data:
        text.append(
            "The run before has other data or another seed: it may have learned from sound of this "
            "test, and then its figures are too good."
        )
    return text


def table(results: Results) -> Table | None:
    """The comparison for a terminal; None without one."""
    if results.before is None:
        return None
    titles = ("", *(f">{column.title}" for column in COLUMNS))
    cells = [[name, *map(str, row)] for name, row in rows(results.before)]
    return grid("Before and after, in the same sound", titles, cells)


def _apart(compared: Compared) -> str:
    words, p = compared.words, p_value(compared.words.p)
    return (
        f"the model after alone misses {plural(words.only_this_wrong, 'word')} of {words.n:,}, and "
        f"the model before alone {words.only_other_wrong:,} (McNemar, {p})."
    )


def _cells(point: OperatingPoint) -> list[Cell]:
    accepts = point.fa_per_hour_ci95
    return [
        Cell(UNKNOWN if point.cutoff is None else f"{point.cutoff}", point.cutoff),
        Cell(percent(point.frr), point.frr, interval(point.frr_ci95)),
        _count(point.misses),
        Cell(
            UNKNOWN if point.fa_per_hour is None else rate(point.fa_per_hour),
            point.fa_per_hour,
            "" if accepts is None else rate_interval(accepts),
        ),
        _count(point.false_accepts),
    ]


def _count(number: int | None) -> Cell:
    return Cell(UNKNOWN if number is None else f"{number:,}", number)
