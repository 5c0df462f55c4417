"""A search for each of several words: one table over all, each with its own page."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote

from rich.table import Table

from stapes.contracts.results import Results, VariantResult
from stapes.report.column import Cell, ModelColumn
from stapes.report.columns import columns
from stapes.report.notes import first_misses
from stapes.report.search_notes import best_row, best_trial
from stapes.report.templates import document
from stapes.report.terminal.grid import grid
from stapes.report.terminal.tables import heading
from stapes.system.text import UNKNOWN, limits, plural

KEYS = ("bytes", "tflm_arena_bytes", "accuracy", "frr_at_fpr")
"""The columns, by key: of `best`, then of the float reference."""
SOUND_KEYS = ("bytes", "tflm_arena_bytes", "accuracy", "frr")
"""The same of detectors in a stream."""


@dataclass(frozen=True)
class Word:
    """One word's row."""

    word: str
    link: str
    cells: list[Cell]
    """Of `best`, with dashes where no model fits, then of the float reference."""
    note: str
    """What the best model is, or that there is none."""


def words_page(results_by_folder: Mapping[str, Results]) -> str:
    """The page over all words, by the name of each word's folder, which is next to the page."""
    rows = _rows(results_by_folder)
    budgets = [limits(run.search.budget) for run in results_by_folder.values() if run.search]
    return document(
        "words.html.j2",
        styles=("search.css",),
        scripts=("page.js",),
        rows=rows,
        columns=_columns(results_by_folder),
        reference=_reference(results_by_folder),
        rate=_rate(results_by_folder),
        budgets=" or ".join(dict.fromkeys(filter(None, budgets))),
        title=f"{plural(len(rows), 'word')}, a search for each",
    )


def words_table(results_by_folder: Mapping[str, Results]) -> Table:
    """The same for a terminal."""
    rate = _rate(results_by_folder)
    at = f"; FRR of clips at {rate}" if rate else ""
    titles = [
        f">{model}\n{heading(column.title)}"
        for model in ("best", _reference(results_by_folder))
        for column in _columns(results_by_folder)
    ]
    rows = [[row.word, *map(str, row.cells)] for row in _rows(results_by_folder)]
    where = "in its test sound" if _in_streams(results_by_folder) else "on its test clips"
    return grid(f"The best model of each word, {where}{at}", ("word", *titles), rows)


def _rows(results_by_folder: Mapping[str, Results]) -> list[Word]:
    rows = []
    shown, reference = _columns(results_by_folder), _reference(results_by_folder)
    for folder, results in results_by_folder.items():
        trial = None if results.search is None else best_trial(results.search)
        rows.append(
            Word(
                word=results.word,
                # Quoted and below this folder, so that no folder's name can be an address.
                link=f"./{quote(folder, safe='/')}/report.html",
                cells=[
                    Cell(UNKNOWN) if row is None else column.cell(row, results)
                    for row in (best_row(results), _row(results, reference))
                    for column in shown
                ],
                note="no model fits" if trial is None else trial.summary,
            )
        )
    return rows


def _row(results: Results, name: str) -> VariantResult | None:
    return next((row for row in results.variants if row.name == name), None)


def _in_streams(results_by_folder: Mapping[str, Results]) -> bool:
    """Whether the searches are of detectors in a stream."""
    searches = [results.search for results in results_by_folder.values() if results.search]
    return any(search.validation_hours is not None for search in searches)


def _reference(results_by_folder: Mapping[str, Results]) -> str:
    return "stream_float32" if _in_streams(results_by_folder) else "float32"


def _columns(results_by_folder: Mapping[str, Results]) -> list[ModelColumn]:
    keys = SOUND_KEYS if _in_streams(results_by_folder) else KEYS
    first = next(iter(results_by_folder.values()), None)
    return [] if first is None else columns(first, keys)


def _rate(results_by_folder: Mapping[str, Results]) -> str:
    """The rates of false positives of FRR of clips; one, if all words have the same."""
    if _in_streams(results_by_folder):
        return ""
    measured = filter(None, map(first_misses, results_by_folder.values()))
    rates = dict.fromkeys(f"{misses.false_positive_percent:g} %" for misses in measured)
    return f"{' or '.join(rates)} false positives" if rates else ""
