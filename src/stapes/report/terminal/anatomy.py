"""What `stapes inspect` shows, from an `Inspection` alone."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from rich import box
from rich.table import Table

from stapes.contracts.inspection import (
    BUDGET_PARTS,
    Histogram,
    Inspection,
    Number,
    Op,
    Quantization,
    Subgraph,
    Tensor,
)
from stapes.report.terminal.grid import grid
from stapes.system.text import for_inputs, percent, plural, printable

_PART_NAMES = {
    "constants": "other constants",
    "names": "names of tensors and subgraphs",
    "sparsity": "places of sparse values",
    "tables": "ops, tensors, shapes and tables",
    "unreachable": "unreachable",
}
_BAR = 30
_NAME = 36
_MOST_LISTED = 5
_LEVELS = " ▁▂▃▄▅▆▇█"
_SPARK = 16
_STYLE: dict[str, Any] = {"box": box.SIMPLE_HEAD, "pad_edge": False, "title_style": "bold"}


def lines(inspection: Inspection, *, weights: bool = False) -> list[str | Table]:
    """The whole model; with `weights`, also the distribution of each constant."""
    parts: list[str | Table] = [*summary(inspection), budget(inspection)]
    for graph in inspection.subgraphs:
        parts += [ops(graph), tensors(graph)]
        if weights and any(tensor.statistics for tensor in graph.tensors):
            parts.append(constants(graph))
    return parts + labels(inspection)


def summary(inspection: Inspection) -> list[str]:
    """The model in a line, and lines about what is odd in it."""
    graphs = inspection.subgraphs
    parts = [
        f"{inspection.bytes:,} bytes ({inspection.data_bytes:,} of data)",
        plural(len(graphs), "subgraph"),
        f"{sum(len(graph.ops) for graph in graphs):,} ops",
        f"{sum(len(graph.tensors) for graph in graphs):,} tensors",
        f"{inspection.parameters:,} parameters",
        f"{inspection.macs:,} MACs" + for_inputs(inspection.macs_inputs),
    ]
    name = f"{printable(inspection.file)}: " if inspection.file else ""
    text = [name + ", ".join(parts)]
    if inspection.zero_bytes:
        text.append(f"{inspection.zero_bytes:,} bytes of buffers are all zeros.")
    return text + [f"Not understood: {printable(part)}." for part in inspection.unknown]


def budget(inspection: Inspection) -> Table:
    """Where every byte of the file goes."""
    sizes = inspection.budget.model_dump(include=set(BUDGET_PARTS))
    largest = max(1, *sizes.values())
    rows = [
        [
            _PART_NAMES.get(part, part),
            f"{size:,}",
            percent(size / inspection.bytes, 1),
            # The smallest part is visible.
            "█" * max(1, round(_BAR * size / largest)),
        ]
        for part, size in sizes.items()
        if size
    ]
    rows.append(["in all", f"{inspection.bytes:,}", percent(1, 1), ""])
    return grid("Every byte of the file", ("part", ">bytes", ">share", ""), rows, **_STYLE)


def ops(graph: Subgraph) -> Table:
    """The ops of a subgraph."""
    title = " ".join(filter(None, (f"Subgraph {graph.number}", printable(graph.name))))
    flow = f"({_numbers(graph.inputs)}) -> ({_numbers(graph.outputs)})"
    columns = (">", "op", "~inputs", "~outputs", "shape", ">MACs", ">parameters")
    rows = [
        [
            str(op.number),
            _op(op),
            _numbers(op.inputs),
            _numbers([*op.outputs, *op.intermediates]),
            _shape(graph.tensors[op.outputs[0]]) if op.outputs else "",
            f"{op.macs:,}" if op.macs else "",
            f"{op.parameters:,}" if op.parameters else "",
        ]
        for op in graph.ops
    ]
    return grid(f"{title} {flow}", columns, rows, **_STYLE)


def tensors(graph: Subgraph) -> Table:
    """The tensors of a subgraph."""
    rows = [
        [
            f"T{tensor.number}",
            short(tensor.name),
            tensor.type.lower() + (" sparse" if tensor.sparse else ""),
            _shape(tensor) + (" variable" if tensor.is_variable else ""),
            f"{tensor.bytes:,}" if tensor.bytes else "",
            str(tensor.buffer) if tensor.bytes else "",
            _quantization(tensor.quantization),
            _values(tensor),
        ]
        for tensor in graph.tensors
    ]
    figures = ("type", "shape", ">bytes", ">buffer", "~scale, zero point", "~first values")
    return grid(f"Tensors of subgraph {graph.number}", ("", "~name", *figures), rows, **_STYLE)


def constants(graph: Subgraph) -> Table:
    """The distribution of each constant of a subgraph, and the bits that a code needs for it."""
    rows = []
    for tensor in graph.tensors:
        values = tensor.statistics
        if values is None:
            continue
        spread = (values.minimum, values.maximum, values.mean, values.deviation)
        part = values.compliance_2by4
        rows.append(
            [
                f"T{tensor.number}",
                short(tensor.name, 28),
                tensor.role or "",
                f"{values.values:,}",
                percent(values.zeros / values.values, 1),
                f"{values.distinct:,}",
                *("-" if value is None else f"{value:.4g}" for value in spread),
                f"{values.entropy_bits:.2f}",
                f"{values.coded_bytes:,}",
                "" if part is None else percent(part, 0),
                spark(values.histogram),
            ]
        )
    title = f"Constants of subgraph {graph.number}; bits and bytes of the best order-0 code"
    columns = (
        *("", "~name", "role", ">values", ">zero", ">distinct", ">from", ">to", ">mean"),
        *(">deviation", ">bits", ">bytes", ">2:4", "distribution"),
    )
    return grid(title, columns, rows, **_STYLE)


def labels(inspection: Inspection) -> list[str]:
    """Signatures, metadata and the description, a line each."""
    text = []
    for signature in inspection.signatures:
        inputs, outputs = (
            ", ".join(f"{printable(entry.name)} T{entry.tensor}" for entry in entries)
            for entries in (signature.inputs, signature.outputs)
        )
        key = f"Signature {printable(signature.key)} of subgraph {signature.subgraph}"
        text.append(f"{key}: ({inputs}) -> ({outputs})")
    for entry in inspection.metadata:
        name = printable(entry.name)
        text.append(f"Metadata {name}: {entry.bytes:,} bytes, buffer {entry.buffer}")
    if inspection.description:
        text.append(f"Description: {printable(inspection.description)}")
    return text


def short(name: str, most: int = _NAME) -> str:
    """The end of a tensor's first name: converters join the names of all layers in it.

    A number at the end stays, as it is what distinguishes tensors.
    """
    whole = printable(name)
    first, _, others = whole.partition(";")
    number = re.search(r"\d*$", others)
    text = first + (f";…{number[0]}" if others and number else "")
    return text if len(text) <= most else "…" + text[1 - most :]


def spark(histogram: Histogram | None, width: int = _SPARK) -> str:
    """A histogram in one line of text."""
    if histogram is None:
        return ""
    counts = histogram.counts
    joined = min(width, len(counts))
    edges = [place * len(counts) // joined for place in range(joined + 1)]
    sums = [sum(counts[low:high]) for low, high in pairwise(edges)]
    # The smallest count is visible.
    heights = [-(-count * (len(_LEVELS) - 1) // max(sums)) for count in sums]
    return "".join(_LEVELS[height] for height in heights)


def _numbers(tensors: Sequence[int]) -> str:
    return " ".join("-" if number < 0 else f"T{number}" for number in tensors)


def _op(op: Op) -> str:
    name = printable(op.name) + (" (custom)" if op.custom else "")
    return f"{name} [subgraph {_listed(op.calls)}]" if op.calls else name


def _shape(tensor: Tensor) -> str:
    # An open dimension is shown as such, not as the 1 in its place.
    shape = tensor.shape_signature or tensor.shape
    return "x".join("?" if size < 0 else str(size) for size in shape) or "scalar"


def _quantization(parameters: Quantization | None) -> str:
    if parameters is None:
        return ""
    if parameters.details:
        return parameters.details
    if parameters.axis is None:
        return f"{parameters.scale[0]:.4g}, {_listed(parameters.zero_point[:1]) or 0}"
    points = sorted(set(parameters.zero_point)) or [0]
    low, high = min(parameters.scale), max(parameters.scale)
    zero = str(points[0]) if len(points) == 1 else f"{points[0]} to {points[-1]}"
    return f"{low:.3g} to {high:.3g} ({len(parameters.scale)} on axis {parameters.axis}), {zero}"


def _values(tensor: Tensor) -> str:
    count = tensor.statistics.values if tensor.statistics else 0
    return _listed(tensor.first_values[:_MOST_LISTED]) + (" …" if count > _MOST_LISTED else "")


def _listed(values: Sequence[Number]) -> str:
    return " ".join(f"{value:.4g}" if isinstance(value, float) else str(value) for value in values)
