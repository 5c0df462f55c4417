"""What one inference of a .tflite costs, counted from the shapes of its tensors."""

from __future__ import annotations

import math
from typing import Any

from ai_edge_litert import schema_py_generated as schema

from stapes.flatbuffer.read import builtin, parse, refusing

_Op = schema.BuiltinOperator


@refusing()
def macs(model: bytes) -> int:
    """Multiply-accumulates of one inference, counted as `stapes.models.cost.macs` counts them.

    Convolutions and dense layers count the multiplications of their kernels; pooling each element
    that a window reads, and softmax two operations a class.

    Parameters
    ----------
    model : bytes
        A .tflite; every subgraph is counted once.

    Raises
    ------
    ModelError
        It is broken.
    """
    tree = parse(model)
    return sum(
        _of_op(builtin(tree, op), op, graph) for graph in tree.subgraphs for op in graph.operators
    )


def _of_op(code: int, op: Any, graph: Any) -> int:
    def shape(tensor: int) -> list[int]:
        return [] if graph.tensors[tensor].shape is None else list(graph.tensors[tensor].shape)

    made = math.prod(shape(op.outputs[0])) if len(op.outputs) else 0
    if code == _Op.CONV_2D:
        return made * math.prod(shape(op.inputs[1])[1:])
    if code == _Op.DEPTHWISE_CONV_2D:
        return made * math.prod(shape(op.inputs[1])[1:3])
    if code == _Op.FULLY_CONNECTED:
        return made * shape(op.inputs[1])[-1]
    if code in (_Op.MAX_POOL_2D, _Op.AVERAGE_POOL_2D):
        return made * int(op.builtinOptions.filterHeight * op.builtinOptions.filterWidth)
    return 2 * made if code == _Op.SOFTMAX else 0
