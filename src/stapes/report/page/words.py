"""A search for each of several words: one page and one table over all, each with its own page."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote

from rich.markup import escape
from rich.table import Table

from stapes.contracts.results import Results, VariantResult
from stapes.report.misses import first_misses
from stapes.report.page.table import Cell, missed
from stapes.report.search_said import best_row, best_trial, budget
from stapes.report.style import count, interval, percent, plural
from stapes.report.templates import document

_HEADS = ("file B", "arena B", "accuracy", "FRR")
"""Of `best`, then of float32; the figures are of test clips."""


@dataclass(frozen=True)
class Word:
    """One word's row."""

    word: str
    link: str
    best: list[Cell]
    """By `_HEADS`; dashes where no model fits."""
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
        heads=_HEADS,
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
    shown = Table(
        title=escape(f"The best model of each word, on its test clips; FRR at {rate}")
        if rate
        else "The best model of each word, on its test clips",
        title_justify="left",
        header_style="bold",
    )
    shown.add_column("word", no_wrap=True)
    for model in ("best", "float32"):
        for name in _HEADS:
            unit = " %" if name in ("accuracy", "FRR") else ""
            shown.add_column(f"{model}\n{name}{unit}", justify="right", no_wrap=True)
    for folder, each in results_by_folder.items():
        row = _word(folder, each)
        cells = [*row.best, *row.float32]
        shown.add_row(escape(row.word), *(_plain(cell) for cell in cells))
    return shown


def _word(folder: str, results: Results) -> Word:
    best = best_row(results)
    trial = None if results.search is None else best_trial(results.search)
    return Word(
        word=results.word,
        # Quoted and below this folder, so that no name of one can be an address.
        link=f"./{quote(folder, safe='/')}/report.html",
        best=_cells(best),
        float32=_cells(results.float32),
        note="no model fits" if trial is None else trial.summary,
    )


def _cells(row: VariantResult | None) -> list[Cell]:
    if row is None:
        return [Cell("–")] * len(_HEADS)
    tflm = row.targets.get("tflm")
    arena = None if tflm is None else tflm.arena_bytes
    return [
        Cell(count(row.bytes), row.bytes),
        Cell(count(arena), arena),
        Cell("–")
        if row.accuracy is None
        else Cell(percent(row.accuracy), row.accuracy, interval(row.accuracy_ci95)),
        missed(row),
    ]


def _plain(cell: Cell) -> str:
    """A cell for a terminal; with its interval, which is short."""
    said = cell.text.removesuffix(" %").replace("–", "-")
    return f"{said} ({cell.below})" if cell.below else said


def _rate(results_by_folder: Mapping[str, Results]) -> str:
    """The rates of false positives that FRR is at; one, where all words have the same."""
    found = [each for each in map(first_misses, results_by_folder.values()) if each is not None]
    rates = dict.fromkeys(f"{each.false_positive_percent:g} %" for each in found)
    return f"{' or '.join(rates)} false positives" if rates else ""


def _budgets(results_by_folder: Mapping[str, Results]) -> str:
    searches = [each.search for each in results_by_folder.values() if each.search is not None]
    return " or ".join(dict.fromkeys(filter(None, map(budget, searches))))
