"""Look-up tables of TFLite Micro: which constants of a .tflite could be kept as indices, and back.

A constant with few distinct values is stored as indices of 1 to 7 bits and a table of its values;
an op `TFLM_DECODE` before each op that reads the constant unpacks it into the arena. The encoded
constant is a vector of bytes, its indices one behind the other with the highest bit first. The
ancillary tensor beside it is a header of 16 bytes and the tables, one for the whole constant or one
for each channel, each padded to the length of the longest:

    byte 0     0: look-up table           byte 4     1: version of the tables
    byte 1     1: version of the header   byte 5     bits, and 16 times the axis (15: one table)
    bytes 2-3  0                          byte 6     entries of each table
                                          bytes 7-15 0

The runtime of the package of October 2026 does not read the axis: it takes a table for each scale
of the tensor's quantization (docs/notes/upstream-lut.md). Only where both say the same is a file
right whichever of the two is read, so no other form is offered here.

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
from stapes.tflite.format.tree import Table, Tree
from stapes.tflite.read.verify import stored

DECODE = b"TFLM_DECODE"
"""The custom op that unpacks."""

HEADER_BYTES = 16
MOST_BITS = 7
DECODE_BYTES = 110
"""About what an op with its two new tensors and buffers takes in a slimmed file."""

_PER_TENSOR = 15

# Kernels that read these inputs in Invoke alone, tried in the package; most others look at their
# constants in Prepare, when nothing is decoded yet.
_READERS = {3: "CONV_2D", 4: "DEPTHWISE_CONV_2D", 9: "FULLY_CONNECTED"}
_ROLES = {1: "kernel", 2: "bias"}

# TensorType to NumPy: the types that DECODE writes.
_TYPES: dict[int, str] = {0: "<f4", 2: "<i4", 4: "<i8", 7: "<i2", 9: "i1"}


@dataclass(frozen=True)
class Form:
    """A constant as indices and tables."""

    axis: int | None
    """The axis of the channels that have a table each; None: one table."""
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
    """(subgraph, tensor) of all that hold the same buffer: they shrink together or not at all."""
    name: str
    op: str
    role: str
    """`kernel` or `bias`."""
    bytes: int
    """As it is stored now."""
    reads: int
    """How many ops read it: each needs a DECODE of its own."""
    per_tensor: Form | None
    """With one table; None where it has more than 128 distinct values."""
    per_channel: Form | None
    """With a table for each slice along the quantized axis; None where a slice has more."""
    form: Form | None
    """The one of the two that its quantization calls for."""
    reason: str
    """Why there is no `form`."""

    @property
    def expected(self) -> int:
        """About the bytes that the file gets smaller by; negative: larger."""
        return 0 if self.form is None else self.bytes - self.form.bytes - self.reads * DECODE_BYTES


def candidates(tree: Tree) -> list[Candidate]:
    """The constants of a model that look-up tables are for, in the order they are read.

    Parameters
    ----------
    tree : Tree
        From `verify`.
    """
    readers: dict[int, list[tuple[str, int]]] = defaultdict(list)
    holders: dict[int, list[tuple[int, int]]] = defaultdict(list)
    for g, graph in enumerate(tree.root.items("subgraphs")):
        for t, tensor in enumerate(graph.items("tensors")):
            holders[tensor["buffer"]].append((g, t))
        for name, position, t in _reads(tree, graph):
            readers[graph["tensors"][t]["buffer"]].append((name, position))
    kept = {entry["buffer"] for entry in tree.root.items("metadata")}
    found = []
    for buffer, uses in readers.items():
        plain = all(name in _READERS.values() and role in _ROLES for name, role in uses)
        if plain and buffer not in kept:
            each = _candidate(tree, buffer, holders[buffer], uses)
            found += [each] if each is not None else []
    return found


def _reads(tree: Tree, graph: Table) -> Iterator[tuple[str, int, int]]:
    """Op, position and tensor of all that is read; what the graph itself takes or gives too."""
    for op in graph.items("operators"):
        code = tree.root["operator_codes"][op["opcode_index"]]
        number = max(code["builtin_code"], code["deprecated_builtin_code"])
        for position, t in enumerate(op.items("inputs")):
            if t >= 0:
                yield _READERS.get(number, ""), position, int(t)
    for name in ("inputs", "outputs"):
        for t in graph.items(name):
            yield "", 0, int(t)


def _candidate(
    tree: Tree, buffer: int, places: list[tuple[int, int]], uses: list[tuple[str, int]]
) -> Candidate | None:
    tensors = [tree.root["subgraphs"][g]["tensors"][t] for g, t in places]
    first = tensors[0]
    data = stored(tree, tree.root["buffers"][buffer])
    shape = [int(size) for size in first.items("shape")]
    kind = _TYPES.get(first["type"])
    plain = not any(each["sparsity"] is not None or each["is_variable"] for each in tensors)
    if kind is None or not shape or not len(data) or not plain:
        return None
    dtype = np.dtype(kind)
    if len(data) != math.prod(shape) * dtype.itemsize:
        return None
    scales, axis = _quantization(first)
    alike = all(
        (each["type"], list(each.items("shape")), *_quantization(each))
        == (first["type"], list(first.items("shape")), scales, axis)
        for each in tensors
    )
    if not alike:
        return None
    values = data.view(dtype).reshape(shape)
    per_tensor = _form(values, None)
    per_channel = _form(values, axis) if 0 <= axis < len(shape) else None
    form = per_channel if scales > 1 else per_tensor
    reason = "" if form else f"{_distinct(values, axis, scales)}, and 128 are the most"
    ends = (0, len(shape) - 1) if scales > 1 else (0,)
    if form is not None and axis not in ends:
        form, reason = None, f"the decoder reads no tables along axis {axis}"
    op, position = uses[0]
    name = (first["name"] or b"").decode("utf-8", "replace") or f"tensor {places[0][1]}"
    return Candidate(
        tuple(places), name, op, _ROLES[position], len(data), len(uses),
        per_tensor, per_channel, form, reason,
    )  # fmt: skip


def _quantization(tensor: Table) -> tuple[int, int]:
    """How many scales a tensor has, and along which axis."""
    quantization = tensor["quantization"]
    if quantization is None or not len(quantization.items("scale")):
        return 0, 0
    return len(quantization["scale"]), int(quantization["quantized_dimension"])


def _distinct(values: NDArray[Any], axis: int, scales: int) -> str:
    if scales <= 1:
        return f"{len(np.unique(values))} distinct values"
    most = max(len(np.unique(each)) for each in np.moveaxis(values, axis, 0))
    return f"{most} distinct values in a channel"


def _form(values: NDArray[Any], axis: int | None) -> Form | None:
    slices = [values] if axis is None else list(np.moveaxis(values, axis, 0))
    entries = max((len(np.unique(each)) for each in slices), default=0)
    bits = max(1, (entries - 1).bit_length())
    if not entries or bits > MOST_BITS:
        return None
    tables = len(slices) * entries * values.itemsize
    return Form(axis, bits, -(-values.size * bits // 8) + HEADER_BYTES + tables)


def is_decode(tree: Tree, op: Table) -> bool:
    """Whether an op unpacks constants."""
    return bool(tree.root["operator_codes"][op["opcode_index"]]["custom_code"] == DECODE)


def decode(
    encoded: NDArray[np.uint8], ancillary: NDArray[np.uint8], shape: list[int], kind: int
) -> NDArray[Any]:
    """The constant that indices and tables stand for, by the axis that the header says.

    Parameters
    ----------
    encoded, ancillary : np.ndarray [shape=(n,)]
        The inputs of a DECODE op.
    shape : list of int
        Of its output.
    kind : int
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
    dtype = np.dtype(_TYPES[kind])
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


def mend(root: Table) -> None:
    """Take from encoded constants the quantization that the package leaves with them.

    A vector of indices has no scales along an axis: such a file is broken.
    """
    codes = root.items("operator_codes")
    for graph in root.items("subgraphs"):
        for op in graph.items("operators"):
            if codes[op["opcode_index"]]["custom_code"] == DECODE:
                for t in op.items("inputs"):
                    graph["tensors"][t].fields.pop("quantization", None)
