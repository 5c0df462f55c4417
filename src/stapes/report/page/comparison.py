"""Two runs beside each other, from their results.json alone.

Models are paired by their names. Where the runs have other test clips, a difference is of both
models and clips, and it says so.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from markupsafe import Markup
from pydantic import JsonValue
from rich.markup import escape
from rich.table import Table

from stapes.contracts.results import Results
from stapes.report.charts import (
    Axis,
    Chart,
    Series,
    bounds,
    linear_ticks,
    log_ticks,
    look,
    short,
)
from stapes.report.column import Cell, with_values
from stapes.report.columns import ModelColumn, columns
from stapes.report.figures import svg
from stapes.report.notes import flat
from stapes.report.templates import document
from stapes.system.text import UNKNOWN, count, interval, percent, plural, points

KEYS = ("bytes", "accuracy", "frr_at_fpr", "frr", "tflm_arena_bytes")
"""The columns of both runs, by key."""

_CLIPS = {
    True: "are the same",
    False: "are others: a difference is of both models and clips",
    None: "may be others: a run does not tell them",
}


@dataclass(frozen=True)
class Pair:
    """One model in both runs."""

    name: str
    cells: list[tuple[Cell, Cell]]
    """By `Comparison.columns`: of the first run and of the second."""
    points: Cell
    """The second's accuracy less the first's, in percentage points."""


@dataclass(frozen=True)
class Comparison:
    """What two runs have in common, and what not."""

    names: tuple[str, str]
    columns: list[ModelColumn]
    """Those of `KEYS` that have a value in any of the pairs."""
    pairs: list[Pair]
    only: tuple[list[str], list[str]]
    """Models of one run alone."""
    settings: list[tuple[str, str, str]]
    """Settings, versions and data that differ: the name, and what each run has."""
    settings_told: bool
    """Whether both runs tell their settings."""
    same_clips: bool | None
    """Whether the test clips are the same; None where a run does not tell."""


def compare(first: Results, second: Results, names: tuple[str, str]) -> Comparison:
    """Pair the models of two runs.

    Parameters
    ----------
    first, second : Results
    names : tuple of str
        What the runs are called.
    """
    ones = {row.name: row for row in first.variants}
    others = {row.name: row for row in second.variants}
    # Trials of one number are other models in another search.
    tried = [_tried(run) for run in (first, second)]
    common = [name for name in ones if name in others and tried[0].get(name) == tried[1].get(name)]
    shown = [
        column
        for column in columns(first, KEYS)
        if with_values([column], [ones[name] for name in common], first)
        or with_values([column], [others[name] for name in common], second)
    ]
    clips = [[clip.name for clip in run.clips] for run in (first, second)]
    return Comparison(
        names=names,
        columns=shown,
        pairs=[
            Pair(
                name,
                [
                    (column.cell(ones[name], first), column.cell(others[name], second))
                    for column in shown
                ],
                _points(ones[name].accuracy, others[name].accuracy),
            )
            for name in common
        ],
        only=(
            [name for name in ones if name not in common],
            [name for name in others if name not in common],
        ),
        settings=_differences(first, second),
        settings_told=bool(first.settings and second.settings),
        same_clips=clips[0] == clips[1] if all(clips) else None,
    )


def lines(found: Comparison) -> list[str | Table]:
    """Two runs for a terminal: the table, and what is to be said below it."""
    one, other = found.names
    shown = Table(title=escape(f"{one} and {other}"), title_justify="left", header_style="bold")
    shown.add_column("model", no_wrap=True)
    for column in found.columns:
        for run in found.names:
            shown.add_column(f"{column.title}\n{escape(run)}", justify="right", no_wrap=True)
    shown.add_column("points", justify="right", no_wrap=True)
    for pair in found.pairs:
        cells = [cell.text for both in pair.cells for cell in both]
        shown.add_row(escape(pair.name), *cells, pair.points.text)
    differ = [f"{name}: {ours}, {theirs}" for name, ours, theirs in found.settings]
    return [shown, *sentences(found), *(["What differs:"] if differ else []), *differ]


def sentences(found: Comparison) -> list[str]:
    """What the table does not show."""
    said = [f"The test clips {_CLIPS[found.same_clips]}."]
    for name, only in zip(found.names, found.only, strict=True):
        said += [f"In {name} alone: {', '.join(only)}."] if only else []
    if not found.settings_told:
        said.append("A run does not tell its settings: see its run.yaml.")
    elif not found.settings:
        said.append("The settings, versions and data are the same.")
    return said


def comparison_page(first: Results, second: Results, names: tuple[str, str]) -> str:
    """Two runs on one page, in one file that asks nothing of the network.

    Parameters
    ----------
    first, second : Results
    names : tuple of str
        What the runs are called.
    """
    found = compare(first, second, names)
    drawn = size_accuracy(first, second, names)
    return document(
        "comparison.html.j2",
        styles=("figures.css",),
        scripts=("page.js", "figures.js"),
        found=found,
        said=sentences(found),
        chart=drawn,
        picture="" if drawn is None else Markup(svg.chart(drawn)),
        plural=plural,
    )


def size_accuracy(first: Results, second: Results, names: tuple[str, str]) -> Chart | None:
    """Size and accuracy of both runs' models; None where none was measured."""
    series = []
    for run, name, number in zip((first, second), names, (2, 0), strict=True):
        rows = [row for row in run.variants if row.accuracy is not None]
        if rows:
            series.append(
                Series(
                    name=name,
                    look=look(number),
                    x=[float(row.bytes) for row in rows],
                    y=[100 * (row.accuracy or 0.0) for row in rows],
                    hover=[
                        f"{row.name}, {name}\n{row.bytes:,} bytes\n{percent(row.accuracy)}, 95 %: "
                        f"{interval(row.accuracy_ci95)}"
                        for row in rows
                    ],
                    low=[100 * row.accuracy_ci95[0] for row in rows],
                    high=[100 * row.accuracy_ci95[1] for row in rows],
                )
            )
    if not series:
        return None
    low, high = bounds([end for each in series for end in (*each.low, *each.high)])
    high = min(high, 100.4)
    sizes = [x for each in series for x in each.x]
    least, most = min(sizes) / 1.1, max(sizes) * 1.1
    sizes_ticks = [(value, count(value)) for value in log_ticks(least, most)]
    ticks = [(value, short(value)) for value in linear_ticks(low, min(high, 100.0))]
    return Chart(
        key="both",
        title="Size against accuracy",
        x=Axis("file size [bytes]", least, most, sizes_ticks, log=True),
        y=Axis("accuracy [%]", low, high, ticks),
        series=series,
        lines=False,
    )


def _points(one: float | None, other: float | None) -> Cell:
    if one is None or other is None:
        return Cell(UNKNOWN)
    return Cell(points(other - one), other - one)


def _tried(run: Results) -> dict[str, dict[str, JsonValue]]:
    """What each variant is that a search tried, but for `best`, which is a best one anywhere."""
    search = run.search
    if search is None:
        return {}
    return {
        each.variant: each.candidate
        for each in search.trials
        if each.variant is not None and each.number != search.best
    }


def _differences(first: Results, second: Results) -> list[tuple[str, str, str]]:
    """What was not the same of the two runs' settings, versions and data."""
    sides = []
    # A run from before results.json held the settings would differ in every one.
    known = bool(first.settings and second.settings)
    for run in (first, second):
        said: dict[str, Any] = {"word": run.word, "seed": run.seed, "preset": run.preset}
        said |= run.settings if known else {}
        said |= {"versions": run.versions}
        data = {"source": run.data.source, "split": run.data.split_rule}
        splits = {
            name: f"{split.positives:,} of the word, {split.negatives:,} others"
            for name, split in run.data.splits.items()
        }
        sides.append(dict(flat(said)) | {f"data.{k}": v for k, v in (data | splits).items()})
    names = list(dict.fromkeys([*sides[0], *sides[1]]))
    missing = "not set"
    found = [(name, sides[0].get(name, missing), sides[1].get(name, missing)) for name in names]
    return [each for each in found if each[1] != each[2]]
