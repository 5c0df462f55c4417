"""Where each layer's weights stand in a picture, and what is written beside them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

from stapes.contracts.inspection import Histogram, Inspection, Op, Subgraph
from stapes.errors import StapesError
from stapes.report.terminal.anatomy import short, shown

COLUMNS = 3
PANEL_WIDTH, PANEL_HEIGHT, MARGIN, TOP = 290, 150, 14, 66
BARS_TOP, BARS_HEIGHT = 46, 78
_MOST_PANELS = 300

# Ops that stand between a constant and the layer that uses it.
_WIDENING = ("DEQUANTIZE", "DENSIFY")


@dataclass(frozen=True)
class Panel:
    """One layer's weights."""

    heading: str
    """The op that uses them."""
    name: str
    """The tensor's, and what its file calls it."""
    detail: str
    bounds: tuple[str, str]
    """The least and the greatest value, to stand below the bars."""
    histogram: Histogram


def panels(found: Inspection) -> list[Panel]:
    """The weights of each layer, in the order of the ops that use them.

    Raises
    ------
    StapesError
        There are none, or too many for a picture.
    """
    chosen = [panel for graph in found.subgraphs for panel in _panels(graph)]
    where = f"{shown(found.file)} has" if found.file else "The model has"
    if not chosen:
        raise StapesError(f"{where} no weights to draw.")
    if len(chosen) > _MOST_PANELS:
        raise StapesError(f"{where} weights of {len(chosen):,} layers, too many for a picture.")
    return chosen


def title(found: Inspection) -> str:
    """The picture's first line."""
    name = shown(Path(found.file).name) or "The model"
    return f"{name}: {found.parameters:,} parameters in {found.bytes:,} bytes"


def note() -> str:
    """The picture's second line."""
    return "Weights of each layer as they are stored; heights are square roots of counts"


def size(count: int) -> tuple[int, int]:
    """Width and height of a picture of so many panels, in pixels."""
    columns = min(COLUMNS, max(2, count))
    return columns * PANEL_WIDTH + MARGIN, TOP + -(-count // COLUMNS) * PANEL_HEIGHT


def places(count: int) -> list[tuple[int, int]]:
    """The left upper corner of each panel."""
    return [
        (MARGIN + n % COLUMNS * PANEL_WIDTH, TOP + n // COLUMNS * PANEL_HEIGHT)
        for n in range(count)
    ]


def bars(histogram: Histogram) -> list[tuple[float, float, float]]:
    """(left, top, right) of each bar that is not empty, in its panel."""
    width = (PANEL_WIDTH - 2 * MARGIN) / len(histogram.counts)
    unit = BARS_HEIGHT / math.sqrt(max(histogram.counts))
    base = BARS_TOP + BARS_HEIGHT
    return [
        (round(n * width, 1), round(base - unit * math.sqrt(count), 1), round((n + 1) * width, 1))
        for n, count in enumerate(histogram.counts)
        if count
    ]


def number(value: float) -> str:
    """A value of a weight, short."""
    return f"{value:.5g}"


def _panels(graph: Subgraph) -> list[Panel]:
    readers: dict[int, Op] = {}
    for op in reversed(graph.ops):
        for read in op.inputs:
            # A constant that is widened first is of the op that reads the wide one.
            passed = op.name in _WIDENING and len(op.outputs) > 0
            readers[read] = readers.get(op.outputs[0], op) if passed else op
    found: list[tuple[int, Panel]] = []
    for tensor in graph.tensors:
        said, reader = tensor.statistics, readers.get(tensor.number)
        if tensor.role != "weight" or said is None or said.histogram is None or reader is None:
            continue
        zeros = f"{100 * said.zeros / said.values:.1f} % zero"
        panel = Panel(
            heading=f"{reader.number} {shown(reader.name)}",
            name=f"T{tensor.number} {short(tensor.name, 120)}".strip(),
            detail=f"{tensor.type.lower()}, {said.values:,}, {zeros}, {said.distinct:,} distinct",
            bounds=(number(said.minimum or 0.0), number(said.maximum or 0.0)),
            histogram=said.histogram,
        )
        found.append((reader.number, panel))
    return [panel for _, panel in sorted(found, key=lambda each: each[0])]
