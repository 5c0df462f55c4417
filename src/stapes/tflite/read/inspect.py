"""All that a .tflite says, as plain data: what TensorFlow's analyzer prints, and more.

The file may come from anywhere: it is read through `verify`, and no file may make more of itself
here than its bytes by having many parents share a part.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stapes.contracts.inspection import (
    FIRST_VALUES,
    Inspection,
    Metadata,
    NamedTensor,
    Number,
    Op,
    Quantization,
    Role,
    Signature,
    Statistics,
    Subgraph,
    Tensor,
)
from stapes.errors import ModelError
from stapes.tflite.format.schema import TABLES
from stapes.tflite.format.tree import Table, Tree
from stapes.tflite.read.budget import budget
from stapes.tflite.read.constants import builtin, widened
from stapes.tflite.read.cost import macs_of_op
from stapes.tflite.read.roles import CUSTOM, op_name, operands, roles
from stapes.tflite.read.statistics import statistics
from stapes.tflite.read.values import TYPE_NAMES, values
from stapes.tflite.read.verify import called, elements, stored, verify

MOST_TOLD = 1 << 22
"""A file that says more names, numbers and tables than these is refused: no device runs it."""

MOST_SHARED_VALUES = 1 << 26
"""So many values may be looked at more than once, because tensors share them or are sparse."""


@dataclass(slots=True)
class _Seen:
    """Constants that were looked at: each once, however many tensors share it."""

    statistics: dict[Hashable, tuple[list[Number], Statistics | None]] = field(default_factory=dict)
    values: int = 0


def inspect(content: bytes) -> Inspection:
    """Read all that a .tflite says.

    Parameters
    ----------
    content : bytes
        The file.

    Raises
    ------
    ModelError
        It is no .tflite, it is broken, or it is larger than any model for a device.
    """
    tree = verify(content)
    if _told(tree.root, {}) > MOST_TOLD:
        raise ModelError("The .tflite says more than any model for a device.")
    buffers = tree.root["buffers"]
    held = [stored(tree, buffer) for buffer in buffers]
    seen = _Seen()
    graphs, parameters = [], 0
    for number, graph in enumerate(tree.root["subgraphs"]):
        known = roles(tree, graph)
        parameters += sum(elements(graph["tensors"][index]) for index in known)
        graphs.append(_subgraph(tree, graph, number, known, seen))
    return Inspection(
        bytes=len(content),
        data_bytes=sum(len(data) for data in held),
        zero_bytes=_zero_bytes(held),
        parameters=parameters,
        macs=sum(op.macs for graph in graphs for op in graph.ops),
        description=_text(tree.root["description"]),
        subgraphs=graphs,
        signatures=[_signature(each) for each in tree.root.items("signature_defs")],
        metadata=[
            Metadata(
                name=_text(each["name"]),
                buffer=each["buffer"],
                bytes=len(stored(tree, buffers[each["buffer"]])),
            )
            for each in tree.root.items("metadata")
        ],
        unknown=tree.unknown,
        budget=budget(tree),
    )


def _zero_bytes(held: list[NDArray[np.uint8]]) -> int:
    # Many buffers may share their bytes: each is looked at once.
    once = {_place(data): data for data in held}
    empty = {place for place, data in once.items() if not data.any()}
    return sum(size for place, size in map(_place, held) if (place, size) in empty)


def _place(data: NDArray[np.uint8]) -> tuple[int, int]:
    """Where in memory the bytes of a buffer are: the same for buffers that share them."""
    return data.__array_interface__["data"][0], len(data)


def _subgraph(
    tree: Tree, graph: Table, number: int, known: dict[int, tuple[Role, bool]], seen: _Seen
) -> Subgraph:
    origins = widened(tree, graph)
    tensors = [
        _tensor(tree, tensor, index, known.get(index), seen)
        for index, tensor in enumerate(graph.items("tensors"))
    ]
    return Subgraph(
        number=number,
        name=_text(graph["name"]),
        inputs=_ints(graph.items("inputs")),
        outputs=_ints(graph.items("outputs")),
        data_bytes=sum(tensor.bytes for tensor in tensors),
        ops=[
            _op(tree, graph, op, index, origins)
            for index, op in enumerate(graph.items("operators"))
        ],
        tensors=tensors,
    )


def _op(tree: Tree, graph: Table, op: Table, number: int, origins: dict[int, int]) -> Op:
    read = {tensor for tensor, _ in operands(tree, graph, op, origins)}
    return Op(
        number=number,
        name=op_name(tree, op),
        custom=builtin(tree, op) == CUSTOM,
        version=tree.root["operator_codes"][op["opcode_index"]]["version"],
        inputs=_ints(op.items("inputs")),
        outputs=_ints(op.items("outputs")),
        intermediates=_ints(op.items("intermediates")),
        calls=called(op),
        macs=macs_of_op(tree, graph, op),
        parameters=sum(elements(graph["tensors"][index]) for index in read),
    )


def _tensor(
    tree: Tree, tensor: Table, number: int, known: tuple[Role, bool] | None, seen: _Seen
) -> Tensor:
    data = stored(tree, tree.root["buffers"][tensor["buffer"]])
    role, channels_last = known or ("constant" if len(data) else None, False)
    first, said = _constant(tree, tensor, data, channels_last, seen) if len(data) else ([], None)
    signature = tensor["shape_signature"]
    return Tensor(
        number=number,
        name=_text(tensor["name"]),
        type=TYPE_NAMES[tensor["type"]],
        shape=_ints(tensor.items("shape")),
        shape_signature=None if signature is None else _ints(signature),
        is_variable=tensor["is_variable"],
        buffer=tensor["buffer"],
        bytes=len(data),
        sparse=tensor["sparsity"] is not None,
        role=role,
        quantization=_quantization(tensor["quantization"]),
        first_values=first,
        statistics=said,
    )


def _constant(
    tree: Tree, tensor: Table, data: NDArray[np.uint8], channels_last: bool, seen: _Seen
) -> tuple[list[Number], Statistics | None]:
    """A constant's first values and statistics; none where it is not made of numbers."""
    shape, quantization = tuple(_ints(tensor.items("shape"))), tensor["quantization"]
    sparsity = tensor["sparsity"]
    key = (
        *(_place(data), tensor["type"], shape, channels_last),
        *(id(sparsity), id(quantization)),
    )
    if key not in seen.statistics:
        seen.values += elements(tensor)
        if seen.values > MOST_SHARED_VALUES + 4 * len(tree.content):
            raise ModelError("The .tflite has more values than any model for a device.")
        seen.statistics[key] = _described(tree, tensor, channels_last)
    return seen.statistics[key]


def _described(
    tree: Tree, tensor: Table, channels_last: bool
) -> tuple[list[Number], Statistics | None]:
    try:
        found = values(tree, tensor)
    except ModelError:
        # Its buffer is longer than its shape, or compressed: `verify` lets that pass.
        found = None
    if found is None or not found.size:
        return [], None
    # As Python's own numbers, without a copy of all.
    first: list[Number] = found.ravel()[:FIRST_VALUES].tolist()
    zero = _zero(tensor["quantization"], found)
    return first, statistics(found, zero, channels_last=channels_last)


def _zero(quantization: Table | None, found: NDArray[Any]) -> NDArray[Any] | int:
    """The stored values that stand for 0, such that they broadcast to the constant's shape."""
    points: Any = () if quantization is None else quantization.items("zero_point")
    if quantization is None or not len(points) or quantization["details_type"]:
        return 0
    if len(points) == 1:
        return int(points[0])
    axis: int = quantization["quantized_dimension"]
    along: NDArray[Any] = np.asarray(points)
    return along.reshape([-1 if each == axis else 1 for each in range(found.ndim)])


def _quantization(quantization: Table | None) -> Quantization | None:
    if quantization is None:
        return None
    scale = quantization.items("scale")
    details = quantization["details"]
    if not len(scale) and details is None:
        # A range that was seen in calibration says nothing of how values are stored.
        return None
    return Quantization(
        scale=[float(each) for each in scale],
        zero_point=_ints(quantization.items("zero_point")),
        axis=quantization["quantized_dimension"] if len(scale) > 1 else None,
        details="" if details is None else details.kind,
    )


def _signature(signature: Table) -> Signature:
    def named(part: str) -> list[NamedTensor]:
        return [
            NamedTensor(name=_text(each["name"]), tensor=each["tensor_index"])
            for each in signature.items(part)
        ]

    return Signature(
        key=_text(signature["signature_key"]),
        subgraph=signature["subgraph_index"],
        inputs=named("inputs"),
        outputs=named("outputs"),
    )


def _told(table: Table, known: dict[int, int]) -> int:
    """How much there is to say: tables, and what their vectors and strings hold.

    What several parents share counts for each, since it is said for each; data does not.
    """
    if id(table) not in known:
        total = 1 + len(TABLES[table.kind])
        for name, value in table.fields.items():
            if isinstance(value, Table):
                total += _told(value, known)
            elif isinstance(value, list):
                tables = [each for each in value if isinstance(each, Table)]
                total += sum(_told(each, known) for each in tables)
            elif isinstance(value, bytes | np.ndarray) and (table.kind, name) != ("Buffer", "data"):
                total += len(value)
        known[id(table)] = total
    return known[id(table)]


def _text(name: bytes | None) -> str:
    return (name or b"").decode("utf-8", "replace")


def _ints(numbers: Any) -> list[int]:
    return [int(each) for each in numbers]
