"""A .tflite as a file: its constants and the bytes they take.

Source: the TensorFlow Lite schema (schema.fbs), by the classes generated from it that ship with
ai-edge-litert.
"""

from __future__ import annotations

import contextlib
import math
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema
from numpy.typing import NDArray

from stapes.errors import ModelError
from stapes.flatbuffer.packed import densify, unpack_int4

_DTYPES: dict[int, np.dtype[Any]] = {
    schema.TensorType.FLOAT32: np.dtype("<f4"),
    schema.TensorType.FLOAT16: np.dtype("<f2"),
    schema.TensorType.INT32: np.dtype("<i4"),
    schema.TensorType.UINT8: np.dtype("u1"),
    schema.TensorType.INT64: np.dtype("<i8"),
    schema.TensorType.INT16: np.dtype("<i2"),
    schema.TensorType.INT8: np.dtype("i1"),
}

# Ops that hold a layer's weights, and which of their inputs is the kernel and which the bias.
_WEIGHTED = {
    schema.BuiltinOperator.CONV_2D: (1, 2),
    schema.BuiltinOperator.DEPTHWISE_CONV_2D: (1, 2),
    schema.BuiltinOperator.FULLY_CONNECTED: (1, 2),
}

# Ops that make a kernel from how it is stored.
_WIDENING = {schema.BuiltinOperator.DEQUANTIZE, schema.BuiltinOperator.DENSIFY}


@dataclass(frozen=True)
class Constant:
    """The kernel or bias of a layer, as the file stores it."""

    name: str
    op: str
    role: str
    """`kernel` or `bias`."""
    values: NDArray[Any]


@contextlib.contextmanager
def refusing() -> Iterator[None]:
    """Say of a tree that does not hold together that the file is broken."""
    try:
        yield
    except (struct.error, LookupError, ValueError, TypeError, AttributeError) as error:
        raise ModelError(f"The .tflite is broken or cut ({error}).") from None


@refusing()
def parse(model: bytes) -> Any:
    """The file as an object tree (`ModelT` of the schema).

    Raises
    ------
    ModelError
        It is no .tflite, or it is cut.
    """
    if model[4:8] != b"TFL3":
        raise ModelError("The file is no .tflite: it lacks the mark TFL3.")
    return schema.ModelT.InitFromPackedBuf(bytearray(model), 0)


@refusing()
def data_bytes(model: bytes) -> int:
    """Bytes of all buffers: TensorFlow's analyzer calls them the total data buffer size."""
    return sum(len(buffer.data) for buffer in parse(model).buffers if buffer.data is not None)


@refusing()
def constants(model: bytes) -> list[Constant]:
    """Kernels and biases of convolutions and dense layers, in the order the ops run.

    A constant that is widened by DEQUANTIZE or DENSIFY ops is given as it is stored; a sparse one
    with its zeros.
    """
    tree = parse(model)
    found = []
    for graph in tree.subgraphs:
        stored = _widened(tree, graph)
        for op in graph.operators:
            code = builtin(tree, op)
            for role, position in zip(("kernel", "bias"), _WEIGHTED.get(code, ()), strict=False):
                if position >= len(op.inputs) or op.inputs[position] < 0:
                    continue
                index = stored.get(op.inputs[position], op.inputs[position])
                values = _values(tree, graph.tensors[index])
                if values is not None:
                    name = graph.tensors[index].name.decode("utf-8", "replace")
                    found.append(Constant(name, _OP_NAMES[code], role, values))
    return found


def builtin(tree: Any, op: Any) -> int:
    """The builtin operator that an op of the tree is."""
    code = tree.operatorCodes[op.opcodeIndex]
    # Files of before 2020 hold the code in a byte of its own.
    return int(max(code.builtinCode, code.deprecatedBuiltinCode))


def _widened(tree: Any, graph: Any) -> dict[int, int]:
    """{tensor: the constant that DEQUANTIZE and DENSIFY ops make it from}."""
    origins: dict[int, int] = {}
    for op in graph.operators:
        if builtin(tree, op) in _WIDENING:
            origins[op.outputs[0]] = origins.get(op.inputs[0], op.inputs[0])
    return origins


def _values(tree: Any, tensor: Any) -> NDArray[Any] | None:
    data = tree.buffers[tensor.buffer].data
    if data is None or tensor.shape is None:
        return None
    stored = np.asarray(data, np.uint8)
    if tensor.type == schema.TensorType.INT4:
        return unpack_int4(stored, math.prod(tensor.shape)).reshape(tensor.shape)
    dtype: np.dtype[Any] | None = _DTYPES.get(tensor.type)
    if dtype is None:
        return None
    values: NDArray[Any] = stored.view(dtype)
    if tensor.sparsity is not None:
        return densify(values, list(tensor.shape), tensor.sparsity)
    return values.reshape(tensor.shape)


_OP_NAMES = {
    value: name for name, value in vars(schema.BuiltinOperator).items() if not name.startswith("_")
}
