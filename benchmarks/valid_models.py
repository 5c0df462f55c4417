"""Random .tflite files that LiteRT runs, as old and new writers write them.

A graph grows op by op. LiteRT tries each new op, and gives the shapes of its outputs; an op that
it refuses is left out. LiteRT is C++: call this in a process of its own.
"""

from __future__ import annotations

import struct
from typing import Any

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter, OpResolverType

import valid_ops
from stapes.tflite.format.reader import read
from stapes.tflite.format.spans import spans

_OP, _TYPE = schema.BuiltinOperator, schema.TensorType
_TYPES = {
    _TYPE.FLOAT32: np.float32,
    _TYPE.INT8: np.int8,
    _TYPE.INT32: np.int32,
    _TYPE.INT64: np.int64,
    _TYPE.BOOL: np.bool_,
}
_F32 = np.float32
_MOST_ELEMENTS = 1 << 16


class Graph:
    """A model as the classes generated from the schema, and the shapes of its tensors."""

    def __init__(self, rng: np.random.Generator) -> None:
        self.rng = rng
        self.model = schema.ModelT()
        self.model.version = 3
        self.model.buffers, self.model.operatorCodes = [schema.BufferT()], []
        graph = schema.SubGraphT()
        graph.name, graph.tensors, graph.operators = b"main", [], []
        graph.inputs, graph.outputs = [], []
        self.graph = graph
        self.model.subgraphs = [graph]
        self.usable: list[int] = []
        for _ in range(int(rng.integers(1, 3))):
            kind = rng.choice([_TYPE.FLOAT32, _TYPE.FLOAT32, _TYPE.INT8, _TYPE.INT32])
            shape = rng.integers(1, 7, int(rng.choice([1, 2, 3, 4, 4])))
            shape[0] = 1
            number = self.tensor(shape.tolist(), int(kind))
            graph.inputs.append(number)
            self.usable.append(number)

    def tensor(self, shape: list[int], kind: int, values: Any = None) -> int:
        """The number of a new tensor, with its values if it is a constant."""
        tensor = schema.TensorT()
        tensor.shape, tensor.type = shape, kind
        tensor.name = f"t{len(self.graph.tensors)}".encode() if self.rng.random() < 0.9 else None
        if kind == _TYPE.INT8:
            tensor.quantization = schema.QuantizationParametersT()
            tensor.quantization.scale, tensor.quantization.zeroPoint = [0.05], [0]
        if values is not None:
            buffer = schema.BufferT()
            buffer.data = np.frombuffer(np.ascontiguousarray(values).tobytes(), np.uint8)
            tensor.buffer = len(self.model.buffers)
            self.model.buffers.append(buffer)
        self.graph.tensors.append(tensor)
        return len(self.graph.tensors) - 1

    def constant(self, values: Any, dtype: Any) -> int:
        """The number of a constant."""
        array = np.asarray(values, dtype)
        kind = next(kind for kind, known in _TYPES.items() if known == array.dtype.type)
        return self.tensor(list(array.shape), kind, array)

    def shape(self, number: int) -> list[int]:
        return list(self.graph.tensors[number].shape)

    def weights(self, shape: list[int], like: int) -> int:
        """A random constant of the type of a tensor."""
        kind = self.graph.tensors[like].type
        if kind == _TYPE.FLOAT32:
            return self.constant(self.rng.normal(size=shape), _F32)
        return self.constant(self.rng.integers(-9, 9, shape), _TYPES[kind])

    def add(self, name: str, inputs: list[int], kinds: list[int], options: Any) -> None:
        """An op with as many outputs as there are `kinds`, of unknown shapes."""
        code = schema.OperatorCodeT()
        number = getattr(_OP, name)
        code.builtinCode, code.deprecatedBuiltinCode = number, min(number, 127)
        code.version = int(self.rng.integers(1, 3))
        op = schema.OperatorT()
        op.opcodeIndex = len(self.model.operatorCodes)
        self.model.operatorCodes.append(code)
        op.inputs, op.outputs = inputs, [self.tensor([1], kind) for kind in kinds]
        if options is not None:
            op.builtinOptions = options
            kind_name = type(options).__name__.removesuffix("T")
            op.builtinOptionsType = getattr(schema.BuiltinOptions, kind_name)
        self.graph.operators.append(op)


def random_model(seed: int, ops: int = 8) -> tuple[bytes, list[str]]:
    """A file that LiteRT runs, and the names of its ops; the same for the same seed."""
    rng = np.random.default_rng(seed)
    graph = Graph(rng)
    names: list[str] = []
    for _ in range(4 * ops):
        if len(names) == ops:
            break
        name = str(rng.choice(valid_ops.NAMES))
        before = (len(graph.graph.tensors), len(graph.model.buffers))
        try:
            valid_ops.grow(graph, name)
            _try(graph)
        except (RuntimeError, ValueError, IndexError, OverflowError):
            del graph.graph.tensors[before[0] :], graph.model.buffers[before[1] :]
            if len(graph.graph.operators) > len(names):
                del graph.graph.operators[-1], graph.model.operatorCodes[-1]
            continue
        names.append(name)
    read_by_ops = {number for op in graph.graph.operators for number in op.inputs}
    made = [number for op in graph.graph.operators for number in op.outputs]
    graph.graph.outputs = [n for n in made if n not in read_by_ops or rng.random() < 0.1]
    graph.graph.outputs = graph.graph.outputs or graph.graph.inputs[:1]
    return _written(graph), names


def _try(graph: Graph) -> None:
    """Run the graph, and write the shapes of the last op's outputs that LiteRT found."""
    outputs = list(graph.graph.operators[-1].outputs)
    graph.graph.outputs = outputs
    interpreter = runs(_packed(graph.model))
    for number, details in zip(outputs, interpreter.get_output_details(), strict=True):
        shape = np.shape(interpreter.get_tensor(details["index"]))
        if not 0 < np.prod(shape, dtype=int) <= _MOST_ELEMENTS or len(shape) > 5:
            raise ValueError("too large")
        graph.graph.tensors[number].shape = list(shape)
    graph.usable += outputs


def runs(content: bytes) -> Any:
    """LiteRT after it ran a file; ValueError or RuntimeError if it does not."""
    kind = OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
    interpreter = Interpreter(
        model_content=content, num_threads=1, experimental_op_resolver_type=kind
    )
    interpreter.allocate_tensors()
    rng = np.random.default_rng(0)
    for details in interpreter.get_input_details():
        values = rng.integers(0, 5, details["shape"]).astype(details["dtype"])
        interpreter.set_tensor(details["index"], values)
    interpreter.invoke()
    return interpreter


def _packed(model: Any) -> bytes:
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def _written(graph: Graph) -> bytes:
    """The file as one of several writers writes it, with parts that no interpreter needs."""
    rng, model = graph.rng, graph.model
    if rng.random() < 0.5:
        entry = schema.MetadataT()
        entry.name, entry.buffer = b"min_runtime_version", len(model.buffers)
        model.metadata = [entry]
        model.buffers.append(schema.BufferT())
        model.buffers[-1].data = np.frombuffer(b"1.5.0".ljust(16, b"\0"), np.uint8)
    if rng.random() < 0.5:
        model.description = b"made by a fuzzer"
        graph.tensor([3], _TYPE.FLOAT32, np.ones(3, _F32))
    if rng.random() < 0.3:
        for number in graph.graph.inputs:
            tensor = graph.graph.tensors[number]
            tensor.shapeSignature = [-1, *list(tensor.shape)[1:]]
    old = rng.random() < 0.5
    for code in model.operatorCodes if old else ():
        if code.builtinCode < 127:
            code.builtinCode = 0  # Before 2020 there was the older field alone.
    content = _packed(model)
    return _overhanging(content, rng) if old else content


def _overhanging(content: bytes, rng: np.random.Generator) -> bytes:
    """Vtables whose size of the table is too large by 2, as an older writer of Python left them."""
    changed = bytearray(content)
    for span in spans(read(content)):
        if span.kind == "vtable" and rng.random() < 0.3:
            size = struct.unpack_from("<H", changed, span.start + 2)[0]
            struct.pack_into("<H", changed, span.start + 2, size + 2)
    return bytes(changed)
