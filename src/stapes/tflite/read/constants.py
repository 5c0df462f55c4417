"""A .tflite as a file: its constants and the bytes they take.

Source: the TensorFlow Lite schema (schema.fbs), by the classes generated from it that ship with
ai-edge-litert.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ai_edge_litert import schema_py_generated as schema
from numpy.typing import NDArray

from stapes.errors import ModelError
from stapes.tflite.format.tree import Table, Tree, unfolded
from stapes.tflite.read import lookup_table
from stapes.tflite.read.values import values
from stapes.tflite.read.verify import stored, verify

_MOST_UNFOLDED = 500_000

# Ops that hold a layer's weights, and which of their inputs is the kernel and which the bias.
_WEIGHTED = {
    schema.BuiltinOperator.CONV_2D: (1, 2),
    schema.BuiltinOperator.DEPTHWISE_CONV_2D: (1, 2),
    schema.BuiltinOperator.FULLY_CONNECTED: (1, 2),
}

# Ops that make a kernel from how it is stored.
_WIDENING = {schema.BuiltinOperator.DEQUANTIZE, schema.BuiltinOperator.DENSIFY}


@dataclass(frozen=True)
class Constant:
    """The kernel or bias of a layer, as the file stores it."""

    name: str
    op: str
    role: str
    """`kernel` or `bias`."""
    values: NDArray[Any]


def parse(model: bytes) -> Any:
    """The file as an object tree (`ModelT` of the generated schema), after `verify` has read it.

    Raises
    ------
    ModelError
        It is no .tflite, or it is broken.
    """
    # The generated classes make what is shared anew for each parent.
    if unfolded(verify(model).root) > _MOST_UNFOLDED:
        raise ModelError("The .tflite has more parts than any model for a device.")
    return schema.ModelT.InitFromPackedBuf(bytearray(model), 0)


def data_bytes(model: bytes) -> int:
    """Bytes of all buffers: TensorFlow's analyzer calls them the total data buffer size."""
    return sum(len(buffer.items("data")) for buffer in verify(model).root.items("buffers"))


def constants(model: bytes) -> list[Constant]:
    """Kernels and biases of convolutions and dense layers, in the order the ops run.

    A constant that is widened by DEQUANTIZE or DENSIFY ops is given as it is stored; a sparse one
    with its zeros, one in look-up tables as they give it. A tensor without a name, as `slim` leaves
    it, has the empty one.
    """
    tree = verify(model)
    found = []
    for graph in tree.root.items("subgraphs"):
        tensors = graph.items("tensors")
        origins = widened(tree, graph)
        tables = _tables(tree, graph)
        for op in graph.items("operators"):
            code, inputs = builtin(tree, op), op.items("inputs")
            if code in _WEIGHTED and len(inputs) < 2:
                raise ModelError(f"The .tflite is broken: a {OP_NAMES[code]} has no kernel.")
            for role, position in zip(("kernel", "bias"), _WEIGHTED.get(code, ()), strict=False):
                if position >= len(inputs) or inputs[position] < 0:
                    continue
                number = origins.get(inputs[position], inputs[position])
                tensor = tensors[number]
                held = _decoded(tree, graph, tables[number], tensor) if number in tables else None
                if held is None and tensor["shape"] is not None:
                    held = values(tree, tensor)
                if held is not None:
                    name = (tensor["name"] or b"").decode("utf-8", "replace")
                    found.append(Constant(name, OP_NAMES[code], role, held))
    return found


def builtin(tree: Tree, op: Table) -> int:
    """The builtin operator that an op is."""
    code = tree.root["operator_codes"][op["opcode_index"]]
    # Files of before 2020 hold the code in a byte of its own.
    return int(max(code["builtin_code"], code["deprecated_builtin_code"]))


def widened(tree: Tree, graph: Table) -> dict[int, int]:
    """{tensor: the constant that DEQUANTIZE and DENSIFY ops make it from}."""
    origins: dict[int, int] = {}
    for op in graph.items("operators"):
        inputs, outputs = op.items("inputs"), op.items("outputs")
        if builtin(tree, op) in _WIDENING and len(inputs) and len(outputs):
            origins[outputs[0]] = origins.get(inputs[0], inputs[0])
    return origins


def _tables(tree: Tree, graph: Table) -> dict[int, tuple[int, int]]:
    """{tensor: the indices and tables that a DECODE op makes it from}."""
    found = {}
    for op in graph.items("operators"):
        if lookup_table.is_decode(tree, op):
            inputs = op.items("inputs")
            pairs = zip(inputs[::2], inputs[1::2], strict=False)
            found.update(dict(zip(map(int, op.items("outputs")), pairs, strict=False)))
    return found


def _decoded(tree: Tree, graph: Table, pair: tuple[int, int], tensor: Table) -> NDArray[Any]:
    parts = [graph["tensors"][number]["buffer"] for number in pair]
    encoded, ancillary = (stored(tree, tree.root["buffers"][part]) for part in parts)
    shape = [int(size) for size in tensor.items("shape")]
    return lookup_table.decode(encoded, ancillary, shape, tensor["type"])


OP_NAMES = {
    value: name for name, value in vars(schema.BuiltinOperator).items() if not name.startswith("_")
}
