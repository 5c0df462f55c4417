"""The search on the page: what was tried, as figures and tables.

The figures of trials are of validation clips; no figure shows them beside those of test clips.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from stapes.contracts.results import Results, Search, Trial
from stapes.report.charts import (
    COLOURS,
    SYMBOLS,
    Axis,
    Chart,
    Look,
    Series,
    log_ticks,
    short,
)
from stapes.report.column import Cell
from stapes.report.columns import COLUMNS
from stapes.report.search_said import (
    OBJECTIVES,
    architecture,
    budget,
    chosen_by,
    counts,
    measured,
    metric,
    metric_head,
    outcome,
    row_of,
    told,
)
from stapes.report.trial_columns import TRIALS
from stapes.system.text import UNKNOWN, count, percent

MOST_TRIALS = 600
"""More rows than these are no help; results.json has all."""

FRONT = ("bytes", "arena_bytes", "macs", "frr")
"""The columns of the front, by key of `TRIALS`; those of test clips follow."""
ON_TEST = ("frr_at_fpr", "accuracy")
EVERY = (*FRONT, "accuracy", "seconds")
"""The columns of the table of all trials."""

_BEST = Look(variant=-1, colour=0, dash="solid", symbol="star")


@dataclass(frozen=True)
class TrialRow:
    """A trial in a table."""

    number: int
    what: str
    cells: list[Cell]
    variant: str | None = None
    best: bool = False


@dataclass(frozen=True)
class Shown:
    """The section."""

    counts: str
    chosen_by: str
    metric: str
    frr: str
    budget: str
    objectives: str
    float32: str
    figures: list[Chart]
    heads: list[tuple[str, str]]
    every_heads: list[tuple[str, str]]
    rows: list[TrialRow]
    every: list[TrialRow]
    left_out: int


def section(results: Results) -> Shown | None:
    """All that the section of the search shows; None for a run that was no search."""
    search = results.search
    if search is None:
        return None
    first = results.float32
    figures = [against_bytes(search), against_arena(search)]
    trials = search.trials[:MOST_TRIALS]
    return Shown(
        counts=counts(search),
        chosen_by=chosen_by(search),
        metric=metric(search),
        frr=metric_head(search),
        budget=budget(search),
        objectives=", ".join(OBJECTIVES.get(name, name) for name in search.objectives),
        float32="" if first is None else f"{first.bytes:,} bytes",
        figures=[each for each in figures if each is not None],
        heads=_heads(),
        every_heads=[(TRIALS[key].title, TRIALS[key].help) for key in EVERY],
        rows=[_front_row(each, results) for each in told(search)],
        every=[_any_row(each, search, results) for each in trials],
        left_out=len(search.trials) - len(trials),
    )


def against_bytes(search: Search) -> Chart | None:
    """File bytes against FRR; None where no trial was measured."""
    return _chart(search, "search-bytes", "file size [bytes]", "flash", lambda each: each.bytes)


def against_arena(search: Search) -> Chart | None:
    """TFLite Micro's arena against FRR; None where it was measured of no trial."""
    return _chart(
        search,
        "search-arena",
        "TFLite Micro's arena [bytes]",
        "arena",
        lambda each: each.arena_bytes,
    )


def _chart(
    search: Search, key: str, title: str, limit: str, size: Callable[[Trial], int | None]
) -> Chart | None:
    points = [(float(at), each) for each in search.trials if measured(each) and (at := size(each))]
    if not points:
        return None
    none_missed = min(0.5 / max(1, search.validation_words), *_parts(points))

    def y(trial: Trial) -> float:
        return 100 * max(trial.frr or 0.0, none_missed)

    low, high = _around([y(each) for _, each in points], most=100.0)
    ticks = [(value, short(value)) for value in log_ticks(low, min(high, 100.0))]
    zero = any(not each.frr for _, each in points)
    if zero:
        least = 100 * none_missed
        ticks = [(least, "0"), *(tick for tick in ticks if tick[0] > 1.5 * least)]
    at_most = search.budget.get(limit)
    sizes = [x for x, _ in points]
    near = at_most is not None and min(sizes) / 4 <= at_most <= 4 * max(sizes)
    first, last = _around([*sizes, *([at_most] if near and at_most else [])])
    guide = _stairs([(x, y(each)) for x, each in points], last)
    return Chart(
        key=key,
        title=f"{title.split(' [')[0]} against FRR of the models that were tried",
        x=Axis(title, first, last, [(v, count(v)) for v in log_ticks(first, last)], log=True),
        y=Axis(f"{TRIALS['frr'].title} [%]", low, high, ticks, log=True),
        series=_series(search, points, y),
        lines=False,
        guide=guide,
        mark=(at_most, f"{limit} {count(at_most)}") if near and at_most else None,
    )


def _parts(points: list[tuple[float, Trial]]) -> list[float]:
    """FRR above none; one where there are none."""
    return [each.frr for _, each in points if each.frr] or [1.0]


def _series(
    search: Search, points: list[tuple[float, Trial]], y: Callable[[Trial], float]
) -> list[Series]:
    """By architecture, the front apart from the others, and the best above all."""
    names = sorted({architecture(each) for _, each in points})
    looks = {name: _look(number) for number, name in enumerate(names)}
    series = []
    for front in (False, True):
        for name in names:
            of = [
                (x, each)
                for x, each in points
                if architecture(each) == name and each.front == front and each.number != search.best
            ]
            if of:
                series.append(_one(name, looks[name], of, y, small=not front))
    best = [(x, each) for x, each in points if each.number == search.best]
    return series + ([_one("best", _BEST, best, y)] if best else [])


def _look(number: int) -> Look:
    """Of an architecture: neither the colour nor the symbol of the best; plain shapes, as small."""
    colour = 1 + (number + 1) % (COLOURS - 1)
    return Look(variant=-1, colour=colour, dash="solid", symbol=SYMBOLS[number % 5])


def _one(
    name: str,
    its: Look,
    points: list[tuple[float, Trial]],
    y: Callable[[Trial], float],
    *,
    small: bool = False,
) -> Series:
    return Series(
        name=name,
        look=its,
        x=[x for x, _ in points],
        y=[y(each) for _, each in points],
        hover=[_hover(each) for _, each in points],
        small=small,
    )


def _hover(trial: Trial) -> str:
    said = [f"trial {trial.number}: {trial.summary}"]
    said += [f"{trial.bytes:,} bytes"] if trial.bytes is not None else []
    said += [f"{trial.arena_bytes:,} bytes of arena"] if trial.arena_bytes is not None else []
    said += [f"{trial.macs:,} MACs"] if trial.macs is not None else []
    said.append(f"FRR {percent(trial.frr)} on validation clips")
    said += [f"accuracy {percent(trial.accuracy)} on them"] if trial.accuracy is not None else []
    said += ["on the front"] if trial.front else []
    return "\n".join(said)


def _stairs(points: list[tuple[float, float]], last: float) -> list[tuple[float, float]]:
    """A line along the lowest at or below each size."""
    found: list[tuple[float, float]] = []
    for x, y in sorted(points):
        if not found:
            found.append((x, y))
        elif y < found[-1][1]:
            found += [(x, found[-1][1]), (x, y)]
    return [*found, (last, found[-1][1])]


def _around(values: list[float], most: float = float("inf")) -> tuple[float, float]:
    """The ends of a logarithmic axis: room on both sides, and wide enough for two ticks."""
    low, high = min(values) / 1.2, min(1.2 * max(values), 1.05 * most)
    room = max(1.0, 6 / (high / low)) ** 0.5
    high = min(high * room, 1.05 * most)
    return min(low, high / 6), high


def _heads() -> list[tuple[str, str]]:
    """Title and help of the columns of the front."""
    heads = [(TRIALS[key].title, TRIALS[key].help) for key in FRONT]
    of_test = "; of the models in the table of models"
    return heads + [
        (f"{COLUMNS[key].title} (test)", COLUMNS[key].help.rstrip(".") + of_test) for key in ON_TEST
    ]


def _front_row(trial: Trial, results: Results) -> TrialRow:
    row = row_of(trial, results)
    on_test = [Cell(UNKNOWN)] * len(ON_TEST)
    if row is not None:
        on_test = [COLUMNS[key].cell(row, results) for key in ON_TEST]
    return TrialRow(
        number=trial.number,
        what=trial.summary,
        cells=[*(TRIALS[key].cell(trial, results) for key in FRONT), *on_test],
        variant=None if row is None else row.name,
        best=results.search is not None and trial.number == results.search.best,
    )


def _any_row(trial: Trial, search: Search, results: Results) -> TrialRow:
    told = outcome(trial)
    return TrialRow(
        number=trial.number,
        what=trial.summary if told == "measured" else f"{trial.summary}; {told}",
        cells=[
            Cell(told.split(":")[0] + (", front" if measured(trial) and trial.front else "")),
            *(TRIALS[key].cell(trial, results) for key in EVERY),
        ],
        best=trial.number == search.best,
    )
