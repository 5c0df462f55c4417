"""Add tensors, constants and operators to a graph of a .tflite."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from ai_edge_litert.schema_py_generated import BuiltinOperator, TensorType
from numpy.typing import NDArray

from stapes.tflite.format.schema import UNIONS
from stapes.tflite.format.tree import Table
from stapes.tflite.graph import DTYPES, builtin_code


class Builder:
    """Makes parts of one graph: tensors get their numbers at once, operators go where you say.

    Parameters
    ----------
    model : Table
        The Model that gets buffers and op codes.
    tensors : list of Table
        The graph's, to which new ones are appended.
    """

    def __init__(self, model: Table, tensors: list[Table]) -> None:
        self._model, self._tensors = model, tensors
        self._constants: dict[tuple[str, bytes], int] = {}

    def tensor(
        self, shape: Sequence[int], kind: str, quantization: Table | None = None, buffer: int = 0
    ) -> int:
        """The number of a new tensor of a TensorType, such as `INT8`."""
        fields: dict[str, Any] = {"shape": vector(shape), "type": getattr(TensorType, kind)}
        fields["buffer"] = buffer
        if quantization is not None:
            fields["quantization"] = quantization
        self._tensors.append(Table("Tensor", fields))
        return len(self._tensors) - 1

    def constant(self, values: Any, kind: str = "INT32") -> int:
        """The number of a constant; equal ones are one tensor."""
        array: NDArray[Any] = np.array(values, DTYPES[kind])
        key = (f"{kind} {array.shape}", array.tobytes())
        if key not in self._constants:
            data = np.frombuffer(array.tobytes(), np.uint8)
            self._model["buffers"].append(Table("Buffer", {"data": data}))
            number = self.tensor(array.shape, kind, buffer=len(self._model["buffers"]) - 1)
            self._constants[key] = number
        return self._constants[key]

    def operator(
        self, name: str, inputs: Sequence[int], outputs: Sequence[int], **options: Any
    ) -> Table:
        """An operator of a builtin, with the options that are not their defaults.

        A new op code is of the first version: interpreters have one kernel for all versions.
        """
        codes: list[Table] = self._model["operator_codes"]
        number = getattr(BuiltinOperator, name)
        places = [place for place, code in enumerate(codes) if builtin_code(code) == number]
        if not places:
            places = [len(codes)]
            newer_and_older = {"builtin_code": number, "deprecated_builtin_code": min(number, 127)}
            codes.append(Table("OperatorCode", {**newer_and_older}))
        fields: dict[str, Any] = {"inputs": vector(inputs), "outputs": vector(outputs)}
        if options:
            kind = "".join(map(str.capitalize, name.split("_"))) + "Options"
            fields["builtin_options_type"] = UNIONS["BuiltinOptions"].index(kind) + 1
            fields["builtin_options"] = Table(kind, options)
        return Table("Operator", {"opcode_index": places[0], **fields})


def vector(numbers: Sequence[int]) -> NDArray[np.int32]:
    """Numbers as a vector of the tree."""
    return np.array(numbers, np.int32)
