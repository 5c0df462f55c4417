"""TFLite Micro: the interpreter of microcontrollers, from the package tflite-micro.

It is C++ and trusts its file: give it what `flatbuffer.verify` has passed, in a process of its own.
"""

from __future__ import annotations

import importlib
import importlib.util
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stapes.errors import MissingExtraError, ModelError

MOST_ARENA_BYTES = 1 << 28
"""Where looking for an arena that is large enough ends: no microcontroller has as much."""

_FIRST_ARENA_BYTES = 1 << 20


def available() -> bool:
    """Whether the package is installed."""
    return importlib.util.find_spec("tflite_micro") is not None


class TFLM:
    """A model, ready to run in TFLite Micro.

    Parameters
    ----------
    model : bytes
        The .tflite.
    keep_tensors : bool
        Keep what every op gives, for `tensor`: nothing in the arena is written over.
    arena_bytes : int > 0, optional
        The size of the arena; without it, one that is large enough is looked for.

    Raises
    ------
    MissingExtraError
        tflite-micro is not installed.
    ModelError
        TFLite Micro refuses the model.
    """

    def __init__(
        self, model: bytes, *, keep_tensors: bool = False, arena_bytes: int | None = None
    ) -> None:
        if not available():
            raise MissingExtraError("TFLite Micro", "micro")
        runtime = importlib.import_module("tflite_micro.python.tflite_micro.runtime")
        kinds = runtime.InterpreterConfig
        kind = kinds.kPreserveAllTensors if keep_tensors else kinds.kAllocationRecording
        arena = _FIRST_ARENA_BYTES if arena_bytes is None else arena_bytes
        while True:
            try:
                self._interpreter = runtime.Interpreter.from_bytes(
                    model, arena_size=arena, intrepreter_config=kind
                )
                break
            except (RuntimeError, ValueError, TypeError) as error:
                # It does not say whether the arena was too small or an op is missing.
                if arena_bytes is not None or arena >= MOST_ARENA_BYTES:
                    raise ModelError(f"TFLite Micro refuses the model: {error}.") from None
                arena *= 16

    def set_input(self, values: NDArray[Any], index: int = 0) -> None:
        """Set one input, in the model's own type and whole shape."""
        self._interpreter.set_input(values, index)

    def invoke(self) -> None:
        """Run the model once; its state, if it has one, goes on from the call before."""
        try:
            self._interpreter.invoke()
        except (RuntimeError, ValueError) as error:
            raise ModelError(f"TFLite Micro stopped at running the model: {error}.") from None

    def output(self, index: int = 0) -> NDArray[Any]:
        """One output of the last run, in the model's own type."""
        return np.asarray(self._interpreter.get_output(index))

    def print_allocations(self) -> None:
        """Write how the arena is used to the process's standard error; not with `keep_tensors`."""
        self._interpreter.print_allocations()

    def tensor(self, index: int) -> NDArray[Any]:
        """A tensor of the first subgraph, by its number in the file; not of resources."""
        return np.asarray(self._interpreter.GetTensor(index, 0)["tensor_data"])
