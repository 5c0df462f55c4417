"""What a constant is to the op that reads it: weight, bias, or something else.

Source: the op definitions of TensorFlow Lite (lite/kernels), which give each input its place.
"""

from __future__ import annotations

from collections.abc import Iterator

from ai_edge_litert import schema_py_generated as schema

from stapes.contracts.inspection import Role
from stapes.tflite.format.tree import Table, Tree
from stapes.tflite.read.constants import OP_NAMES, builtin, widened
from stapes.tflite.read.verify import stored

_Op = schema.BuiltinOperator
CUSTOM: int = _Op.CUSTOM

# Four gates each: input and recurrent weights, then peepholes.
_LSTM_WEIGHTS, _LSTM_BIASES = (*range(1, 12), 16), (*range(12, 16), 17)

# (places of the weights, places of the biases) among an op's inputs.
_PLACES: dict[int, tuple[tuple[int, ...], tuple[int, ...]]] = {
    _Op.CONV_2D: ((1,), (2,)),
    _Op.DEPTHWISE_CONV_2D: ((1,), (2,)),
    _Op.FULLY_CONNECTED: ((1,), (2,)),
    _Op.CONV_3D: ((1,), (2,)),
    _Op.TRANSPOSE_CONV: ((1,), (3,)),
    _Op.CONV_3D_TRANSPOSE: ((1,), (3,)),
    _Op.BATCH_MATMUL: ((0, 1), ()),
    _Op.EMBEDDING_LOOKUP: ((1,), ()),
    _Op.PRELU: ((1,), ()),
    _Op.SVDF: ((1, 2), (3,)),
    _Op.RNN: ((1, 2), (3,)),
    _Op.UNIDIRECTIONAL_SEQUENCE_RNN: ((1, 2), (3,)),
    _Op.LSTM: ((*_LSTM_WEIGHTS, *range(20, 24)), _LSTM_BIASES),
    _Op.UNIDIRECTIONAL_SEQUENCE_LSTM: ((*_LSTM_WEIGHTS, *range(20, 24)), _LSTM_BIASES),
    _Op.BIDIRECTIONAL_SEQUENCE_LSTM: (
        (*_LSTM_WEIGHTS, *(17 + n for n in _LSTM_WEIGHTS)),
        (*_LSTM_BIASES, *(17 + n for n in _LSTM_BIASES)),
    ),
}

# Kernels whose last axis is the input channels, along which 2:4 sparsity is counted.
_CHANNELS_LAST = {_Op.CONV_2D, _Op.FULLY_CONNECTED, _Op.TRANSPOSE_CONV}


def op_name(tree: Tree, op: Table) -> str:
    """An op's name in the schema; a custom op has its own."""
    code = builtin(tree, op)
    if code == CUSTOM:
        custom: bytes = tree.root["operator_codes"][op["opcode_index"]]["custom_code"]
        return custom.decode("utf-8", "replace")
    return str(OP_NAMES.get(code, f"BUILTIN_{code}"))


def operands(
    tree: Tree, graph: Table, op: Table, origins: dict[int, int]
) -> Iterator[tuple[int, Role]]:
    """The tensors that are weights and biases of one op, if they are constants.

    Parameters
    ----------
    tree : Tree
    graph : Table of SubGraph
    op : Table of Operator
    origins : dict
        `widened(tree, graph)`: DEQUANTIZE and DENSIFY stand between a constant and its reader.

    Yields
    ------
    tensor : int
    role : str
    """
    inputs, tensors = op.items("inputs"), graph.items("tensors")
    weights, biases = _PLACES.get(builtin(tree, op), ((), ()))
    roles: tuple[tuple[Role, tuple[int, ...]], ...] = (("weight", weights), ("bias", biases))
    for role, places in roles:
        for place in places:
            if place < len(inputs) and inputs[place] >= 0:
                number = int(inputs[place])
                number = int(origins.get(number, number))
                if len(stored(tree, tree.root["buffers"][tensors[number]["buffer"]])):
                    yield number, role


def roles(tree: Tree, graph: Table) -> dict[int, tuple[Role, bool]]:
    """{tensor: (weight or bias, whether its last axis is input channels)} of one subgraph.

    What is a weight of one op and a bias of another counts as a weight.
    """
    found: dict[int, tuple[Role, bool]] = {}
    origins = widened(tree, graph)
    for op in graph.items("operators"):
        channels_last = builtin(tree, op) in _CHANNELS_LAST
        for number, role in operands(tree, graph, op, origins):
            if role == "weight" or number not in found:
                found[number] = role, channels_last and role == "weight"
    return found
