"""The content of a .tflite as plain data: what TensorFlow's analyzer prints, and more.

The file may come from anywhere: `verify` checks it, and limits stop a small file whose shared parts
would become a large document.
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
from stapes.tflite.format.tree import Table, children
from stapes.tflite.graph import ints, text
from stapes.tflite.read.budget import budget
from stapes.tflite.read.constants import widened
from stapes.tflite.read.cost import macs_of_op
from stapes.tflite.read.roles import operands, roles
from stapes.tflite.read.statistics import statistics
from stapes.tflite.read.values import values
from stapes.tflite.read.verify import called, verify

MOST_ITEMS = 1 << 22
"""Names, numbers and tables; a file with more is refused: no device runs it."""

MOST_SHARED_VALUES = 1 << 26
"""Values that are counted again, because tensors share them or are sparse; more are refused."""


@dataclass(slots=True)
class _Counted:
    """The statistics of constants, once for all tensors that share one."""

    statistics: dict[Hashable, tuple[list[Number], Statistics | None]] = field(default_factory=dict)
    values: int = 0


def inspect(content: bytes) -> Inspection:
    """Read the content of a .tflite.

    Raises
    ------
    ModelError
        It is no .tflite, it is broken, or it is larger than any model for a device.
    """
    model = verify(content)
    if _items(model.table, {}) > MOST_ITEMS:
        raise ModelError("The .tflite holds more than any model for a device.")
    buffers, counted = model.buffers, _Counted()
    graphs, parameters = [], 0
    for graph in model.graphs:
        known = roles(graph)
        parameters += sum(graph.tensor(number).elements for number in known)
        graphs.append(_subgraph(graph, known, counted))
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


def _zero_bytes(buffers: list[NDArray[np.uint8]]) -> int:
    # Shared bytes are read once.
    distinct = {_place(data): data for data in buffers}
    empty = {place for place, data in distinct.items() if not data.any()}
    return sum(len(data) for data in buffers if _place(data) in empty)


def _place(data: NDArray[np.uint8]) -> tuple[int, int]:
    """(address, length) of a buffer's bytes: equal for buffers that share them."""
    return data.__array_interface__["data"][0], len(data)


def _subgraph(
    graph: view.Graph, known: dict[int, tuple[Role, bool]], counted: _Counted
) -> Subgraph:
    origins = widened(graph)
    tensors = [_tensor(tensor, known.get(tensor.number), counted) for tensor in graph.tensors]
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


def _tensor(tensor: view.Tensor, known: tuple[Role, bool] | None, counted: _Counted) -> Tensor:
    data = tensor.data
    role, channels_last = known or ("constant" if len(data) else None, False)
    first, numbers = _constant(tensor, data, channels_last, counted) if len(data) else ([], None)
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
        statistics=numbers,
    )


def _constant(
    tensor: view.Tensor, data: NDArray[np.uint8], channels_last: bool, counted: _Counted
) -> tuple[list[Number], Statistics | None]:
    """A constant's first values and statistics; none if it is not made of numbers."""
    shared = (id(tensor.table["sparsity"]), id(tensor.table["quantization"]))
    key = (_place(data), tensor.type, tuple(tensor.shape), channels_last, shared)
    if key not in counted.statistics:
        counted.values += tensor.elements
        if counted.values > MOST_SHARED_VALUES + 4 * len(tensor.graph.model.tree.content):
            raise ModelError("The .tflite has more values than any model for a device.")
        counted.statistics[key] = _statistics(tensor, channels_last)
    return counted.statistics[key]


def _statistics(tensor: view.Tensor, channels_last: bool) -> tuple[list[Number], Statistics | None]:
    try:
        content = values(tensor)
    except ModelError:
        # Its buffer is longer than its shape, or compressed: `verify` accepts that.
        content = None
    if content is None or not content.size:
        return [], None
    first: list[Number] = content.ravel()[:FIRST_VALUES].tolist()
    zero = _zero(tensor.quantization, content.shape)
    return first, statistics(content, zero, channels_last=channels_last)


def _zero(quantization: view.Quantization, shape: tuple[int, ...]) -> NDArray[Any] | int:
    """The stored values that stand for 0, which broadcast to the constant's shape."""
    points = quantization.zero_points
    if not len(points) or not quantization.by_scales:
        return 0
    if len(points) == 1:
        return int(points[0])
    axis = quantization.axis
    if axis < 0 or shape[axis : axis + 1] != points.shape:
        return 0  # TFLite Micro alone reads such a tensor, and takes its zero points for 0.
    return points.reshape([-1 if place == axis else 1 for place in range(len(shape))])


def _quantization(quantization: view.Quantization) -> Quantization | None:
    scales, details = quantization.scales.tolist(), quantization.table["details"]
    if not scales and details is None:
        # A range from calibration does not change how values are stored.
        return None
    return Quantization(
        scale=scales,
        zero_point=ints(quantization.zero_points),
        axis=quantization.axis if len(scales) > 1 else None,
        details="" if details is None else details.kind,
    )


def _signature(signature: Table) -> Signature:
    inputs, outputs = (
        [
            NamedTensor(name=text(entry["name"]), tensor=entry["tensor_index"])
            for entry in signature.items(part)
        ]
        for part in ("inputs", "outputs")
    )
    return Signature(
        key=text(signature["signature_key"]),
        subgraph=signature["subgraph_index"],
        inputs=inputs,
        outputs=outputs,
    )


def _items(table: Table, known: dict[int, int]) -> int:
    """The number of fields and of elements of vectors and strings, except data of buffers.

    Shared tables count for every parent, since the document repeats them.
    """
    if id(table) not in known:
        total = 1 + len(TABLES[table.kind]) + sum(_items(part, known) for part in children(table))
        for name, value in table.fields.items():
            if isinstance(value, bytes | np.ndarray) and (table.kind, name) != ("Buffer", "data"):
                total += len(value)
        known[id(table)] = total
    return known[id(table)]
