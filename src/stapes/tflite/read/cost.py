"""What one inference of a .tflite costs, counted from the shapes of its tensors.

All numbers are Python's own, which do not overflow: a file from elsewhere may say any shape.
"""

from __future__ import annotations

import math

from ai_edge_litert import schema_py_generated as schema

from stapes.tflite.format.tree import Table, Tree
from stapes.tflite.read.constants import builtin
from stapes.tflite.read.verify import verify

_Op = schema.BuiltinOperator

# The inputs of ops that run over a sequence, and at each step multiply each weight once.
_SEQUENCES = {
    _Op.SVDF: (1, 2),
    _Op.RNN: (1, 2),
    _Op.UNIDIRECTIONAL_SEQUENCE_RNN: (1, 2),
    _Op.LSTM: (*range(1, 12), 16),
    _Op.UNIDIRECTIONAL_SEQUENCE_LSTM: (*range(1, 12), 16),
}


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
        macs_of_op(tree, graph, op)
        for graph in tree.root.items("subgraphs")
        for op in graph.items("operators")
    )


def macs_of_op(tree: Tree, graph: Table, op: Table) -> int:
    """Multiply-accumulates of one run of an op; 0 for ops that are not counted.

    Parameters
    ----------
    tree : Tree
        The file, from `verify`.
    graph : Table of SubGraph
    op : Table of Operator
        An input that is missing or has another rank than the op asks for counts nothing.
    """
    code = builtin(tree, op)
    inputs, outputs = op.items("inputs"), op.items("outputs")

    def shape(numbers: list[int], place: int) -> list[int]:
        if place >= len(numbers) or numbers[place] < 0:
            return []
        tensor = graph.items("tensors")[numbers[place]]
        return [int(n) for n in tensor.items("shape")]

    made = math.prod(shape(outputs, 0)) if len(outputs) else 0
    first, kernel = shape(inputs, 0), shape(inputs, 1)
    if code in (_Op.CONV_2D, _Op.DEPTHWISE_CONV_2D) and len(kernel) == 4:
        return made * math.prod(kernel[1:] if code == _Op.CONV_2D else kernel[1:3])
    if code == _Op.CONV_3D and len(kernel) == 5:
        return made * math.prod(kernel[:-1])
    if code == _Op.FULLY_CONNECTED and kernel:
        return made * kernel[-1]
    if code == _Op.TRANSPOSE_CONV and len(kernel) == 4:
        # Each input element is multiplied with a window for each output channel.
        return math.prod(shape(inputs, 2)) * math.prod(kernel[:3])
    if code == _Op.BATCH_MATMUL and len(first) > 1:
        options = op["builtin_options"]
        swapped = options is not None and options.kind == "BatchMatMulOptions" and options["adj_x"]
        return made * first[-2 if swapped else -1]
    if code in _SEQUENCES and first:
        weights = sum(_elements(shape(inputs, place)) for place in _SEQUENCES[code])
        return math.prod(first[:-1]) * weights
    if code in (_Op.MAX_POOL_2D, _Op.AVERAGE_POOL_2D):
        return made * _window(op)
    return 2 * made if code == _Op.SOFTMAX else 0


def _elements(shape: list[int]) -> int:
    # A weight is never a scalar: no shape is an input that is left out.
    return math.prod(shape) if shape else 0


def _window(op: Table) -> int:
    options = op["builtin_options"]
    if options is None or options.kind != "Pool2DOptions":
        return 0
    return int(options["filter_height"]) * int(options["filter_width"])
