"""Look-up tables of TFLite Micro: find the constants that they can hold, and decode them.

A constant with few distinct values becomes indices of 1 to 7 bits and a table of its values. An op
`TFLM_DECODE` before each op that reads the constant unpacks it into the arena. The encoded constant
is a vector of bytes: its indices in order, the highest bit first. The ancillary tensor is a header
of 16 bytes and the tables, one for the whole constant or one for each channel, padded to the length
of the longest:

    byte 0     0: look-up table           byte 4     1: version of the tables
    byte 1     1: version of the header   byte 5     bits, and 16 times the axis (15: one table)
    bytes 2-3  0                          byte 6     entries of each table
                                          bytes 7-15 0

The runtime of October 2026 does not read the axis: it expects a table for each scale of the
tensor's quantization (docs/notes/upstream-lut.md). So the only forms here are those for which axis
and scales agree.

Source: TFLite Micro, tensorflow/lite/micro/compression/{decode,lut}.py and
tensorflow/lite/micro/kernels/decode_state_lut.cc.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stapes.errors import ModelError
from stapes.tflite.graph import DTYPES, Graph, Model, Tensor
from stapes.tflite.read.weights import most_distinct_in_a_channel

DECODE = "TFLM_DECODE"
"""The name of the custom op."""

HEADER_BYTES = 16
MOST_BITS = 7
DECODE_BYTES = 110
"""Estimated bytes of an op with its two new tensors and buffers in a slimmed file."""

_PER_TENSOR = 15

# Ops whose kernels read these inputs in Invoke only, as tests of the package showed. Most others
# read constants in Prepare, before anything is decoded.
_READERS = {"CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED"}
_ROLES = {1: "kernel", 2: "bias"}

# What DECODE writes.
_TYPES = {"FLOAT32", "INT8", "INT16", "INT32", "INT64"}


@dataclass(frozen=True)
class Form:
    """A constant as indices and tables."""

    axis: int | None
    """The axis of the channels, with a table for each; None: one table."""
    bits: int
    """Of an index."""
    bytes: int
    """Of indices, header and tables."""

    @property
    def mode(self) -> str:
        """`per tensor` or `per channel`."""
        return "per tensor" if self.axis is None else "per channel"


@dataclass(frozen=True)
class Candidate:
    """A constant that convolutions or dense layers read."""

    places: tuple[tuple[int, int], ...]
    """(subgraph, tensor) of all tensors with this buffer."""
    name: str
    op: str
    role: str
    """`kernel` or `bias`."""
    bytes: int
    """Without tables."""
    reads: int
    """The number of ops that read it: every one needs a DECODE op."""
    form: Form | None
    """One table for one scale, else one for each channel; None with over 128 distinct values."""
    reason: str
    """Why `form` is None."""

    @property
    def expected(self) -> int:
        """An estimate of the bytes that the file loses; negative: gains."""
        return 0 if self.form is None else self.bytes - self.form.bytes - self.reads * DECODE_BYTES


def candidates(model: Model) -> list[Candidate]:
    """The constants of a model from `verify` that tables may hold, in the order of reading."""
    readers: dict[int, list[tuple[str, int]]] = defaultdict(list)
    holders: dict[int, list[Tensor]] = defaultdict(list)
    for graph in model.graphs:
        for tensor in graph.tensors:
            holders[tensor.buffer].append(tensor)
        for name, position, number in _reads(graph):
            readers[graph.tensor(number).buffer].append((name, position))
    of_metadata = {buffer for _, buffer in model.metadata}
    rows = []
    for buffer, uses in readers.items():
        plain = all(name in _READERS and role in _ROLES for name, role in uses)
        if plain and buffer not in of_metadata:
            candidate = _candidate(holders[buffer], uses)
            rows += [candidate] if candidate is not None else []
    return rows


def _reads(graph: Graph) -> Iterator[tuple[str, int, int]]:
    """(op, position, tensor) of all inputs of ops, and of the graph's inputs and outputs."""
    for op in graph.operators:
        for position, number in enumerate(op.inputs):
            if number >= 0:
                yield op.builtin, position, number
    for number in (*graph.inputs, *graph.outputs):
        yield "", 0, number


def _candidate(tensors: list[Tensor], uses: list[tuple[str, int]]) -> Candidate | None:
    first = tensors[0]
    data, shape = first.data, first.shape
    dtype = DTYPES[first.type] if first.type in _TYPES else None
    if dtype is None or not shape or not len(data):
        return None
    if any(t.table["sparsity"] is not None or t.is_variable for t in tensors):
        return None
    if len(data) != first.elements * dtype.itemsize or not first.quantization.by_scales:
        return None
    scales, axis = _quantization(first)
    if scales > 1 and (axis < 0 or shape[axis : axis + 1] != [scales]):
        return None
    alike = (first.type, shape, scales, axis)
    if any((t.type, t.shape, *_quantization(t)) != alike for t in tensors):
        return None
    values = data.view(dtype).reshape(shape)
    form, reason = _form(values, axis, by_channel=scales > 1)
    op, position = uses[0]
    return Candidate(
        tuple((t.graph.number, t.number) for t in tensors),
        first.name or f"tensor {first.number}",
        op, _ROLES[position], len(data), len(uses), form, reason,
    )  # fmt: skip


def _quantization(tensor: Tensor) -> tuple[int, int]:
    """(number of scales, their axis) of a tensor."""
    scales = len(tensor.quantization.scales)
    return scales, tensor.quantization.axis if scales else 0


def _form(values: NDArray[Any], axis: int, *, by_channel: bool) -> tuple[Form | None, str]:
    """The tables of a constant, or the reason why there are none."""
    slices = np.moveaxis(values, axis, 0) if by_channel else values[None]
    entries = most_distinct_in_a_channel(slices)
    bits = max(1, (entries - 1).bit_length())
    if bits > MOST_BITS:
        place = " in a channel" if by_channel else ""
        return None, f"{entries} distinct values{place}, and 128 are the most"
    if axis not in ((0, values.ndim - 1) if by_channel else (0,)):
        return None, f"the decoder reads no tables along axis {axis}"
    tables = len(slices) * entries * values.itemsize
    size = -(-values.size * bits // 8) + HEADER_BYTES + tables
    return Form(axis if by_channel else None, bits, size), ""


def decoders(graph: Graph) -> dict[int, tuple[NDArray[np.uint8], NDArray[np.uint8]]]:
    """{output of a DECODE op: its indices and tables}."""
    pairs: dict[int, tuple[NDArray[np.uint8], NDArray[np.uint8]]] = {}
    for op in graph.operators:
        if op.name == DECODE:
            parts = [graph.tensor(number).data for number in op.inputs]
            pairs.update(zip(op.outputs, zip(parts[::2], parts[1::2], strict=False), strict=False))
    return pairs


def decode(
    encoded: NDArray[np.uint8], ancillary: NDArray[np.uint8], shape: list[int], kind: str
) -> NDArray[Any]:
    """Decode a constant, along the axis in the header.

    Parameters
    ----------
    encoded, ancillary : np.ndarray [shape=(n,)]
        The inputs of a DECODE op.
    shape : list of int
        Of its output.
    kind : str
        TensorType of its output.

    Raises
    ------
    ModelError
        It is no look-up table, or it is broken.
    """
    header = ancillary[:HEADER_BYTES].tolist()
    if len(header) < HEADER_BYTES or header[:2] != [0, 1] or header[4] != 1 or kind not in _TYPES:
        raise ModelError("The .tflite is compressed in a way that this version does not know.")
    axis, bits, entries, count = header[5] >> 4, header[5] & 7, header[6], math.prod(shape)
    dtype = DTYPES[kind]
    channels = 1 if axis == _PER_TENSOR else shape[axis] if axis < len(shape) else 0
    tables = ancillary[HEADER_BYTES:]
    sizes = (channels * entries * dtype.itemsize, -(-count * bits // 8))
    if not bits or not channels or (len(tables), len(encoded)) != sizes:
        raise ModelError("The .tflite is broken: a look-up table does not fit its tensor.")
    unpacked = np.unpackbits(encoded)[: count * bits].reshape(count, bits)
    indices = unpacked @ (1 << np.arange(bits)[::-1])
    if np.any(indices >= entries):
        raise ModelError("The .tflite is broken: an index leads out of its look-up table.")
    values = np.frombuffer(tables.tobytes(), dtype).reshape(channels, entries)
    channel = np.zeros(shape, np.intp) if axis == _PER_TENSOR else np.indices(shape)[axis]
    decoded: NDArray[Any] = values[channel, indices.reshape(shape)]
    return decoded
