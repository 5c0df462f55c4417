"""A search for a terminal: its front, and what is to be said of it."""

from __future__ import annotations

from rich.markup import escape
from rich.table import Table

from stapes.contracts.results import Results
from stapes.report.search_said import chosen, chosen_by, counts, metric, on_test, told
from stapes.report.terminal.tables import heading
from stapes.report.trial_columns import TRIALS

SHOWN = ("number", "bytes", "arena_bytes", "macs", "frr")
"""The columns of the front, by key."""


def front(results: Results) -> Table:
    """One row a trial of the front, and of those that became variants, by size.

    All figures are of the validation clips that were chosen by; without a search it has no row.
    """
    search = results.search
    by = "" if search is None else f": {metric(search)} on validation clips"
    shown = Table(
        title=escape(f"The front of the search{by}"), title_justify="left", header_style="bold"
    )
    number, *figures = [TRIALS[key] for key in SHOWN]
    shown.add_column(number.title, justify="right", no_wrap=True)
    shown.add_column("model", no_wrap=True)
    shown.add_column("what", overflow="fold")
    for column in figures:
        shown.add_column(heading(column.title), justify="right", no_wrap=True)
    for trial in [] if search is None else told(search):
        cells = [column.cell(trial, results).text for column in (number, *figures)]
        shown.add_row(cells[0], escape(trial.variant or ""), escape(trial.summary), *cells[1:])
    return shown


def search_notes(results: Results) -> list[str]:
    """What must be said of a search, one sentence each; nothing of a run without one."""
    search = results.search
    if search is None:
        return []
    test = on_test(results)
    return [
        counts(search),
        chosen_by(search),
        chosen(search),
        *([] if test is None else [test]),
    ]
