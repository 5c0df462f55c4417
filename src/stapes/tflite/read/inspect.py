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
from stapes.tflite import graph as view
from stapes.tflite.format.schema import TABLES
from stapes.tflite.format.tree import Table
from stapes.tflite.graph import ints, text
from stapes.tflite.read.budget import budget
from stapes.tflite.read.constants import widened
from stapes.tflite.read.cost import macs_of_op
from stapes.tflite.read.roles import operands, roles
from stapes.tflite.read.statistics import statistics
from stapes.tflite.read.values import values
from stapes.tflite.read.verify import called, verify

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
    model = verify(content)
    if _told(model.table, {}) > MOST_TOLD:
        raise ModelError("The .tflite says more than any model for a device.")
    buffers, seen = model.buffers, _Seen()
    graphs, parameters = [], 0
    for graph in model.graphs:
        known = roles(graph)
        parameters += sum(graph.tensor(number).elements for number in known)
        graphs.append(_subgraph(graph, known, seen))
    return Inspection(
        bytes=len(content),
        data_bytes=sum(len(data) for data in buffers),
        zero_bytes=_zero_bytes(buffers),
        parameters=parameters,
        macs=sum(op.macs for graph in graphs for op in graph.ops),
        description=text(model.table["description"]),
        subgraphs=graphs,
        signatures=[_signature(table) for table in model.table.items("signature_defs")],
        metadata=[
            Metadata(name=name, buffer=buffer, bytes=len(buffers[buffer]))
            for name, buffer in model.metadata
        ],
        unknown=model.tree.unknown,
        budget=budget(model),
    )


def _zero_bytes(held: list[NDArray[np.uint8]]) -> int:
    # Many buffers may share their bytes: each is looked at once.
    once = {_place(data): data for data in held}
    empty = {place for place, data in once.items() if not data.any()}
    return sum(size for place, size in map(_place, held) if (place, size) in empty)


def _place(data: NDArray[np.uint8]) -> tuple[int, int]:
    """Where in memory the bytes of a buffer are: the same for buffers that share them."""
    return data.__array_interface__["data"][0], len(data)


def _subgraph(graph: view.Graph, known: dict[int, tuple[Role, bool]], seen: _Seen) -> Subgraph:
    origins = widened(graph)
    tensors = [_tensor(tensor, known.get(tensor.number), seen) for tensor in graph.tensors]
    return Subgraph(
        number=graph.number,
        name=text(graph.table["name"]),
        inputs=graph.inputs,
        outputs=graph.outputs,
        data_bytes=sum(tensor.bytes for tensor in tensors),
        ops=[_op(op, origins) for op in graph.operators],
        tensors=tensors,
    )


def _op(op: view.Operator, origins: dict[int, int]) -> Op:
    weights = {tensor for tensor, _ in operands(op, origins)}
    return Op(
        number=op.number,
        name=op.name,
        custom=op.builtin == "CUSTOM",
        version=op.code["version"],
        inputs=op.inputs,
        outputs=op.outputs,
        intermediates=ints(op.table.items("intermediates")),
        calls=called(op.table),
        macs=macs_of_op(op),
        parameters=sum(op.graph.tensor(number).elements for number in weights),
    )


def _tensor(tensor: view.Tensor, known: tuple[Role, bool] | None, seen: _Seen) -> Tensor:
    data = tensor.data
    role, channels_last = known or ("constant" if len(data) else None, False)
    first, described = _constant(tensor, data, channels_last, seen) if len(data) else ([], None)
    signature = tensor.table["shape_signature"]
    return Tensor(
        number=tensor.number,
        name=tensor.name,
        type=tensor.type,
        shape=tensor.shape,
        shape_signature=None if signature is None else ints(signature),
        is_variable=tensor.is_variable,
        buffer=tensor.buffer,
        bytes=len(data),
        sparse=tensor.table["sparsity"] is not None,
        role=role,
        quantization=_quantization(tensor.quantization),
        first_values=first,
        statistics=described,
    )


def _constant(
    tensor: view.Tensor, data: NDArray[np.uint8], channels_last: bool, seen: _Seen
) -> tuple[list[Number], Statistics | None]:
    """A constant's first values and statistics; none where it is not made of numbers."""
    shared = (id(tensor.table["sparsity"]), id(tensor.table["quantization"]))
    key = (_place(data), tensor.type, tuple(tensor.shape), channels_last, shared)
    if key not in seen.statistics:
        seen.values += tensor.elements
        if seen.values > MOST_SHARED_VALUES + 4 * len(tensor.graph.model.tree.content):
            raise ModelError("The .tflite has more values than any model for a device.")
        seen.statistics[key] = _described(tensor, channels_last)
    return seen.statistics[key]


def _described(tensor: view.Tensor, channels_last: bool) -> tuple[list[Number], Statistics | None]:
    try:
        content = values(tensor)
    except ModelError:
        # Its buffer is longer than its shape, or compressed: `verify` lets that pass.
        content = None
    if content is None or not content.size:
        return [], None
    # As Python's own numbers, without a copy of all.
    first: list[Number] = content.ravel()[:FIRST_VALUES].tolist()
    zero = _zero(tensor.quantization, content.ndim)
    return first, statistics(content, zero, channels_last=channels_last)


def _zero(quantization: view.Quantization, rank: int) -> NDArray[Any] | int:
    """The stored values that stand for 0, such that they broadcast to the constant's shape."""
    points = quantization.zero_points
    if not len(points) or not quantization.by_scales:
        return 0
    if len(points) == 1:
        return int(points[0])
    return points.reshape([-1 if axis == quantization.axis else 1 for axis in range(rank)])


def _quantization(quantization: view.Quantization) -> Quantization | None:
    scales, details = quantization.scales.tolist(), quantization.table["details"]
    if not scales and details is None:
        # A range that was seen in calibration says nothing of how values are stored.
        return None
    return Quantization(
        scale=scales,
        zero_point=ints(quantization.zero_points),
        axis=quantization.axis if len(scales) > 1 else None,
        details="" if details is None else details.kind,
    )


def _signature(signature: Table) -> Signature:
    def named(part: str) -> list[NamedTensor]:
        return [
            NamedTensor(name=text(each["name"]), tensor=each["tensor_index"])
            for each in signature.items(part)
        ]

    return Signature(
        key=text(signature["signature_key"]),
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
