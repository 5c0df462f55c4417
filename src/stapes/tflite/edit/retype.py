"""Change the type of the inputs and outputs of a full-integer .tflite."""

from __future__ import annotations

from typing import Literal

import numpy as np

from stapes.errors import ModelError
from stapes.tflite.edit.unshared import unshared
from stapes.tflite.edit.write import write
from stapes.tflite.format.tree import Table
from stapes.tflite.graph import Graph

_SHIFT = 128
"""From int8 to uint8: zero points and values."""

# Numbers of the schema: a TensorType and a BuiltinOperator.
_UINT8, _QUANTIZE = 3, 114


def uint8_ends(content: bytes) -> bytes:
    """Give an int8 model uint8 inputs and outputs: QUANTIZE ops at the ends shift by 128.

    Parameters
    ----------
    content : bytes
        A .tflite whose first graph has int8 inputs and outputs.

    Raises
    ------
    ModelError
        It is broken, or an input or output is not int8.
    """
    model = unshared(content)
    graph, codes = model.graphs[0], list(model.table.items("operator_codes"))
    fields = {"builtin_code": _QUANTIZE, "deprecated_builtin_code": _QUANTIZE}
    model.table.fields["operator_codes"] = [*codes, Table("OperatorCode", {**fields})]
    inner_inputs, inner_outputs = graph.inputs, graph.outputs
    inputs, outputs = _new_ends(graph, "inputs"), _new_ends(graph, "outputs")
    graph.table.fields["operators"] = [
        *(_quantize(len(codes), *pair) for pair in zip(inputs, inner_inputs, strict=True)),
        *graph.table.items("operators"),
        *(_quantize(len(codes), *pair) for pair in zip(inner_outputs, outputs, strict=True)),
    ]
    for signature in model.table.items("signature_defs"):
        if signature["subgraph_index"] == 0:
            _renumber(signature.items("inputs"), dict(zip(inner_inputs, inputs, strict=True)))
            _renumber(signature.items("outputs"), dict(zip(inner_outputs, outputs, strict=True)))
    return write(model.table)


def _new_ends(graph: Graph, end: Literal["inputs", "outputs"]) -> list[int]:
    """Replace each input or output by a uint8 tensor; returns the new numbers."""
    tensors = list(graph.table.items("tensors"))
    old = getattr(graph, end)
    for tensor in map(graph.tensor, old):
        quantization = tensor.quantization
        if tensor.type != "INT8" or tensor.table["quantization"] is None:
            raise ModelError(
                f"The model's {end} are not int8: only a full-integer model can be retyped."
            )
        same = ("shape", "shape_signature", "has_rank")
        fields = {name: value for name, value in tensor.table.fields.items() if name in same}
        zero_points = quantization.zero_points + _SHIFT
        fields["name"] = (tensor.table["name"] or b"") + b"_uint8"
        fields["type"] = _UINT8
        fields["quantization"] = Table(
            "QuantizationParameters", {"scale": quantization.scales, "zero_point": zero_points}
        )
        tensors.append(Table("Tensor", fields))
    new = list(range(len(tensors) - len(old), len(tensors)))
    graph.table.fields.update({"tensors": tensors, end: np.array(new, np.int32)})
    return new


def _quantize(code: int, source: int, target: int) -> Table:
    ends = {"inputs": np.array([source], np.int32), "outputs": np.array([target], np.int32)}
    return Table("Operator", {"opcode_index": code, **ends})


def _renumber(entries: list[Table], numbers: dict[int, int]) -> None:
    for entry in entries:
        number = entry["tensor_index"]
        entry.fields["tensor_index"] = numbers.get(number, number)
