"""A search for a terminal: its front, and what is to be said of it."""

from __future__ import annotations

from rich.markup import escape
from rich.table import Table

from stapes.contracts.results import Results, Trial
from stapes.report.search_said import chosen, chosen_by, counts, metric, on_test, told


def front(results: Results) -> Table:
    """One row a trial of the front, and of those that became variants, by size.

    All figures are of the validation clips that were chosen by; without a search it has no row.
    """
    search = results.search
    by = "" if search is None else f": {metric(search)} on validation clips"
    shown = Table(
        title=escape(f"The front of the search{by}"), title_justify="left", header_style="bold"
    )
    shown.add_column("trial", justify="right", no_wrap=True)
    shown.add_column("model", no_wrap=True)
    shown.add_column("what", overflow="fold")
    for name in ("file B", "arena B", "MACs", "FRR %"):
        shown.add_column(name, justify="right", no_wrap=True)
    for trial in [] if search is None else told(search):
        shown.add_row(
            str(trial.number), escape(trial.variant or ""), escape(trial.summary), *_cells(trial)
        )
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


def _cells(trial: Trial) -> list[str]:
    sizes = (trial.bytes, trial.arena_bytes, trial.macs)
    return [
        *("-" if size is None else f"{size:,}" for size in sizes),
        "-" if trial.frr is None else f"{100 * trial.frr:.2f}",
    ]
