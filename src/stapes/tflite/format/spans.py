"""What every byte of a .tflite is."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from stapes.tflite.format.tree import Span, Table, Tree, walk


def spans(tree: Tree) -> list[Span]:
    """What every byte of the file is, in order and without a gap.

    Bytes of two objects belong to the one that starts first. Bytes between two objects are padding
    if they are zeros and fewer than 16. Else they are unreachable: nothing that this schema knows
    points at them.
    """
    content = tree.content
    known = [Span(0, 8, "header", "", None), *tree.claims.values(), *_external(tree)]
    whole: list[Span] = []
    end = 0
    known.sort(key=lambda span: (span.start, span.end))
    nexts = [span.start for span in known[1:]] + [len(content)]
    for span, following in zip(known, nexts, strict=True):
        if span.end <= end:
            continue
        whole += _gap(content, end, max(end, span.start))
        stop = max(span.end, min(span.end + span.slack, following))
        whole.append(replace(span, start=max(end, span.start), end=stop))
        end = stop
    return whole + _gap(content, end, len(content))


def external_range(table: Table, prefix: str = "") -> tuple[int, int] | None:
    """(first byte, length) of what a Buffer or Operator keeps outside the tree, or None.

    An offset of 0 or 1 means none, as in LiteRT: writers use 1 as a placeholder.
    """
    offset, size = table[f"{prefix}offset"], table[f"{prefix}size"]
    return (offset, size) if offset > 1 and size > 0 else None


def stored(tree: Tree, buffer: Table) -> NDArray[np.uint8]:
    """A buffer's bytes, in the tree or outside it [shape=(n,)]."""
    place, data = external_range(buffer), buffer.items("data")
    if place is not None and not len(data):
        return np.frombuffer(tree.content, np.uint8, place[1], place[0])
    return np.asarray(data, np.uint8)


def _external(tree: Tree) -> Iterator[Span]:
    for table in walk(tree.root):
        for kind, prefix in (("Buffer", ""), ("Operator", "large_custom_options_")):
            place = external_range(table, prefix) if table.kind == kind else None
            if place is not None and sum(place) <= len(tree.content):
                owner = f"{kind}.{prefix}offset"
                yield Span(place[0], sum(place), "external", owner, table)


def _gap(content: bytes, start: int, end: int) -> list[Span]:
    if start == end:
        return []
    padding = end - start < 16 and not any(content[start:end])
    return [Span(start, end, "padding" if padding else "unreachable", "", None)]
