"""The panels of a model's picture: the weights of each layer, from an `Inspection` alone."""

from __future__ import annotations

from pathlib import Path

from stapes.contracts.inspection import Inspection, Op, Subgraph
from stapes.errors import StapesError
from stapes.report.charts import Panel
from stapes.report.terminal.anatomy import short, shown
from stapes.system.text import percent

_MOST_PANELS = 300

# Ops that stand between a constant and the layer that uses it.
_WIDENING = ("DEQUANTIZE", "DENSIFY")


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


def _panels(graph: Subgraph) -> list[Panel]:
    readers: dict[int, Op] = {}
    for op in reversed(graph.ops):
        for read in op.inputs:
            # A constant that is widened first is of the op that reads the wide one.
            passed = op.name in _WIDENING and len(op.outputs) > 0
            readers[read] = readers.get(op.outputs[0], op) if passed else op
    numbered: list[tuple[int, Panel]] = []
    for tensor in graph.tensors:
        statistics, reader = tensor.statistics, readers.get(tensor.number)
        if tensor.role != "weight" or statistics is None or reader is None:
            continue
        histogram = statistics.histogram
        if histogram is None or not any(histogram.counts):
            continue
        zeros = f"{percent(statistics.zeros / statistics.values, 1)} zero"
        panel = Panel(
            name=f"{reader.number} {shown(reader.name)}",
            title=f"T{tensor.number} {short(tensor.name, 120)}".strip(),
            detail=f"{tensor.type.lower()}, {statistics.values:,}, {zeros}, "
            f"{statistics.distinct:,} distinct",
            low=histogram.low,
            high=histogram.high,
            counts=histogram.counts,
            ends=(f"{statistics.minimum or 0.0:.5g}", f"{statistics.maximum or 0.0:.5g}"),
        )
        numbered.append((reader.number, panel))
    return [panel for _, panel in sorted(numbered, key=lambda pair: pair[0])]
