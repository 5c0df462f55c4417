"""Small models built with the classes generated from the schema, which Stapes' reader is not."""

from __future__ import annotations

from typing import Any

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema

OP = schema.BuiltinOperator
TYPE = schema.TensorType

_TYPES = {
    "float32": TYPE.FLOAT32,
    "int8": TYPE.INT8,
    "uint8": TYPE.UINT8,
    "int32": TYPE.INT32,
    "int64": TYPE.INT64,
    "bool": TYPE.BOOL,
}


def tensor(shape, name="", values=None, kind=None, scale=None, zero_point=None, axis=0):
    """A tensor with what `model` needs to make its buffer."""
    made = schema.TensorT()
    made.shape, made.name = list(shape), name.encode()
    values = None if values is None else np.asarray(values)
    made.type = TYPE.FLOAT32 if values is None else _TYPES[values.dtype.name]
    made.type = made.type if kind is None else kind
    if scale is not None:
        made.quantization = schema.QuantizationParametersT()
        made.quantization.scale = list(scale)
        made.quantization.zeroPoint = list(zero_point or [0] * len(scale))
        made.quantization.quantizedDimension = axis
    return made, values


def op(code, inputs, outputs, options=None, custom=b""):
    """An op with what `model` needs to make its code."""
    made = schema.OperatorT()
    made.inputs, made.outputs = list(inputs), list(outputs)
    if options is not None:
        made.builtinOptions = options
        kind = type(options).__name__.removesuffix("T")
        made.builtinOptionsType = getattr(schema.BuiltinOptions, kind)
    return made, code, custom


def model(tensors, ops, inputs=(), outputs=()) -> bytes:
    """A file of one subgraph; each constant has a buffer of its own."""
    root = schema.ModelT()
    root.version = 3
    root.buffers = [schema.BufferT()]
    root.operatorCodes = []
    graph = schema.SubGraphT()
    graph.name = b"main"
    graph.inputs, graph.outputs = list(inputs), list(outputs)
    graph.tensors, graph.operators = [], []
    for made, values in tensors:
        if values is not None:
            buffer = schema.BufferT()
            buffer.data = np.frombuffer(values.tobytes(), np.uint8)
            made.buffer = len(root.buffers)
            root.buffers.append(buffer)
        graph.tensors.append(made)
    for number, (made, code, custom) in enumerate(ops):
        entry = schema.OperatorCodeT()
        entry.builtinCode = code
        entry.deprecatedBuiltinCode = min(code, 127)
        entry.customCode = custom or None
        root.operatorCodes.append(entry)
        made.opcodeIndex = number
        graph.operators.append(made)
    root.subgraphs = [graph]
    return packed(root)


def packed(root: Any) -> bytes:
    """The file of a model."""
    builder = flatbuffers.Builder(1024)
    builder.Finish(root.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def unpacked(content: bytes) -> Any:
    """A model of a file, for `packed` once it is changed."""
    return schema.ModelT.InitFromPackedBuf(bytearray(content), 0)


def dense(values=None, **quantization) -> bytes:
    """A dense layer of four inputs and three outputs."""
    kernel = np.arange(12).reshape(3, 4).astype(np.int8) if values is None else values
    return model(
        [
            tensor((1, 4), "x", kind=TYPE.INT8),
            tensor(kernel.shape, "kernel", kernel, **quantization),
            tensor((3,), "bias", np.array([7, 0, -7], np.int32)),
            tensor((1, 3), "y", kind=TYPE.INT8),
        ],
        [op(OP.FULLY_CONNECTED, (0, 1, 2), (3,), schema.FullyConnectedOptionsT())],
        (0,),
        (3,),
    )
