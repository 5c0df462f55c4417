"""The role of a constant: weight, bias, or something else.

Source: the op definitions of TensorFlow Lite (lite/kernels), which give each input its place.
"""

from __future__ import annotations

from collections.abc import Iterator

from stapes.contracts.inspection import Role
from stapes.tflite.graph import Graph, Operator
from stapes.tflite.read.constants import widened

# Four gates each: input and recurrent weights, then peepholes.
_LSTM_WEIGHTS, _LSTM_BIASES = (*range(1, 12), 16), (*range(12, 16), 17)

# (places of the weights, places of the biases) among an op's inputs.
_PLACES: dict[str, tuple[tuple[int, ...], tuple[int, ...]]] = {
    "CONV_2D": ((1,), (2,)),
    "DEPTHWISE_CONV_2D": ((1,), (2,)),
    "FULLY_CONNECTED": ((1,), (2,)),
    "CONV_3D": ((1,), (2,)),
    "TRANSPOSE_CONV": ((1,), (3,)),
    "CONV_3D_TRANSPOSE": ((1,), (3,)),
    "BATCH_MATMUL": ((0, 1), ()),
    "EMBEDDING_LOOKUP": ((1,), ()),
    "PRELU": ((1,), ()),
    "SVDF": ((1, 2), (3,)),
    "RNN": ((1, 2), (3,)),
    "UNIDIRECTIONAL_SEQUENCE_RNN": ((1, 2), (3,)),
    "LSTM": ((*_LSTM_WEIGHTS, *range(20, 24)), _LSTM_BIASES),
    "UNIDIRECTIONAL_SEQUENCE_LSTM": ((*_LSTM_WEIGHTS, *range(20, 24)), _LSTM_BIASES),
    "BIDIRECTIONAL_SEQUENCE_LSTM": (
        (*_LSTM_WEIGHTS, *(17 + n for n in _LSTM_WEIGHTS)),
        (*_LSTM_BIASES, *(17 + n for n in _LSTM_BIASES)),
    ),
}

# Kernels whose last axis is the input channels, along which 2:4 sparsity is counted.
_CHANNELS_LAST = {"CONV_2D", "FULLY_CONNECTED", "TRANSPOSE_CONV"}


def operands(op: Operator, origins: dict[int, int]) -> Iterator[tuple[int, Role]]:
    """(tensor number, role) of the constant weights and biases of one op.

    Parameters
    ----------
    op : Operator
    origins : dict
        `widened(op.graph)`: DEQUANTIZE and DENSIFY ops may come between a constant and its reader.
    """
    inputs = op.inputs
    weights, biases = _PLACES.get(op.builtin, ((), ()))
    roles: tuple[tuple[Role, tuple[int, ...]], ...] = (("weight", weights), ("bias", biases))
    for role, places in roles:
        for place in places:
            if place < len(inputs) and inputs[place] >= 0:
                number = origins.get(inputs[place], inputs[place])
                if len(op.graph.tensor(number).data):
                    yield number, role


def roles(graph: Graph) -> dict[int, tuple[Role, bool]]:
    """{tensor: (weight or bias, whether its last axis is input channels)} of one graph.

    A weight of one op that is a bias of another counts as a weight.
    """
    rows: dict[int, tuple[Role, bool]] = {}
    origins = widened(graph)
    for op in graph.operators:
        channels_last = op.builtin in _CHANNELS_LAST
        for number, role in operands(op, origins):
            if role == "weight" or number not in rows:
                rows[number] = role, channels_last and role == "weight"
    return rows
