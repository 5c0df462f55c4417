"""A model as graphs, tensors and operators: a typed view of the tree of a .tflite.

The view copies nothing: each access reads the tree, so a change of a `table` is visible at once.
`read.verify.verify` makes it from a file and checks every number in it.

Source: the TensorFlow Lite schema (schema.fbs); names of operators and types are those of the
classes generated from it that ship with ai-edge-litert.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema
from numpy.typing import NDArray

from stapes.tflite.format.schema import TABLES
from stapes.tflite.format.spans import stored
from stapes.tflite.format.tree import Table, Tree


def _names(enumeration: type) -> dict[int, str]:
    return {number: name for name, number in vars(enumeration).items() if name.isupper()}


OP_NAMES = _names(schema.BuiltinOperator)
TYPE_NAMES = _names(schema.TensorType)

_IN_NUMPY = "BOOL FLOAT16 FLOAT32 FLOAT64 INT8 INT16 INT32 INT64 UINT8 UINT16 UINT32 UINT64"
DTYPES = {name: np.dtype(name.lower()).newbyteorder("<") for name in _IN_NUMPY.split()}
"""NumPy's type of each TensorType that it has, by name."""


def builtin_code(code: Table) -> int:
    """The number of the builtin operator of an OperatorCode.

    Files from before 2020 and slimmed files have it in the older field, a byte.
    """
    return int(max(code["builtin_code"], code["deprecated_builtin_code"]))


def ints(vector: Any) -> list[int]:
    """A vector of the tree as Python numbers, which do not overflow."""
    numbers: list[int] = np.asarray(vector).tolist()
    return numbers


def text(name: bytes | None) -> str:
    """A string of the tree; empty if it is missing."""
    return (name or b"").decode("utf-8", "replace")


@dataclass(frozen=True, slots=True, eq=False)
class Model:
    """A whole file."""

    tree: Tree

    @property
    def table(self) -> Table:
        """Its Model table."""
        return self.tree.root

    @property
    def version(self) -> int:
        """Of the schema."""
        return int(self.table["version"])

    @property
    def graphs(self) -> list[Graph]:
        """All graphs; an interpreter runs the first."""
        return [Graph(n, table, self) for n, table in enumerate(self.table.items("subgraphs"))]

    @property
    def operators(self) -> list[Operator]:
        """The operators of all graphs."""
        return [op for graph in self.graphs for op in graph.operators]

    @property
    def buffers(self) -> list[NDArray[np.uint8]]:
        """The bytes of every buffer [shape=(n,)]."""
        return [stored(self.tree, buffer) for buffer in self.table.items("buffers")]

    @property
    def metadata(self) -> list[tuple[str, int]]:
        """(name, buffer number) of each entry."""
        return [(text(entry["name"]), entry["buffer"]) for entry in self.table.items("metadata")]


@dataclass(frozen=True, slots=True, eq=False)
class _Part:
    number: int
    table: Table

    @property
    def inputs(self) -> list[int]:
        """Tensor numbers; -1 is an optional input that is left out."""
        return ints(self.table.items("inputs"))

    @property
    def outputs(self) -> list[int]:
        """Tensor numbers."""
        return ints(self.table.items("outputs"))


@dataclass(frozen=True, slots=True, eq=False)
class Graph(_Part):
    """One graph (the schema's subgraph): tensors, and operators in the order they run."""

    model: Model

    @property
    def tensors(self) -> list[Tensor]:
        """By number."""
        return [Tensor(n, table, self) for n, table in enumerate(self.table.items("tensors"))]

    @property
    def operators(self) -> list[Operator]:
        """In the order they run."""
        return [Operator(n, table, self) for n, table in enumerate(self.table.items("operators"))]

    def tensor(self, number: int) -> Tensor:
        """The tensor of a number."""
        return Tensor(number, self.table["tensors"][number], self)


@dataclass(frozen=True, slots=True, eq=False)
class Tensor:
    """One tensor of a graph; with data, it is a constant."""

    number: int
    table: Table
    graph: Graph

    @property
    def name(self) -> str:
        """Empty if the file has none."""
        return text(self.table["name"])

    @property
    def type(self) -> str:
        """The TensorType, such as `INT8`."""
        return TYPE_NAMES[self.table["type"]]

    @property
    def shape(self) -> list[int]:
        """Empty for a scalar."""
        return ints(self.table.items("shape"))

    @property
    def elements(self) -> int:
        """The number of elements; 1 for a scalar."""
        return math.prod(self.shape)

    @property
    def buffer(self) -> int:
        """The buffer's number; 0 is none."""
        return int(self.table["buffer"])

    @property
    def data(self) -> NDArray[np.uint8]:
        """The bytes of a constant [shape=(n,)]; empty for a computed tensor."""
        model = self.graph.model
        return stored(model.tree, model.table["buffers"][self.buffer])

    @property
    def is_variable(self) -> bool:
        """Whether it keeps its values between inferences."""
        return bool(self.table["is_variable"])

    @property
    def quantization(self) -> Quantization:
        """Without scales if the file has none."""
        table = self.table["quantization"]
        return Quantization(Table("QuantizationParameters", {}) if table is None else table)


@dataclass(frozen=True, slots=True, eq=False)
class Quantization:
    """How integers stand for reals: real = scale * (integer - zero point)."""

    table: Table

    @property
    def scales(self) -> NDArray[np.float32]:
        """One, one for each channel along `axis`, or none."""
        return np.asarray(self.table.items("scale"), np.float32)

    @property
    def zero_points(self) -> NDArray[np.int64]:
        """One, or as many as scales, or none."""
        return np.asarray(self.table.items("zero_point"), np.int64)

    @property
    def axis(self) -> int:
        """The axis of the channels, if there are several scales."""
        return int(self.table["quantized_dimension"])

    @property
    def by_scales(self) -> bool:
        """Whether scales and zero points are all: no blocks, no custom form."""
        return not self.table["details_type"]

    @property
    def range(self) -> tuple[float, float] | None:
        """The lowest and highest value in calibration; None if the file has none."""
        lowest, highest = self.table.items("min"), self.table.items("max")
        return (float(lowest[0]), float(max(highest))) if len(lowest) and len(highest) else None


@dataclass(frozen=True, slots=True, eq=False)
class Operator(_Part):
    """One operator of a graph."""

    graph: Graph

    @property
    def code(self) -> Table:
        """Its OperatorCode table."""
        code: Table = self.graph.model.table["operator_codes"][self.table["opcode_index"]]
        return code

    @property
    def builtin(self) -> str:
        """Its name in the schema, such as `CONV_2D`; `CUSTOM` for any other."""
        number = builtin_code(self.code)
        return OP_NAMES.get(number, f"BUILTIN_{number}")

    @property
    def name(self) -> str:
        """Its name in the schema, or the custom operator's own name."""
        name = self.builtin
        return text(self.code["custom_code"]) if name == "CUSTOM" else name

    @property
    def options(self) -> Table | None:
        """Its table of builtin options."""
        options: Table | None = self.table["builtin_options"]
        return options

    def option(self, name: str) -> Any:
        """The value of an option; None if the op has no such option."""
        options = self.options
        named = options is not None and any(f.name == name for f in TABLES[options.kind])
        return options[name] if options is not None and named else None

    def input(self, place: int) -> Tensor | None:
        """The tensor at a place of the inputs; None if it is left out."""
        return self._tensor(self.inputs, place)

    def output(self, place: int) -> Tensor | None:
        """The tensor at a place of the outputs; None if there are fewer."""
        return self._tensor(self.outputs, place)

    def _tensor(self, numbers: list[int], place: int) -> Tensor | None:
        missing = place >= len(numbers) or numbers[place] < 0
        return None if missing else self.graph.tensor(numbers[place])
