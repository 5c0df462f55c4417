"""Where a detector in a stream finds the word in its training clips, for a terminal."""

from __future__ import annotations

from rich.table import Table

from stapes.contracts.evaluation import Where
from stapes.report.terminal.grid import grid
from stapes.system.text import plural, printable

_MOST = 1000


def where_lines(where: Where) -> list[str | Table]:
    """A row for each clip, those of low scores first, and a summary."""
    rows = [
        (
            printable(place.clip),
            _seconds(place.begin_seconds),
            _seconds(place.end_seconds),
            f"{place.score:.2f}",
        )
        for place in where.clips[:_MOST]
    ]
    columns = ("clip", ">begin [s]", ">end [s]", ">score")
    lines: list[str | Table] = [grid(f"Where {where.run} finds the word", columns, rows)]
    left = len(where.clips) - len(rows)
    if left:
        lines.append(f"... and {plural(left, 'more clip')}: see `where` with --json")
    if where.median_end_seconds is not None:
        lines.append(f"The word ends at {where.median_end_seconds:.2f} s in the median.")
    if where.not_found:
        verb = "has" if where.not_found == 1 else "have"
        lines.append(
            f"{where.not_found:,} of {plural(len(where.clips), 'clip')} {verb} a score below 0.5: "
            "no word was found. Listen to these first; cut or remove what does not have the word."
        )
    else:
        lines.append(f"The word was found in each of {plural(len(where.clips), 'clip')}.")
    return lines


def _seconds(seconds: float | None) -> str:
    return "-" if seconds is None else f"{seconds:.2f}"
