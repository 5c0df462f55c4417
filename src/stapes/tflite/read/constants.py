"""The constants of a .tflite and their bytes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stapes.errors import ModelError
from stapes.tflite.graph import Graph
from stapes.tflite.read import lookup_table
from stapes.tflite.read.values import values
from stapes.tflite.read.verify import verify

# Operators that hold a layer's weights: the kernel is their second input, the bias their third.
_WEIGHTED = {"CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED"}

# Operators that convert a stored kernel to the kernel of a layer.
_WIDENING = {"DEQUANTIZE", "DENSIFY"}


@dataclass(frozen=True)
class Constant:
    """The kernel or bias of a layer, as it is stored."""

    name: str
    op: str
    role: str
    """`kernel` or `bias`."""
    values: NDArray[Any]


def data_bytes(model: bytes) -> int:
    """Bytes of all buffers: the total data buffer size of TensorFlow's analyzer."""
    return sum(len(buffer.items("data")) for buffer in verify(model).table.items("buffers"))


def constants(model: bytes) -> list[Constant]:
    """Kernels and biases of convolutions and dense layers, in the order the ops run.

    A constant before a DEQUANTIZE or DENSIFY op comes as it is stored, a sparse one with its zeros,
    one in look-up tables decoded. `slim` removes names: then they are empty.

    Raises
    ------
    ModelError
        It is no .tflite, or it is broken.
    """
    rows = []
    for graph in verify(model).graphs:
        origins, tables = widened(graph), lookup_table.decoders(graph)
        for op in graph.operators:
            if op.builtin not in _WEIGHTED:
                continue
            inputs = op.inputs
            if len(inputs) < 2:
                raise ModelError(f"The .tflite is broken: a {op.builtin} has no kernel.")
            for role, number in zip(("kernel", "bias"), inputs[1:], strict=False):
                if number < 0:
                    continue
                tensor = graph.tensor(origins.get(number, number))
                content: NDArray[Any] | None
                if tensor.number in tables:
                    content = lookup_table.decode(*tables[tensor.number], tensor.shape, tensor.type)
                else:
                    content = None if tensor.table["shape"] is None else values(tensor)
                if content is not None:
                    rows.append(Constant(tensor.name, op.builtin, role, content))
    return rows


def require_numbers(stored: list[Constant]) -> None:
    """Raise ModelError if a constant of floats holds NaN, as after a training that diverged.

    An integer output turns NaN into a number, so that its scores do not show it.
    """
    for constant in stored:
        if constant.values.dtype.kind == "f" and np.isnan(constant.values).any():
            where = f"the {constant.role} {constant.name}".rstrip()
            raise ModelError(f"The model is no classifier: {where} holds NaN; train it again.")


def widened(graph: Graph) -> dict[int, int]:
    """{output of DEQUANTIZE and DENSIFY ops: the constant that it comes from}."""
    origins: dict[int, int] = {}
    for op in graph.operators:
        inputs, outputs = op.inputs, op.outputs
        if op.builtin in _WIDENING and inputs and outputs:
            origins[outputs[0]] = origins.get(inputs[0], inputs[0])
    return origins
