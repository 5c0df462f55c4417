"""ESPHome's micro_wake_word: whether a .tflite meets what the component asks of a model.

Nothing is run: the component checks the file, and its checks are made here. They are, in the order
of its own: schema 3; at most 20 resource variables (the table of them lies in an arena of 1,024
bytes, their values in the model's own); no op but the 20 that it registers; an int8 input
[1, stride, 40], 40 being the channels of its frontend and the stride a number of 8 bits; a uint8
output [1, 1], the probability.

That frontend is the one that `frontends.micro` computes, and a device has no other: a model that
was trained on other features hears nothing there, and no file says which they were.

Source: `streaming_model.cpp` and `streaming_model.h` of ESPHome's component micro_wake_word.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from stapes.contracts.measurements import TargetResult
from stapes.errors import ModelError
from stapes.targets.target import Tried, refused
from stapes.tflite.format.tree import Table, Tree
from stapes.tflite.read.constants import OP_NAMES, builtin
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
"""Those that the component registers, in all subgraphs."""

FEATURES = 40
MOST_STRIDE = 255
MOST_VARIABLES = 20
SCHEMA = 3

_TYPES = {0: "float32", 1: "float16", 2: "int32", 3: "uint8", 7: "int16", 9: "int8", 17: "int4"}
_CONFIGURATION = (
    f"micro_wake_word: {len(OPS)} ops, int8 [1, stride, {FEATURES}] of the micro frontend to "
    "uint8 [1, 1]"
)


def attempt(model: bytes, clips: NDArray[np.float32] | None = None) -> Tried:
    """Whether ESPHome takes a model; the clips are not looked at."""
    try:
        found = obstacles(model)
    except ModelError as error:
        return refused(error)
    return Tried(
        TargetResult(runs=not found, reason="; ".join(found) or None, configuration=_CONFIGURATION)
    )


def obstacles(model: bytes) -> list[str]:
    """All that keeps ESPHome from taking a model, each as a part of a sentence.

    Raises
    ------
    ModelError
        The file is broken.
    """
    tree = verify(model)
    graph = tree.root["subgraphs"][0]
    found = []
    if tree.root["version"] != SCHEMA:
        found.append(f"its schema is {tree.root['version']}, not {SCHEMA}")
    variables = _variables(tree)
    if variables > MOST_VARIABLES:
        found.append(f"it has {variables} resource variables, more than {MOST_VARIABLES}")
    found += [f"{op} is not among its ops" for op in _unknown_ops(tree)]
    return found + _input(graph) + _output(graph)


def _input(graph: Table) -> list[str]:
    tensor = _one(graph, "inputs")
    if isinstance(tensor, str):
        return [tensor]
    shape = _shape(tensor)
    fits = len(shape) == 3 and (shape[0], shape[2]) == (1, FEATURES)
    if fits and 1 <= shape[1] <= MOST_STRIDE and _type(tensor) == "int8":
        return []
    return [f"its input is {_type(tensor)} {shape}, not int8 [1, stride, {FEATURES}]"]


def _output(graph: Table) -> list[str]:
    tensor = _one(graph, "outputs")
    if isinstance(tensor, str):
        return [tensor]
    if _shape(tensor) == [1, 1] and _type(tensor) == "uint8":
        return []
    return [f"its output is {_type(tensor)} {_shape(tensor)}, not uint8 [1, 1]"]


def _one(graph: Table, which: str) -> Table | str:
    """The only input or output; a sentence's part where there is another number of them."""
    numbers = graph.items(which)
    if len(numbers) != 1:
        return f"it has {len(numbers)} {which}, not one"
    tensor: Table = graph["tensors"][numbers[0]]
    return tensor


def _unknown_ops(tree: Tree) -> list[str]:
    found = set()
    for graph in tree.root["subgraphs"]:
        for op in graph.items("operators"):
            name = OP_NAMES.get(builtin(tree, op), "an op that is newer than Stapes")
            if name == "CUSTOM":
                code = tree.root["operator_codes"][op["opcode_index"]]
                name = (code["custom_code"] or b"").decode("utf-8", "replace") or name
            found.add(name)
    return sorted(found - OPS)


def _variables(tree: Tree) -> int:
    """Resource variables of all subgraphs, each of its name once, as TFLite Micro counts them."""
    options = [
        op["builtin_options"]
        for graph in tree.root["subgraphs"]
        for op in graph.items("operators")
        if OP_NAMES.get(builtin(tree, op)) == "VAR_HANDLE"
    ]
    return len({(each["container"], each["shared_name"]) for each in options if each is not None})


def _shape(tensor: Table) -> list[int]:
    return [int(size) for size in tensor.items("shape")]


def _type(tensor: Table) -> str:
    return _TYPES.get(tensor["type"], f"of type {tensor['type']}")
