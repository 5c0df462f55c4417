"""A table of texts for a terminal."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import repeat
from typing import Any

from rich.cells import cell_len
from rich.table import Table
from rich.text import Text

from stapes.system.text import shown


def grid(title: str, columns: Iterable[str], rows: Iterable[Sequence[str]], **style: Any) -> Table:
    """A table whose texts are no markup, as they may be names from a file or a person.

    `>` before a column's title aligns it to the right, `~` lets its cells wrap. The style are
    options of `rich.table.Table`.
    """
    table = Table(title=Text(title), title_justify="left", **style)
    rows = [[_harmless(cell) for cell in row] for row in rows]
    by_column = zip(*rows, strict=True) if rows else repeat(())
    for column, cells in zip(columns, by_column, strict=False):
        wraps = column.startswith("~")
        head = column.lstrip(">~")
        table.add_column(
            Text(head),
            justify="right" if column.startswith(">") else "left",
            no_wrap=not wraps,
            overflow="fold" if wraps else "ellipsis",
            min_width=None if wraps else max(map(cell_len, (*head.split("\n"), *cells))),
        )
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))
    return table


def _harmless(cell: str) -> str:
    """The lines of a cell, without what a terminal obeys."""
    return "\n".join(map(shown, cell.split("\n")))
