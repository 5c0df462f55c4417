"""Another type at the ends of a full-integer .tflite."""

from __future__ import annotations

from typing import Any

import flatbuffers
from ai_edge_litert import schema_py_generated as schema

from stapes.errors import ModelError
from stapes.tflite.read.constants import parse

_SHIFT = 128
"""Between the zero points of int8 and uint8: both count the same steps."""


def uint8_ends(model: bytes) -> bytes:
    """An int8 model that takes and gives uint8: a QUANTIZE op at either end shifts by 128.

    Parameters
    ----------
    model : bytes
        A .tflite whose main subgraph has int8 inputs and outputs.

    Raises
    ------
    ModelError
        It is broken, or an input or output is not int8.
    """
    tree = parse(model)
    graph = tree.subgraphs[0]
    code = _code(tree)
    ahead = [_between(graph, place, "inputs", code) for place in range(len(graph.inputs))]
    behind = [_between(graph, place, "outputs", code) for place in range(len(graph.outputs))]
    graph.operators = [*ahead, *graph.operators, *behind]
    for signature in tree.signatureDefs or []:
        if signature.subgraphIndex == 0:
            _rename(signature.inputs, [(op.outputs[0], op.inputs[0]) for op in ahead])
            _rename(signature.outputs, [(op.inputs[0], op.outputs[0]) for op in behind])
    builder = flatbuffers.Builder(len(model) + 4096)
    builder.Finish(tree.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def _code(tree: Any) -> int:
    """The index of QUANTIZE among the op codes, where it is put if it is not there."""
    code = schema.OperatorCodeT()
    code.builtinCode = code.deprecatedBuiltinCode = schema.BuiltinOperator.QUANTIZE
    code.version = 1
    tree.operatorCodes.append(code)
    return len(tree.operatorCodes) - 1


def _between(graph: Any, place: int, end: str, code: int) -> Any:
    """Put a uint8 tensor at an end of the graph, and give the op between it and the old one."""
    ends = list(getattr(graph, end))
    inner = ends[place]
    old = graph.tensors[inner]
    if old.type != schema.TensorType.INT8 or old.quantization is None:
        raise ModelError(
            f"The model's {end} are not int8: only a full-integer model can be retyped."
        )
    new = schema.TensorT()
    new.name, new.shape, new.shapeSignature = old.name + b"_uint8", old.shape, old.shapeSignature
    new.type, new.hasRank, new.buffer = schema.TensorType.UINT8, old.hasRank, 0
    new.quantization = schema.QuantizationParametersT()
    new.quantization.scale = old.quantization.scale
    new.quantization.zeroPoint = [int(point) + _SHIFT for point in old.quantization.zeroPoint]
    graph.tensors.append(new)
    ends[place] = len(graph.tensors) - 1
    setattr(graph, end, ends)
    op = schema.OperatorT()
    op.opcodeIndex = code
    op.builtinOptionsType = schema.BuiltinOptions.QuantizeOptions
    op.builtinOptions = schema.QuantizeOptionsT()
    op.inputs, op.outputs = (
        ([ends[place]], [inner]) if end == "inputs" else ([inner], [ends[place]])
    )
    return op


def _rename(maps: Any, pairs: list[tuple[int, int]]) -> None:
    renamed = dict(pairs)
    for each in maps or []:
        each.tensorIndex = renamed.get(each.tensorIndex, each.tensorIndex)
