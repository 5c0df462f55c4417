"""What one inference of a .tflite costs, counted from the shapes of its tensors."""

from __future__ import annotations

import math

from ai_edge_litert import schema_py_generated as schema

from stapes.flatbuffer.read import builtin
from stapes.flatbuffer.tree import Table
from stapes.flatbuffer.verify import verify

_Op = schema.BuiltinOperator


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
    tree = verify(model)
    return sum(
        _of_op(builtin(tree, op), op, graph)
        for graph in tree.root.items("subgraphs")
        for op in graph.items("operators")
    )


def _of_op(code: int, op: Table, graph: Table) -> int:
    tensors, inputs, outputs = graph.items("tensors"), op.items("inputs"), op.items("outputs")

    def shape(tensor: int) -> list[int]:
        return [int(n) for n in tensors[tensor].items("shape")]

    made = math.prod(shape(outputs[0])) if len(outputs) else 0
    if code == _Op.CONV_2D:
        return made * math.prod(shape(inputs[1])[1:])
    if code == _Op.DEPTHWISE_CONV_2D:
        return made * math.prod(shape(inputs[1])[1:3])
    if code == _Op.FULLY_CONNECTED:
        return made * shape(inputs[1])[-1]
    if code in (_Op.MAX_POOL_2D, _Op.AVERAGE_POOL_2D):
        options = op["builtin_options"]
        return made * int(options["filter_height"]) * int(options["filter_width"])
    return 2 * made if code == _Op.SOFTMAX else 0
