"""Small models, built with the generated classes of the schema and not with Stapes."""

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
    """A tensor for `model`, with the values of its buffer."""
    entry = schema.TensorT()
    entry.shape, entry.name = list(shape), name.encode()
    values = None if values is None else np.asarray(values)
    entry.type = TYPE.FLOAT32 if values is None else _TYPES[values.dtype.name]
    entry.type = entry.type if kind is None else kind
    if scale is not None:
        entry.quantization = schema.QuantizationParametersT()
        entry.quantization.scale = list(scale)
        entry.quantization.zeroPoint = list(zero_point or [0] * len(scale))
        entry.quantization.quantizedDimension = axis
    return entry, values


def op(code, inputs, outputs, options=None, custom=b""):
    """An op for `model`, with its code."""
    entry = schema.OperatorT()
    entry.inputs, entry.outputs = list(inputs), list(outputs)
    if options is not None:
        entry.builtinOptions = options
        kind = type(options).__name__.removesuffix("T")
        entry.builtinOptionsType = getattr(schema.BuiltinOptions, kind)
    return entry, code, custom


def model(tensors, ops, inputs=(), outputs=()) -> bytes:
    """A file of one subgraph, with a buffer for each constant."""
    root = schema.ModelT()
    root.version = 3
    root.buffers = [schema.BufferT()]
    root.operatorCodes = []
    graph = schema.SubGraphT()
    graph.name = b"main"
    graph.inputs, graph.outputs = list(inputs), list(outputs)
    graph.tensors, graph.operators = [], []
    for entry, values in tensors:
        if values is not None:
            buffer = schema.BufferT()
            buffer.data = np.frombuffer(values.tobytes(), np.uint8)
            entry.buffer = len(root.buffers)
            root.buffers.append(buffer)
        graph.tensors.append(entry)
    for number, (entry, code, custom) in enumerate(ops):
        opcode = schema.OperatorCodeT()
        opcode.builtinCode = code
        opcode.deprecatedBuiltinCode = min(code, 127)
        opcode.customCode = custom or None
        root.operatorCodes.append(opcode)
        entry.opcodeIndex = number
        graph.operators.append(entry)
    root.subgraphs = [graph]
    return packed(root)


def packed(root: Any) -> bytes:
    """The file of a model."""
    builder = flatbuffers.Builder(1024)
    builder.Finish(root.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def unpacked(content: bytes) -> Any:
    """The model of a file, to change and `packed` again."""
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


def moved_outside(content: bytes) -> bytes:
    """The file with its constants behind the flatbuffer, as ai-edge-quantizer writes large ones."""
    root = unpacked(content)
    data = [b"" if b.data is None else bytes(bytearray(b.data)) for b in root.buffers]
    # The second pass knows how long the flatbuffer is.
    for start in (1 << 20, None):
        at = start or -(-len(packed(root)) // 16) * 16
        behind = bytearray()
        for buffer, values in zip(root.buffers, data, strict=True):
            if values:
                buffer.data, buffer.offset, buffer.size = None, at + len(behind), len(values)
                behind += values + bytes(-len(values) % 16)
    flat = packed(root)
    return flat + bytes(-len(flat) % 16) + bytes(behind)


def two_signatures(added: float) -> bytes:
    """Two subgraphs, each with a signature: x + 1, and x + `added`."""
    root: Any = None
    for number, value in enumerate((1.0, added)):
        content = model(
            [tensor((1, 2), "x"), tensor((1, 2), "c", np.full((1, 2), value, np.float32)),
             tensor((1, 2), "y")],
            [op(OP.ADD, (0, 1), (2,), schema.AddOptionsT())], (0,), (2,),
        )  # fmt: skip
        part = unpacked(content)
        signature = schema.SignatureDefT()
        signature.signatureKey = b"first" if number == 0 else b"second"
        signature.subgraphIndex = number
        signature.inputs, signature.outputs = [], []
        for ends, name, index in ((signature.inputs, b"x", 0), (signature.outputs, b"y", 2)):
            entry = schema.TensorMapT()
            entry.name, entry.tensorIndex = name, index
            ends.append(entry)
        if root is None:
            root, root_signatures = part, [signature]
            continue
        part.subgraphs[0].tensors[1].buffer = len(root.buffers)
        root.buffers.append(part.buffers[1])
        root.subgraphs += part.subgraphs
        root_signatures.append(signature)
    root.signatureDefs = root_signatures
    return packed(root)
