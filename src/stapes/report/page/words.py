"""A search for each of several words: one table over all, each with its own page."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote

from rich.table import Table

from stapes.contracts.results import Results, VariantResult
from stapes.report.column import Cell
from stapes.report.columns import COLUMNS
from stapes.report.notes import first_misses
from stapes.report.search_notes import best_row, best_trial
from stapes.report.templates import document
from stapes.report.terminal.grid import grid
from stapes.report.terminal.tables import heading
from stapes.system.text import UNKNOWN, limits, plural

KEYS = ("bytes", "tflm_arena_bytes", "accuracy", "frr_at_fpr")
"""The columns, by key: of `best`, then of float32."""


@dataclass(frozen=True)
class Word:
    """One word's row."""

    word: str
    link: str
    cells: list[Cell]
    """By `KEYS`: of `best`, with dashes where no model fits, then of float32."""
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
        columns=[COLUMNS[key] for key in KEYS],
        rate=_rate(results_by_folder),
        budgets=" or ".join(dict.fromkeys(filter(None, budgets))),
        title=f"{plural(len(rows), 'word')}, a search for each",
    )


def words_table(results_by_folder: Mapping[str, Results]) -> Table:
    """The same for a terminal."""
    rate = _rate(results_by_folder)
    at = f"; {COLUMNS['frr_at_fpr'].title} at {rate}" if rate else ""
    titles = [
        f">{model}\n{heading(COLUMNS[key].title)}" for model in ("best", "float32") for key in KEYS
    ]
    rows = [[row.word, *map(str, row.cells)] for row in _rows(results_by_folder)]
    return grid(f"The best model of each word, on its test clips{at}", ("word", *titles), rows)


def _rows(results_by_folder: Mapping[str, Results]) -> list[Word]:
    rows = []
    for folder, results in results_by_folder.items():
        trial = None if results.search is None else best_trial(results.search)
        rows.append(
            Word(
                word=results.word,
                # Quoted and below this folder, so that no folder's name can be an address.
                link=f"./{quote(folder, safe='/')}/report.html",
                cells=_cells(best_row(results), results) + _cells(results.float32, results),
                note="no model fits" if trial is None else trial.summary,
            )
        )
    return rows


def _cells(row: VariantResult | None, results: Results) -> list[Cell]:
    if row is None:
        return [Cell(UNKNOWN)] * len(KEYS)
    return [COLUMNS[key].cell(row, results) for key in KEYS]


def _rate(results_by_folder: Mapping[str, Results]) -> str:
    """The rates of false positives of FRR of clips; one, if all words have the same."""
    measured = filter(None, map(first_misses, results_by_folder.values()))
    rates = dict.fromkeys(f"{misses.false_positive_percent:g} %" for misses in measured)
    return f"{' or '.join(rates)} false positives" if rates else ""
