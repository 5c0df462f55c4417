"""Ops for the random graphs of `valid_models.py`: each gets inputs and options that may fit it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema

_TYPE = schema.TensorType
_F32, _I32 = np.float32, np.int32

_UNARY = """
    ABS CEIL COS ELU EXP FLOOR GELU HARD_SWISH L2_NORMALIZATION LEAKY_RELU LOG LOGISTIC LOG_SOFTMAX
    NEG RELU RELU6 RELU_0_TO_1 RELU_N1_TO_1 ROUND RSQRT SIGN SIN SOFTMAX SQRT SQUARE TANH ZEROS_LIKE
    LOGICAL_NOT SQUEEZE SPACE_TO_DEPTH DEPTH_TO_SPACE AVERAGE_POOL_2D MAX_POOL_2D L2_POOL_2D
"""
_OF_OTHER_TYPES = "SHAPE RANK CAST QUANTIZE DEQUANTIZE UNPACK UNIQUE WHERE"
_TO_BOOLEAN = "EQUAL NOT_EQUAL LESS LESS_EQUAL GREATER GREATER_EQUAL LOGICAL_AND LOGICAL_OR"
_BINARY = """
    ADD SUB MUL DIV MAXIMUM MINIMUM POW SQUARED_DIFFERENCE FLOOR_DIV FLOOR_MOD CONCATENATION PACK
    BATCH_MATMUL PRELU
"""
_AXES = "SUM MEAN REDUCE_MAX REDUCE_MIN REDUCE_PROD REVERSE_V2"
_AXIS = "ARG_MAX ARG_MIN CUMSUM EXPAND_DIMS GATHER TOPK_V2 SPLIT"
_SHAPED = "RESHAPE TRANSPOSE TILE PAD PADV2 MIRROR_PAD SLICE STRIDED_SLICE BROADCAST_TO"
_IMAGES = "CONV_2D DEPTHWISE_CONV_2D TRANSPOSE_CONV RESIZE_BILINEAR RESIZE_NEAREST_NEIGHBOR"
_OTHERS = "FULLY_CONNECTED SELECT_V2 FILL ONE_HOT SPACE_TO_BATCH_ND EMBEDDING_LOOKUP RANGE"
_GROUPS = (
    _UNARY, _OF_OTHER_TYPES, _TO_BOOLEAN, _BINARY, _AXES, _AXIS, _SHAPED, _IMAGES, _OTHERS,
)  # fmt: skip
NAMES = [name for group in _GROUPS for name in group.split()]
"""The builtin ops that are tried. ATAN2 is not: LiteRT reads beyond an input that is shorter."""


def grow(graph: Any, name: str) -> None:
    """Add an op with inputs that fit it, more or less: LiteRT decides."""
    rng = graph.rng
    x = int(rng.choice(graph.usable))
    shape, kind = graph.shape(x), graph.graph.tensors[x].type
    axis = int(rng.integers(-len(shape), len(shape))) if shape else 0
    options = _options(graph, name, shape, axis)
    inputs, kinds = [x], [kind]
    if name in (_BINARY + _TO_BOOLEAN).split():
        others = [n for n in graph.usable if graph.graph.tensors[n].type == kind]
        inputs.append(int(rng.choice(others)) if rng.random() < 0.5 else graph.weights(shape, x))
        kinds = [_TYPE.BOOL] if name in _TO_BOOLEAN.split() else kinds
    elif name in _AXES.split():
        inputs.append(graph.constant([axis], _I32))
    elif name in _AXIS.split():
        extra = {"GATHER": [0, 0], "TOPK_V2": 1}.get(name, axis)
        place = graph.constant(extra, _I32)
        inputs = [place, x] if name == "SPLIT" else [x, place]
        kinds = {"ARG_MAX": [_TYPE.INT32], "ARG_MIN": [_TYPE.INT32]}.get(name, kinds)
        kinds = [kind, _TYPE.INT32] if name == "TOPK_V2" else kinds
        kinds = [kind] * options.numSplits if name == "SPLIT" else kinds
    elif name in _SHAPED.split():
        if not shape:
            raise ValueError("LiteRT leaves the result of TRANSPOSE of a scalar as it was")
        inputs += _shaping(graph, name, x, shape)
    elif name in _IMAGES.split():
        inputs = _image_inputs(graph, name, x, shape)
    elif name in _OF_OTHER_TYPES.split():
        kinds = {
            "CAST": [int(rng.choice([_TYPE.FLOAT32, _TYPE.INT32, _TYPE.BOOL]))],
            "QUANTIZE": [_TYPE.INT8],
            "DEQUANTIZE": [_TYPE.FLOAT32],
            "UNIQUE": [kind, _TYPE.INT32],
            "WHERE": [_TYPE.INT64],
            "UNPACK": [kind] * (shape[axis] if shape else 1),
        }.get(name, [_TYPE.INT32])
    elif name in _OTHERS.split():
        inputs, kinds = _other_inputs(graph, name, x, shape)
    graph.add(name, inputs, kinds, options)


def _options(graph: Any, name: str, shape: list[int], axis: int) -> Any:
    """The options of an op, with values that fit a shape."""
    parts = "".join(part.capitalize() for part in name.split("_"))
    special = {"SUM": "Reducer", "MEAN": "Reducer", "AVERAGE_POOL_2D": "Pool2D"}
    special |= {"MAX_POOL_2D": "Pool2D", "L2_POOL_2D": "Pool2D", "L2_NORMALIZATION": "L2Norm"}
    special |= {"CONV_2D": "Conv2D", "DEPTHWISE_CONV_2D": "DepthwiseConv2D", "TOPK_V2": "TopKV2"}
    parts = "Reducer" if name.startswith("REDUCE_") else special.get(name, parts)
    make = getattr(schema, f"{parts}OptionsT", None)
    if make is None:
        return None
    options = make()
    values = {
        "padding": int(graph.rng.integers(2)),
        "strideW": int(graph.rng.integers(1, 3)),
        "strideH": int(graph.rng.integers(1, 3)),
        "dilationWFactor": 1,
        "dilationHFactor": 1,
        "depthMultiplier": 1,
        "filterWidth": 2,
        "filterHeight": 2,
        "blockSize": 2,
        "beta": 1.0,
        "alpha": 0.1,
        "keepDims": bool(graph.rng.integers(2)),
        "axis": axis,
        "num": shape[axis] if name == "UNPACK" and shape else 1,
        "valuesCount": 2,
        "numSplits": 1,
        "outputType": _TYPE.INT32,
        "outType": _TYPE.INT32,
        "idxOutType": _TYPE.INT32,
        "fusedActivationFunction": int(graph.rng.choice([0, 0, 1, 3])),
    }
    if name == "SPLIT" and shape and shape[axis] % 2 == 0:
        values["numSplits"] = 2
    if name == "PACK":
        values["axis"] = int(graph.rng.integers(0, len(shape) + 1))
    for key, value in values.items():
        if hasattr(options, key):
            setattr(options, key, value)
    return options


def _shaping(graph: Any, name: str, x: int, shape: list[int]) -> list[int]:
    rng, rank = graph.rng, len(shape)

    def const(values: Any) -> int:
        number: int = graph.constant(values, _I32)
        return number

    pads = rng.integers(0, 2, (rank, 2))
    begin = [int(rng.integers(0, size)) for size in shape]
    forms: dict[str, Callable[[], list[int]]] = {
        "RESHAPE": lambda: [const([int(rng.choice([1, -1])), *shape[::-1]][: rank + 1])],
        "TRANSPOSE": lambda: [const(rng.permutation(rank))],
        "TILE": lambda: [const(rng.integers(1, 3, rank))],
        "PAD": lambda: [const(pads)],
        "PADV2": lambda: [const(pads), graph.weights([1], x)],
        "MIRROR_PAD": lambda: [const(pads)],
        "SLICE": lambda: [const(begin), const([-1] * rank)],
        "STRIDED_SLICE": lambda: [const(begin), const(shape), const([1] * rank)],
        "BROADCAST_TO": lambda: [const([2, *shape])],
    }
    return forms[name]()


def _image_inputs(graph: Any, name: str, x: int, shape: list[int]) -> list[int]:
    if len(shape) != 4:
        raise ValueError("no image")
    channels = shape[3]
    if name.startswith("RESIZE"):
        return [x, graph.constant([3, 5], _I32)]
    if name == "TRANSPOSE_CONV":
        sizes = graph.constant([shape[0], shape[1], shape[2], 2], _I32)
        return [sizes, graph.weights([2, 2, 2, channels], x), x]
    kernel = [1, 2, 2, channels] if name.startswith("DEPTH") else [3, 2, 2, channels]
    bias = graph.rng.normal(size=kernel[-1] if name.startswith("DEPTH") else 3)
    floats = graph.graph.tensors[x].type == _TYPE.FLOAT32
    return [x, graph.weights(kernel, x), graph.constant(bias, _F32 if floats else _I32)]


def _other_inputs(graph: Any, name: str, x: int, shape: list[int]) -> tuple[list[int], list[int]]:
    kind = graph.graph.tensors[x].type

    def const(values: Any) -> int:
        number: int = graph.constant(values, _I32)
        return number

    if name == "FULLY_CONNECTED":
        return [x, graph.weights([3, shape[-1]], x), -1], [kind]
    if name == "SELECT_V2":
        return [graph.constant(np.ones(shape, bool), np.bool_), x, graph.weights(shape, x)], [kind]
    if name == "FILL":
        return [const([2, 3]), graph.weights([], x)], [kind]
    if name == "ONE_HOT":
        on, off = graph.constant(1.0, _F32), graph.constant(0.0, _F32)
        return [x, const(4), on, off], [_TYPE.FLOAT32]
    if name == "SPACE_TO_BATCH_ND":
        return [x, const([1] * (len(shape) - 2)), const([[0, 0]] * (len(shape) - 2))], [kind]
    if name == "EMBEDDING_LOOKUP":
        return [const([0, 0]), x], [kind]
    return [const(0), const(5), const(2)], [_TYPE.INT32]
