"""A search for a terminal: its front, and the sentences about it."""

from __future__ import annotations

from rich.table import Table

from stapes.contracts.results import Results
from stapes.report.search_notes import chosen, chosen_by, counts, listed, metric, on_test, where
from stapes.report.terminal.grid import grid
from stapes.report.terminal.tables import heading
from stapes.report.trial_columns import TRIALS

SHOWN = ("bytes", "arena_bytes", "macs", "frr")
"""The columns of the front, by key."""


def front(results: Results) -> Table:
    """A row for each trial of the front, and for those that became variants, by size.

    All figures are of the validation clips or sound that the search chooses by.
    """
    search = results.search
    by = "" if search is None else f": {metric(search)} {where(search)}"
    titles = [f">{heading(TRIALS[key].title)}" for key in SHOWN]
    rows = [
        [
            str(trial.number),
            trial.variant or "",
            trial.summary,
            *(TRIALS[key].cell(trial, results).text for key in SHOWN),
        ]
        for trial in ([] if search is None else listed(search))
    ]
    return grid(f"The front of the search{by}", (">trial", "model", "~what", *titles), rows)


def search_notes(results: Results) -> list[str]:
    """How a search went, one sentence each; nothing for a run without one."""
    search = results.search
    if search is None:
        return []
    sentences = [counts(search), chosen_by(search), chosen(search), on_test(results)]
    return [sentence for sentence in sentences if sentence]
