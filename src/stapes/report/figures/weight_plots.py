"""The distribution of each layer's weights as a picture, from an `Inspection` alone."""

from __future__ import annotations

from pathlib import Path

from markupsafe import Markup

from stapes.contracts.inspection import Inspection, Op, Subgraph
from stapes.errors import StapesError, UsageError
from stapes.report.charts import Panel
from stapes.report.figures.bars import histograms
from stapes.report.templates import document
from stapes.report.terminal.anatomy import short
from stapes.system.files import write_text
from stapes.system.text import percent, printable

_MOST_PANELS = 300

# Ops between a constant and the layer that uses it.
_WIDENING = ("DEQUANTIZE", "DENSIFY")

_NOTE = "Weights of each layer as they are stored; heights are square roots of counts"


def draw(inspection: Inspection, path: Path) -> None:
    """Draw the distribution of each layer's weights.

    Parameters
    ----------
    inspection : Inspection
    path : Path
        A .svg file, which needs no font and no network, or an .html page for mouse and keyboard.

    Raises
    ------
    UsageError
        The path ends in another way, or cannot be written.
    StapesError
        The model has no weights, or too many layers.
    """
    suffix = path.suffix.lower()
    if suffix not in (".svg", ".html"):
        raise UsageError(f"--plot {path}: end the name in .svg or .html.")
    layers = panels(inspection)
    name = printable(Path(inspection.file).name) or "The model"
    title = f"{name}: {inspection.parameters:,} parameters in {inspection.bytes:,} bytes"
    if suffix == ".svg":
        content = histograms(layers, name=title, title=title, note=_NOTE)
    else:
        content = document(
            "weights.html.j2",
            styles=("figures.css",),
            scripts=("figures.js",),
            title=title,
            note=_NOTE,
            picture=Markup(histograms(layers, name=title)),
        )
    try:
        write_text(path, content)
    except OSError as error:
        raise UsageError(f"--plot {path}: cannot be written ({error.strerror}).") from None


def panels(inspection: Inspection) -> list[Panel]:
    """The weights of each layer, in the order of the ops that use them.

    Raises
    ------
    StapesError
        There are none, or too many for a picture.
    """
    layers = [panel for graph in inspection.subgraphs for panel in _panels(graph)]
    model = f"{printable(inspection.file)} has" if inspection.file else "The model has"
    if not layers:
        raise StapesError(f"{model} no weights to draw.")
    if len(layers) > _MOST_PANELS:
        raise StapesError(f"{model} weights of {len(layers):,} layers, too many for a picture.")
    return layers


def _panels(graph: Subgraph) -> list[Panel]:
    readers: dict[int, Op] = {}
    for op in reversed(graph.ops):
        for tensor_number in op.inputs:
            # A constant that is widened first belongs to the op that reads the wide one.
            widens = op.name in _WIDENING and len(op.outputs) > 0
            readers[tensor_number] = readers.get(op.outputs[0], op) if widens else op
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
            name=f"{reader.number} {printable(reader.name)}",
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
