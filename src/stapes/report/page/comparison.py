"""A comparison of two runs, from their results.json alone.

Models are paired by their names. Where the test clips differ, a difference has two causes, the
models and the clips, and the page says so.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from markupsafe import Markup
from pydantic import JsonValue
from rich.table import Table

from stapes.contracts.results import Results, VariantResult
from stapes.report.charts import Chart, look
from stapes.report.column import Cell, Head, with_values
from stapes.report.columns import COLUMNS
from stapes.report.figures import svg
from stapes.report.figures.size import chart as size_chart
from stapes.report.figures.size import measure_of
from stapes.report.figures.size import points as points_of
from stapes.report.notes import flat
from stapes.report.style import frr_in_sound
from stapes.report.templates import document
from stapes.report.terminal.grid import grid
from stapes.system.text import UNKNOWN, plural, points

KEYS = ("bytes", "tflm_arena_bytes", "frr", "frr_at_10_db", "accuracy", "frr_at_fpr")
"""The columns of both runs, by key."""

_CLIPS = {
    True: "The test clips are the same.",
    False: "The test clips differ: a difference has two causes, the models and the clips.",
    None: "The test clips may differ: a run does not list them.",
}


@dataclass(frozen=True)
class Pair:
    """One model in both runs."""

    name: str
    cells: list[tuple[Cell, Cell]]
    """By `Comparison.columns`: of the first run and of the second."""
    points: Cell
    """The second's figure minus the first's, in percentage points: `Comparison.by_frr` says
    which."""


@dataclass(frozen=True)
class Comparison:
    """What two runs have in common, and what differs."""

    names: tuple[str, str]
    columns: list[Head]
    """Those of `KEYS` that have a value in any of the pairs."""
    pairs: list[Pair]
    by_frr: bool
    """Whether FRR in sound is subtracted, as both runs have it, and not the accuracy."""
    only: tuple[list[str], list[str]]
    """Models of one run alone."""
    settings: list[tuple[str, str, str]]
    """Settings, versions and data that differ: the name, and the value in each run."""
    has_settings: bool
    """Whether both runs list their settings."""
    same_clips: bool | None
    """Whether the test clips are the same; None where a run does not list them."""


def compare(first: Results, second: Results, names: tuple[str, str]) -> Comparison:
    """Pair the models of two runs, which have these names."""
    ones = {row.name: row for row in first.variants}
    others = {row.name: row for row in second.variants}
    # Two searches may give one name to different models.
    candidates = [_candidates(run) for run in (first, second)]
    common = [
        name
        for name in ones
        if name in others and candidates[0].get(name) == candidates[1].get(name)
    ]
    shown = [
        column
        for column in map(COLUMNS.__getitem__, KEYS)
        if with_values([column], [ones[name] for name in common], first)
        or with_values([column], [others[name] for name in common], second)
    ]
    by_frr = any(
        frr_in_sound(ones[name]) is not None and frr_in_sound(others[name]) is not None
        for name in common
    )

    def figure(row: VariantResult) -> float | None:
        return frr_in_sound(row) if by_frr else row.accuracy

    clips = [[clip.name for clip in run.clips] for run in (first, second)]
    return Comparison(
        names=names,
        columns=[Head(column.key, column.title, column.help) for column in shown],
        pairs=[
            Pair(
                name,
                [
                    (column.cell(ones[name], first), column.cell(others[name], second))
                    for column in shown
                ],
                _points(figure(ones[name]), figure(others[name])),
            )
            for name in common
        ],
        by_frr=by_frr,
        only=(
            [name for name in ones if name not in common],
            [name for name in others if name not in common],
        ),
        settings=_differences(first, second),
        has_settings=bool(first.settings and second.settings),
        same_clips=clips[0] == clips[1] if all(clips) else None,
    )


def lines(comparison: Comparison) -> list[str | Table]:
    """Two runs for a terminal: the table, and the sentences below it."""
    names = comparison.names
    titles = [f">{column.title}\n{name}" for column in comparison.columns for name in names]
    rows = [
        [pair.name, pair.points.text, *(cell.text for both in pair.cells for cell in both)]
        for pair in comparison.pairs
    ]
    table = grid(" and ".join(names), ("model", f">{points_title(comparison)}", *titles), rows)
    differ = [f"{name}: {first}, {second}" for name, first, second in comparison.settings]
    return [table, *sentences(comparison), *(["Differences:"] if differ else []), *differ]


def points_title(comparison: Comparison) -> str:
    """The title of the differences."""
    return "FRR points" if comparison.by_frr else "points"


def sentences(comparison: Comparison) -> list[str]:
    """What the table does not show."""
    text = [_CLIPS[comparison.same_clips]]
    for name, only in zip(comparison.names, comparison.only, strict=True):
        text += [f"Only in {name}: {', '.join(only)}."] if only else []
    if not comparison.has_settings:
        text.append("A run does not list its settings: see its run.yaml.")
    elif not comparison.settings:
        text.append("The settings, versions and data are the same.")
    return text


def comparison_page(first: Results, second: Results, names: tuple[str, str]) -> str:
    """Two runs, which have these names, on one page without requests to the network."""
    comparison = compare(first, second, names)
    chart = size_of_both(first, second, names)
    return document(
        "comparison.html.j2",
        styles=("figures.css",),
        scripts=("page.js", "figures.js"),
        comparison=comparison,
        sentences=sentences(comparison),
        size_title=None if chart is None else chart.title,
        points_title=points_title(comparison),
        picture="" if chart is None else Markup(svg.chart(chart)),
        plural=plural,
    )


def size_of_both(first: Results, second: Results, names: tuple[str, str]) -> Chart | None:
    """Size and quality of both runs' models; None where none was measured."""
    shown, series = measure_of(first, second), []
    for run, name, number in zip((first, second), names, (2, 0), strict=True):
        rows = shown.rows(run.variants)
        tips = {
            row.name: f"{row.name}, {name}\n{row.bytes:,} bytes\n{shown.tip(row)}" for row in rows
        }
        if rows:
            series.append(points_of(shown, name, look(number), rows, tips))
    return size_chart("both", shown, series) if series else None


def _points(one: float | None, other: float | None) -> Cell:
    if one is None or other is None:
        return Cell(UNKNOWN)
    return Cell(points(other - one), other - one)


def _candidates(run: Results) -> dict[str, dict[str, JsonValue]]:
    """The candidate of each variant of a search, except `best`: it is comparable anyway."""
    search = run.search
    if search is None:
        return {}
    return {
        trial.variant: trial.candidate
        for trial in search.trials
        if trial.variant is not None and trial.number != search.best
    }


def _differences(first: Results, second: Results) -> list[tuple[str, str, str]]:
    """The settings, versions and data that differ between two runs."""
    sides = []
    # Without this, an older run without settings would differ in every one.
    known = bool(first.settings and second.settings)
    for run in (first, second):
        values: dict[str, Any] = {"word": run.word, "seed": run.seed, "preset": run.preset}
        values |= run.settings if known else {}
        splits = {
            name: f"{split.positives:,} of the word, {split.negatives:,} others"
            for name, split in run.data.splits.items()
        }
        data = {"source": run.data.source, "split": run.data.split_rule, **splits}
        # A setting is called `data` too.
        sides.append(dict(flat(values | {"versions": run.versions}) + flat({"data": data})))
    rows = [
        (name, *(side.get(name, "not set") for side in sides)) for name in {**sides[0], **sides[1]}
    ]
    return [(name, one, other) for name, one, other in rows if one != other]
