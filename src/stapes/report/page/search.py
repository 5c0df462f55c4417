"""The search on the page: its trials as figures and tables.

The figures of trials are of validation clips or sound; those of the test have other columns.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from stapes.contracts.results import Results, Search, Trial
from stapes.measure.front import stairs
from stapes.report.charts import (
    COLOURS,
    SYMBOLS,
    Axis,
    Chart,
    Look,
    Series,
    log_axis,
    log_ticks,
    short,
    steps,
)
from stapes.report.column import Cell, Column, ModelColumn
from stapes.report.columns import columns
from stapes.report.search_notes import architecture, listed, measured, outcome, row_of, where
from stapes.report.trial_columns import TRIALS
from stapes.system.text import UNKNOWN, count, percent

MOST_TRIALS = 600
"""In the table; results.json has all."""

FRONT = ("bytes", "arena_bytes", "macs", "frr")
"""The columns of the front, by key of `TRIALS`."""
ON_TEST, IN_TEST_SOUND = ("frr_at_fpr", "accuracy"), ("frr", "accuracy")
"""The columns of the test that follow, by key of `columns`, without and with streams."""

_BEST = Look(variant=-1, colour=0, dash="solid", symbol="star")


@dataclass(frozen=True)
class TrialRow:
    """A trial in a table."""

    number: int
    summary: str
    cells: list[Cell]
    variant: str | None = None
    best: bool = False


@dataclass(frozen=True)
class Section:
    """The figures and tables of the section."""

    figures: list[Chart]
    columns: list[Column[Any]]
    rows: list[TrialRow]
    every_columns: list[Column[Trial]]
    every: list[TrialRow]
    left_out: int


def section(results: Results) -> Section | None:
    """The section of the search; None for a run that was no search."""
    search = results.search
    if search is None:
        return None
    charts = [against_bytes(search), against_arena(search)]
    trials = search.trials[:MOST_TRIALS]
    in_sound = search.validation_hours is not None
    of_test = columns(results, IN_TEST_SOUND if in_sound else ON_TEST)
    on_test = [replace(column, title=f"{column.title} (test)") for column in of_test]
    every = (*FRONT, *(() if in_sound else ("accuracy",)), "seconds")
    return Section(
        figures=[chart for chart in charts if chart is not None],
        columns=[*(TRIALS[key] for key in FRONT), *on_test],
        rows=[_front_row(trial, search, results, on_test) for trial in listed(search)],
        every_columns=[TRIALS[key] for key in every],
        every=[_any_row(trial, search, results, every) for trial in trials],
        left_out=len(search.trials) - len(trials),
    )


def against_bytes(search: Search) -> Chart | None:
    """File bytes against FRR; None where no trial was measured."""
    return _chart(search, "search-bytes", "file size", "flash", lambda trial: trial.bytes)


def against_arena(search: Search) -> Chart | None:
    """TFLite Micro's arena against FRR; None where no trial has both."""
    arena = "TFLite Micro's arena"
    return _chart(search, "search-arena", arena, "arena", lambda trial: trial.arena_bytes)


def _chart(
    search: Search, key: str, title: str, limit: str, size_of: Callable[[Trial], int | None]
) -> Chart | None:
    trials = [
        (float(size), trial)
        for trial in search.trials
        if measured(trial) and (size := size_of(trial))
    ]
    if not trials:
        return None
    # Zero is drawn at half a miss of all the words.
    rates = [trial.frr for _, trial in trials if trial.frr]
    least = 100 * min(0.5 / max(1, search.validation_words), *(rates or [1.0]))

    def y(trial: Trial) -> float:
        return max(100 * (trial.frr or 0.0), least)

    low, high = _around([y(trial) for _, trial in trials], most=100.0)
    ticks = [(value, short(value)) for value in log_ticks(low, min(high, 100.0))]
    if len(rates) < len(trials):
        ticks = [(least, "0"), *(tick for tick in ticks if tick[0] > 1.5 * least)]
    at_most = search.budget.get(limit)
    sizes = [x for x, _ in trials]
    near = at_most is not None and min(sizes) / 4 <= at_most <= 4 * max(sizes)
    first, last = _around([*sizes, *([at_most] if near and at_most else [])])
    points = [(x, y(trial)) for x, trial in trials]
    return Chart(
        key=key,
        title=f"{title} against FRR of the models that were tried",
        x=log_axis(f"{title} [bytes]", first, last),
        y=Axis(f"{TRIALS['frr'].title} [%]", low, high, ticks, log=True),
        series=_series(search, trials, y),
        lines=False,
        guide=steps([points[index] for index in stairs(points)], last),
        mark=(at_most, f"{limit} {count(at_most)}") if near and at_most else None,
    )


def _series(
    search: Search, trials: list[tuple[float, Trial]], y: Callable[[Trial], float]
) -> list[Series]:
    """A series for each architecture, small points first, then the front, then the best."""
    names = sorted({architecture(trial) for _, trial in trials})
    # Neither the colour nor the symbol of the best; plain shapes, as the points are small.
    looks = {
        name: Look(-1, 1 + (number + 1) % (COLOURS - 1), "solid", SYMBOLS[number % 5])
        for number, name in enumerate(names)
    }
    groups: dict[tuple[bool, bool, str], list[tuple[float, Trial]]] = {}
    for x, trial in trials:
        best = trial.number == search.best
        key = (best, trial.front or best, "best" if best else architecture(trial))
        groups.setdefault(key, []).append((x, trial))
    return [
        Series(
            name=name,
            look=_BEST if best else looks[name],
            x=[x for x, _ in groups[best, front, name]],
            y=[y(trial) for _, trial in groups[best, front, name]],
            hover=[_tip(trial, search) for _, trial in groups[best, front, name]],
            small=not front,
        )
        for best, front, name in sorted(groups)
    ]


def _tip(trial: Trial, search: Search) -> str:
    lines = [f"trial {trial.number}: {trial.summary}"]
    lines += [f"{trial.bytes:,} bytes"] if trial.bytes is not None else []
    lines += [f"{trial.arena_bytes:,} bytes of arena"] if trial.arena_bytes is not None else []
    lines += [f"{trial.macs:,} MACs"] if trial.macs is not None else []
    lines.append(f"FRR {percent(trial.frr)} {where(search)}")
    lines += [f"accuracy {percent(trial.accuracy)} on them"] if trial.accuracy is not None else []
    lines += ["on the front"] if trial.front else []
    return "\n".join(lines)


def _around(values: list[float], most: float = float("inf")) -> tuple[float, float]:
    """The ends of a logarithmic axis, with room on both sides and for at least two ticks."""
    low, high = min(values) / 1.2, min(1.2 * max(values), 1.05 * most)
    room = max(1.0, 6 / (high / low)) ** 0.5
    high = min(high * room, 1.05 * most)
    return min(low, high / 6), high


def _front_row(
    trial: Trial, search: Search, results: Results, on_test: list[ModelColumn]
) -> TrialRow:
    row = row_of(trial, results)
    test = [Cell(UNKNOWN) if row is None else column.cell(row, results) for column in on_test]
    return TrialRow(
        number=trial.number,
        summary=trial.summary,
        cells=[*(TRIALS[key].cell(trial, results) for key in FRONT), *test],
        variant=None if row is None else row.name,
        best=trial.number == search.best,
    )


def _any_row(trial: Trial, search: Search, results: Results, keys: tuple[str, ...]) -> TrialRow:
    text = outcome(trial)
    front = ", front" if measured(trial) and trial.front else ""
    return TrialRow(
        number=trial.number,
        summary=trial.summary if text == "measured" else f"{trial.summary}; {text}",
        cells=[
            Cell(text.split(":")[0] + front),
            *(TRIALS[key].cell(trial, results) for key in keys),
        ],
        best=trial.number == search.best,
    )
