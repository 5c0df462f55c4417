"""A run in a few lines, for a Python prompt and a notebook."""

from __future__ import annotations

from html import escape
from typing import Any

from stapes.system.text import count, percent

_COLUMNS = ("model", "file B", "arena B", "accuracy", "")


def text(results: Any) -> str:
    """A line about the run and one for each row."""
    rows = [_COLUMNS, *_rows(results)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [_head(results)]
    for name, *figures, mark in rows:
        cells = [cell.rjust(width) for cell, width in zip(figures, widths[1:], strict=False)]
        lines.append("  ".join([name.ljust(widths[0]), *cells, mark]).rstrip())
    return "\n".join(lines)


def html(results: Any) -> str:
    """`text` as an HTML table."""
    titles = "".join(f"<th>{title}</th>" for title in _COLUMNS)
    rows = ("".join(f"<td>{escape(cell)}</td>" for cell in row) for row in _rows(results))
    body = "".join(f"<tr>{row}</tr>" for row in rows)
    return f"<p>{escape(_head(results))}</p><table><tr>{titles}</tr>{body}</table>"


def _head(results: Any) -> str:
    test = results.data.splits.get("test")
    clips = f"{test.positives} words and {test.negatives} other clips of " if test else ""
    return f'"{results.word}", measured on {clips}{results.data.source}'


def _rows(results: Any) -> list[tuple[str, ...]]:
    best = results.recommendation.variant if results.recommendation else None
    rows: list[tuple[str, ...]] = []
    for row in results.variants:
        arena = row.targets["tflm"].arena_bytes if "tflm" in row.targets else None
        mark = "recommended" if row.name == best else ""
        rows.append((row.name, count(row.bytes), count(arena), percent(row.accuracy), mark))
    return rows
