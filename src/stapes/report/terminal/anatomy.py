"""What `stapes inspect` found, for people, from an `Inspection` alone."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise
from typing import Literal

from rich import box
from rich.table import Table
from rich.text import Text

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
from stapes.system.text import percent

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


def lines(found: Inspection, *, weights: bool = False) -> list[str | Table]:
    """Everything, in the order of a reader's questions.

    Parameters
    ----------
    found : Inspection
    weights : bool
        Whether to add the distribution of each constant.
    """
    said: list[str | Table] = [*summary(found), budget(found)]
    for graph in found.subgraphs:
        said += [ops(graph), tensors(graph)]
        if weights and any(tensor.statistics for tensor in graph.tensors):
            said.append(constants(graph))
    return said + labels(found)


def summary(found: Inspection) -> list[str]:
    """The model in a line, and what is odd about it in others."""
    count = len(found.subgraphs)
    parts = [
        f"{found.bytes:,} bytes ({found.data_bytes:,} of data)",
        f"{count} subgraph{'s' if count != 1 else ''}",
        f"{sum(len(graph.ops) for graph in found.subgraphs):,} ops",
        f"{sum(len(graph.tensors) for graph in found.subgraphs):,} tensors",
        f"{found.parameters:,} parameters",
        f"{found.macs:,} MACs",
    ]
    name = f"{shown(found.file)}: " if found.file else ""
    said = [name + ", ".join(parts)]
    if found.zero_bytes:
        said.append(f"{found.zero_bytes:,} bytes of buffers are nothing but zeros.")
    return said + [f"Not understood: {shown(what)}." for what in found.unknown]


def budget(found: Inspection) -> Table:
    """Where every byte of the file goes."""
    sizes = found.budget.model_dump(include=set(BUDGET_PARTS))
    largest = max(1, *sizes.values())
    rows = [
        [
            _PART_NAMES.get(part, part),
            f"{size:,}",
            f"{100 * size / found.bytes:.1f}",
            # What is there at all can be seen.
            "█" * max(1, round(_BAR * size / largest)),
        ]
        for part, size in sizes.items()
        if size
    ]
    rows.append(["in all", f"{found.bytes:,}", "100.0", ""])
    return _table("Every byte of the file", ("part", ">bytes", ">%", ""), rows)


def ops(graph: Subgraph) -> Table:
    """The ops of a subgraph, each in a row."""
    title = " ".join(filter(None, (f"Subgraph {graph.number}", shown(graph.name))))
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
    return _table(f"{title} {flow}", columns, rows)


def tensors(graph: Subgraph) -> Table:
    """The tensors of a subgraph, each in a row."""
    columns = ("", "~name", "type", "shape", ">bytes", ">buffer")
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
    title = f"Tensors of subgraph {graph.number}"
    return _table(title, (*columns, "~scale, zero point", "~first values"), rows)


def constants(graph: Subgraph) -> Table:
    """The constants of a subgraph: how their values are spread, and what a code could save."""
    columns = ("", "~name", "role", ">values", ">zero %", ">distinct", ">from", ">to", ">mean")
    rows = []
    for tensor in graph.tensors:
        said = tensor.statistics
        if said is None:
            continue
        spread = (said.minimum, said.maximum, said.mean, said.deviation)
        part = said.compliance_2by4
        rows.append(
            [
                f"T{tensor.number}",
                short(tensor.name, 28),
                tensor.role or "",
                f"{said.values:,}",
                f"{100 * said.zeros / said.values:.1f}",
                f"{said.distinct:,}",
                *("-" if value is None else f"{value:.4g}" for value in spread),
                f"{said.entropy_bits:.2f}",
                f"{said.coded_bytes:,}",
                "" if part is None else percent(part, 0),
                spark(said.histogram),
            ]
        )
    title = (
        f"Constants of subgraph {graph.number}; bits and bytes as the best order-0 code has them"
    )
    rest = (">deviation", ">bits", ">bytes", ">2:4", "distribution")
    return _table(title, (*columns, *rest), rows)


def labels(found: Inspection) -> list[str]:
    """Signatures and metadata, one in a line."""
    said = []
    for signature in found.signatures:
        taken, given = (
            ", ".join(f"{shown(each.name)} T{each.tensor}" for each in part)
            for part in (signature.inputs, signature.outputs)
        )
        key = f"Signature {shown(signature.key)} of subgraph {signature.subgraph}"
        said.append(f"{key}: ({taken}) -> ({given})")
    for entry in found.metadata:
        said.append(f"Metadata {shown(entry.name)}: {entry.bytes:,} bytes, buffer {entry.buffer}")
    if found.description:
        said.append(f"Description: {shown(found.description)}")
    return said


def shown(text: str) -> str:
    """A text from a file, without characters that a terminal or a page would obey."""
    return "".join(each if each.isprintable() else "\N{MIDDLE DOT}" for each in text)


def short(name: str, most: int = _NAME) -> str:
    """The end of the first of a tensor's names: converters join those of all layers it is made of.

    Names that end in numbers keep them, for they tell tensors apart.
    """
    whole = shown(name)
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
    # What is there at all can be seen.
    heights = [-(-count * (len(_LEVELS) - 1) // max(sums)) for count in sums]
    return "".join(_LEVELS[height] for height in heights)


def _table(title: str, columns: Sequence[str], rows: list[list[str]]) -> Table:
    """A light table; a column's name begins with > if it is of numbers, with ~ if it may wrap."""
    table = Table(
        title=Text(title, style="bold"), title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False
    )
    for name in columns:
        justify: Literal["left", "right"] = "right" if name.startswith(">") else "left"
        overflow: Literal["fold", "ellipsis"] = "fold" if name.startswith("~") else "ellipsis"
        wraps = name.startswith("~")
        table.add_column(name.lstrip(">~"), justify=justify, no_wrap=not wraps, overflow=overflow)
    for row in rows:
        # As texts: what a file calls its tensors is no markup.
        table.add_row(*map(Text, row))
    return table


def _numbers(tensors: Sequence[int]) -> str:
    return " ".join("-" if number < 0 else f"T{number}" for number in tensors)


def _op(op: Op) -> str:
    name = shown(op.name) + (" (custom)" if op.custom else "")
    return f"{name} [subgraph {_listed(op.calls)}]" if op.calls else name


def _shape(tensor: Tensor) -> str:
    # What is left open says more than the 1 that stands for it.
    shape = tensor.shape_signature or tensor.shape
    return "x".join("?" if size < 0 else str(size) for size in shape) or "scalar"


def _quantization(found: Quantization | None) -> str:
    if found is None:
        return ""
    if found.details:
        return found.details
    if found.axis is None:
        return f"{found.scale[0]:.4g}, {_listed(found.zero_point[:1]) or 0}"
    points = sorted(set(found.zero_point)) or [0]
    low, high = min(found.scale), max(found.scale)
    zero = str(points[0]) if len(points) == 1 else f"{points[0]} to {points[-1]}"
    return f"{low:.3g} to {high:.3g} ({len(found.scale)} on axis {found.axis}), {zero}"


def _values(tensor: Tensor) -> str:
    count = tensor.statistics.values if tensor.statistics else 0
    return _listed(tensor.first_values[:_MOST_LISTED]) + (" …" if count > _MOST_LISTED else "")


def _listed(values: Sequence[Number]) -> str:
    return " ".join(f"{value:.4g}" if isinstance(value, float) else str(value) for value in values)
