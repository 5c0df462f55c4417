"""A search for each of several words: one page and one table over all, each with its own page."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote

from rich.markup import escape
from rich.table import Table

from stapes.contracts.results import Results, VariantResult
from stapes.report.column import Cell
from stapes.report.columns import COLUMNS
from stapes.report.misses import first_misses
from stapes.report.search_said import best_row, best_trial, budget
from stapes.report.templates import document
from stapes.report.terminal.tables import heading
from stapes.system.text import UNKNOWN, plural

KEYS = ("bytes", "tflm_arena_bytes", "accuracy", "frr_at_fpr")
"""The columns, by key: of `best`, then of float32."""


@dataclass(frozen=True)
class Word:
    """One word's row."""

    word: str
    link: str
    best: list[Cell]
    """By `KEYS`; dashes where no model fits."""
    float32: list[Cell]
    note: str
    """What the best model is, or that there is none."""


def words_page(results_by_folder: Mapping[str, Results]) -> str:
    """The page over all words, in one file that asks nothing of the network.

    Parameters
    ----------
    results_by_folder : mapping of str to Results
        By the name of each word's folder, beside which the page stands.
    """
    rows = [_word(folder, each) for folder, each in results_by_folder.items()]
    return document(
        "words.html.j2",
        styles=("search.css",),
        scripts=("page.js",),
        rows=rows,
        heads=[COLUMNS[key] for key in KEYS],
        rate=_rate(results_by_folder),
        budgets=_budgets(results_by_folder),
        said=f"{plural(len(rows), 'word')}, a search for each",
    )


def words_table(results_by_folder: Mapping[str, Results]) -> Table:
    """The same for a terminal.

    Parameters
    ----------
    results_by_folder : mapping of str to Results
        By the name of each word's folder.
    """
    rate = _rate(results_by_folder)
    at = f"; {COLUMNS['frr_at_fpr'].title} at {rate}" if rate else ""
    shown = Table(
        title=escape(f"The best model of each word, on its test clips{at}"),
        title_justify="left",
        header_style="bold",
    )
    shown.add_column("word", no_wrap=True)
    for model in ("best", "float32"):
        for key in KEYS:
            title = heading(COLUMNS[key].title)
            shown.add_column(f"{model}\n{title}", justify="right", no_wrap=True)
    for folder, each in results_by_folder.items():
        row = _word(folder, each)
        cells = [*row.best, *row.float32]
        shown.add_row(escape(row.word), *map(str, cells))
    return shown


def _word(folder: str, results: Results) -> Word:
    best = best_row(results)
    trial = None if results.search is None else best_trial(results.search)
    return Word(
        word=results.word,
        # Quoted and below this folder, so that no name of one can be an address.
        link=f"./{quote(folder, safe='/')}/report.html",
        best=_cells(best, results),
        float32=_cells(results.float32, results),
        note="no model fits" if trial is None else trial.summary,
    )


def _cells(row: VariantResult | None, results: Results) -> list[Cell]:
    if row is None:
        return [Cell(UNKNOWN)] * len(KEYS)
    return [COLUMNS[key].cell(row, results) for key in KEYS]


def _rate(results_by_folder: Mapping[str, Results]) -> str:
    """The rates of false positives that FRR is at; one, where all words have the same."""
    found = [each for each in map(first_misses, results_by_folder.values()) if each is not None]
    rates = dict.fromkeys(f"{each.false_positive_percent:g} %" for each in found)
    return f"{' or '.join(rates)} false positives" if rates else ""


def _budgets(results_by_folder: Mapping[str, Results]) -> str:
    searches = [each.search for each in results_by_folder.values() if each.search is not None]
    return " or ".join(dict.fromkeys(filter(None, map(budget, searches))))
