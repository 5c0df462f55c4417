"""ESPHome's micro_wake_word: whether a .tflite meets the conditions of the component.

Nothing runs: the checks are those that the component makes of a file, in its order. They are:
schema 3; at most 20 resource variables (their table is in an arena of 1,024 bytes, their values in
the model's own); only the 20 ops that it registers; an int8 input [1, stride, 40] with the 40
channels of its frontend and a stride of 8 bits; a uint8 output [1, 1], the probability.

A device has the frontend of `frontends.micro` alone. A model that was trained on other features
detects nothing there, and its file does not name them.

Source: `streaming_model.cpp` and `streaming_model.h` of ESPHome's component micro_wake_word.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from stapes.contracts.measurements import TargetResult
from stapes.errors import ModelError
from stapes.targets.target import Tried, refused
from stapes.tflite.graph import OP_NAMES, Graph, Model
from stapes.tflite.read.verify import verify

OPS = frozenset(
    {
        "CALL_ONCE",
        "VAR_HANDLE",
        "RESHAPE",
        "READ_VARIABLE",
        "STRIDED_SLICE",
        "CONCATENATION",
        "ASSIGN_VARIABLE",
        "CONV_2D",
        "MUL",
        "ADD",
        "MEAN",
        "FULLY_CONNECTED",
        "LOGISTIC",
        "QUANTIZE",
        "DEPTHWISE_CONV_2D",
        "AVERAGE_POOL_2D",
        "MAX_POOL_2D",
        "PAD",
        "PACK",
        "SPLIT_V",
    }
)
"""The ops that the component registers, for all subgraphs."""

FEATURES = 40
_OPEN_WAKE_WORD = [1, 16, 96]
"""The input of a model of openWakeWord: embeddings, which no microcontroller computes."""
MOST_STRIDE = 255
MOST_VARIABLES = 20
SCHEMA = 3

_CONFIGURATION = (
    f"micro_wake_word: {len(OPS)} ops, int8 [1, stride, {FEATURES}] of the micro frontend to "
    "uint8 [1, 1]"
)


def attempt(model: bytes, clips: NDArray[np.float32] | None = None) -> Tried:
    """Whether ESPHome takes a model; the clips are not used."""
    try:
        reason = "; ".join(obstacles(model)) or None
    except ModelError as error:
        return refused(error)
    return Tried(TargetResult(runs=not reason, reason=reason, configuration=_CONFIGURATION))


def obstacles(model: bytes) -> list[str]:
    """All reasons why ESPHome does not take a model, each as a part of a sentence.

    Raises
    ------
    ModelError
        The file is broken.
    """
    view = verify(model)
    graph, version, variables = view.graphs[0], view.version, _variables(view)
    reasons = []
    if version != SCHEMA:
        reasons.append(f"its schema is {version}, not {SCHEMA}")
    if variables > MOST_VARIABLES:
        reasons.append(f"it has {variables} resource variables, more than {MOST_VARIABLES}")
    reasons += [f"{op} is not among its ops" for op in _unknown_ops(view)]
    return reasons + _input(graph) + _output(graph)


def _input(graph: Graph) -> list[str]:
    if len(graph.inputs) != 1:
        return [f"it has {len(graph.inputs)} inputs, not one"]
    tensor = graph.tensor(graph.inputs[0])
    shape = tensor.shape
    fits = len(shape) == 3 and (shape[0], shape[2]) == (1, FEATURES)
    if fits and 1 <= shape[1] <= MOST_STRIDE and tensor.type == "INT8":
        return []
    whose = ", as of an openWakeWord model" if shape == _OPEN_WAKE_WORD else ""
    return [f"its input is {tensor.type.lower()} {shape}{whose}, not int8 [1, stride, {FEATURES}]"]


def _output(graph: Graph) -> list[str]:
    if len(graph.outputs) != 1:
        return [f"it has {len(graph.outputs)} outputs, not one"]
    tensor = graph.tensor(graph.outputs[0])
    if tensor.shape == [1, 1] and tensor.type == "UINT8":
        return []
    return [f"its output is {tensor.type.lower()} {tensor.shape}, not uint8 [1, 1]"]


def _unknown_ops(model: Model) -> list[str]:
    newer, known = "an op that is newer than Stapes", set(OP_NAMES.values())
    ops = {(op.name or "CUSTOM") if op.builtin in known else newer for op in model.operators}
    return sorted(ops - OPS)


def _variables(model: Model) -> int:
    """The number of names of resource variables in all graphs, as TFLite Micro counts them."""
    handles = [op for op in model.operators if op.builtin == "VAR_HANDLE"]
    names = [(op.option("container"), op.option("shared_name")) for op in handles if op.options]
    return len(set(names))
