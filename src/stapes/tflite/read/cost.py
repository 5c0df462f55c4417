"""The multiply-accumulates of a .tflite, from the shapes of its tensors.

All numbers are Python's, which do not overflow: a broken file may have any shape.
"""

from __future__ import annotations

import math

from stapes.tflite.graph import Operator, Tensor
from stapes.tflite.read.verify import verify

# The weights of ops that run over a sequence and use each weight once in each step.
_SEQUENCES = {
    "SVDF": (1, 2),
    "RNN": (1, 2),
    "UNIDIRECTIONAL_SEQUENCE_RNN": (1, 2),
    "LSTM": (*range(1, 12), 16),
    "UNIDIRECTIONAL_SEQUENCE_LSTM": (*range(1, 12), 16),
}


def macs(model: bytes) -> int:
    """Multiply-accumulates of one inference, counted as `stapes.models.cost.macs` counts them.

    Convolutions and dense layers count the multiplications of their kernels, pooling every element
    of its windows, and softmax two operations a class. Every subgraph counts once.

    Raises
    ------
    ModelError
        It is broken.
    """
    return sum(macs_of_op(op) for op in verify(model).operators)


def macs_of_op(op: Operator) -> int:
    """Multiply-accumulates of one run of an op; 0 for other ops and for inputs of a wrong rank."""
    code, output = op.builtin, op.output(0)
    outputs = 0 if output is None else output.elements
    first, kernel = _shape(op.input(0)), _shape(op.input(1))
    if code in ("CONV_2D", "DEPTHWISE_CONV_2D") and len(kernel) == 4:
        return outputs * math.prod(kernel[1:] if code == "CONV_2D" else kernel[1:3])
    if code == "CONV_3D" and len(kernel) == 5:
        return outputs * math.prod(kernel[:-1])
    if code == "FULLY_CONNECTED" and kernel:
        return outputs * kernel[-1]
    if code == "TRANSPOSE_CONV" and len(kernel) == 4:
        # Each input element meets a window of the kernel for each output channel.
        return math.prod(_shape(op.input(2))) * math.prod(kernel[:3])
    if code == "BATCH_MATMUL" and len(first) > 1:
        return outputs * first[-2 if op.option("adj_x") else -1]
    if code in _SEQUENCES and first:
        weights = (_shape(op.input(place)) for place in _SEQUENCES[code])
        # An input without a shape is left out: a weight is never a scalar.
        return math.prod(first[:-1]) * sum(math.prod(shape) for shape in weights if shape)
    if code in ("MAX_POOL_2D", "AVERAGE_POOL_2D"):
        return outputs * int(op.option("filter_height") or 0) * int(op.option("filter_width") or 0)
    return 2 * outputs if code == "SOFTMAX" else 0


def _shape(tensor: Tensor | None) -> list[int]:
    return [] if tensor is None else tensor.shape
