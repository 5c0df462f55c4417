"""A run in a few lines, for a Python prompt and a notebook."""

from __future__ import annotations

from html import escape
from typing import Any

from stapes.system.text import UNKNOWN, count, percent

_COLUMNS = ("model", "file bytes", "arena bytes", "FRR in sound", "accuracy", "")
_IN_SOUND = _COLUMNS.index("FRR in sound")
_MOST_LINES = 8


def text(results: Any) -> str:
    """A line about the run, and one for each row; of many rows, for those that matter."""
    titles, *every = _rows(results)
    front = results.recommendation.front if results.recommendation else []
    rows = [row for row in every if row[0] in ("float32", *front) or row[-1]]
    rows = [titles, *(every if len(every) <= _MOST_LINES else rows[-_MOST_LINES:])]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [_head(results)]
    for name, *figures, mark in rows:
        cells = [cell.rjust(width) for cell, width in zip(figures, widths[1:], strict=False)]
        lines.append("  ".join([name.ljust(widths[0]), *cells, mark]).rstrip())
    if len(rows) <= len(every):
        lines.append(f"and {len(every) + 1 - len(rows)} more: results.variants")
    return "\n".join(lines)


def row_text(row: Any) -> str:
    """A row in one line."""
    name, *figures = _cells(row)
    pairs = [pair for pair in zip(_COLUMNS[1:], figures, strict=False) if pair[1]]
    return f"{name}: {', '.join(f'{title} {figure}' for title, figure in pairs)}"


def html(results: Any) -> str:
    """`text` as an HTML table."""
    first, *rest = _rows(results)
    titles = "".join(f"<th>{title}</th>" for title in first)
    rows = ("".join(f"<td>{escape(cell)}</td>" for cell in row) for row in rest)
    body = "".join(f"<tr>{row}</tr>" for row in rows)
    return f"<p>{escape(_head(results))}</p><table><tr>{titles}</tr>{body}</table>"


def _head(results: Any) -> str:
    test = results.data.splits.get("test")
    clips = f"{test.positives} words and {test.negatives} other clips of " if test else ""
    return f'"{results.word}", measured on {clips}{results.data.source}'


def _rows(results: Any) -> list[tuple[str, ...]]:
    """The titles, then the rows; without continuous sound, without its column."""
    best = results.recommendation.variant if results.recommendation else None
    rows = [(*_cells(row), "recommended" if row.name == best else "") for row in results.variants]
    if any(row[_IN_SOUND] for row in rows):
        return [_COLUMNS, *(tuple(cell or UNKNOWN for cell in row[:-1]) + row[-1:] for row in rows)]
    return [(*row[:_IN_SOUND], *row[_IN_SOUND + 1 :]) for row in (_COLUMNS, *rows)]


def _cells(row: Any) -> tuple[str, ...]:
    arena = row.targets["tflm"].arena_bytes if "tflm" in row.targets else None
    frr = "" if row.detection is None else percent(row.detection.chosen.frr)
    return row.name, count(row.bytes), count(arena), frr, percent(row.accuracy)
