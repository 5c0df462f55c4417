"""Whether a .tflite from anywhere may run in this process, and what kind of model it is."""

from __future__ import annotations

import math
from typing import Literal

from stapes.errors import ModelError
from stapes.tflite.graph import Graph, Tensor
from stapes.tflite.read.lookup_table import DECODE
from stapes.tflite.read.verify import verify

MOST_ELEMENTS = 1 << 26
"""Of all tensors. The models of openWakeWord have 1.5 million, those of ESPHome 0.1 million."""

_ENDLESS = frozenset({"WHILE", "STABLEHLO_WHILE", "CALL", "CUSTOM"})
"""A loop might never end, and nobody knows what a custom op does."""

Kind = Literal["micro", "openwakeword"]


def harmless(content: bytes) -> Graph:
    """Check that a file's parts fit together and that it cannot hang or fill the memory.

    Raises
    ------
    ModelError
        It is broken, too large, or has an op that no wake-word model has.
    """
    model = verify(content)
    for op in model.operators:
        if op.name == DECODE:
            raise ModelError(
                "it has look-up tables, which only TFLite Micro unpacks; listen with a row without."
            )
        if op.builtin in _ENDLESS:
            name = (op.name or op.builtin)[:40]
            raise ModelError(f"it has the op {name}, which no wake-word model has.")
    elements = [_elements(tensor) for graph in model.graphs for tensor in graph.tensors]
    if sum(elements) > MOST_ELEMENTS:
        raise ModelError("it is larger than any wake-word model.")
    return model.graphs[0]


def kind_of(content: bytes) -> Kind:
    """Which kind of streaming wake-word model a file is, by its input and output.

    Raises
    ------
    ModelError
        It is none, or `harmless` refuses it.
    """
    graph = harmless(content)
    if len(graph.inputs) == 1 and len(graph.outputs) == 1:
        source, target = graph.tensor(graph.inputs[0]), graph.tensor(graph.outputs[0])
        shape = source.shape
        if len(shape) == 3 and shape[0] == 1 and shape[1] >= 1 and target.elements == 1:
            if shape[2] == 40:
                return "micro"
            if shape[2] == 96 and (source.type, target.type) == ("FLOAT32", "FLOAT32"):
                return "openwakeword"
    inputs, outputs = (_shapes(graph, numbers) for numbers in (graph.inputs, graph.outputs))
    raise ModelError(
        f"its input is {inputs} and its output {outputs}: a microWakeWord model takes "
        "[1, stride, 40], an openWakeWord model float32 [1, n, 96], and each gives one score."
    )


def _shapes(graph: Graph, numbers: list[int]) -> str:
    tensors = [graph.tensor(number) for number in numbers]
    return ", ".join(f"{tensor.type.lower()} {tensor.shape}" for tensor in tensors) or "missing"


def _elements(tensor: Tensor) -> int:
    return math.prod(max(1, size) for size in tensor.shape)
