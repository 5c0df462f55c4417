"""TFLite Micro: the interpreter of microcontrollers, from the package tflite-micro.

It is C++ and trusts its file: verify the file, and isolate the interpreter.
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import os
import re
import tempfile
from collections.abc import Iterator
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from stapes.errors import MissingExtraError, ModelError
from stapes.targets.classifier import Classifier, Signature, tensor_signature
from stapes.tflite.edit.inside import has_outside
from stapes.tflite.read.verify import verify

MOST_ARENA_BYTES = 1 << 28
"""The largest arena to try; no microcontroller has as much."""

_FIRST_ARENA_BYTES = 1 << 20

# The source file at the start of a line, and the line that names the op.
_PLACE = re.compile(r"^\S+\.(?:cc|h)(?::\d+)?\s+")
_NODE = re.compile(r"Node (\w+) \(number \d+\) failed to")

PACKAGE, EXTRA = "tflite_micro", "micro"


def available() -> bool:
    """Whether the package is installed."""
    return importlib.util.find_spec(PACKAGE) is not None


def require(what: str) -> None:
    """Raise MissingExtraError where the package that `what` needs is not installed."""
    if not available():
        raise MissingExtraError(what, EXTRA)


class TFLM:
    """A .tflite, ready to run in TFLite Micro.

    Parameters
    ----------
    model : bytes
    keep_tensors : bool
        Keep the result of every op, for `tensor`.
    arena_bytes : int > 0, optional
        The size of the arena; default: one that is large enough.

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
        require("TFLite Micro")
        if has_outside(verify(model)):
            raise ModelError(
                "TFLite Micro refuses the model: it does not read the constants that this file "
                "keeps outside the flatbuffer, which `stapes slim` brings inside."
            )
        runtime = importlib.import_module("tflite_micro.python.tflite_micro.runtime")
        kinds = runtime.InterpreterConfig
        kind = kinds.kPreserveAllTensors if keep_tensors else kinds.kAllocationRecording
        arena = _FIRST_ARENA_BYTES if arena_bytes is None else arena_bytes
        while True:
            # The reason is not in its errors, but in what it prints.
            with tempfile.TemporaryFile() as printed, errors_into(printed):
                try:
                    self._interpreter = runtime.Interpreter.from_bytes(
                        model, arena_size=arena, intrepreter_config=kind
                    )
                    break
                except (RuntimeError, ValueError, TypeError) as error:
                    # The error may mean an arena that is too small, or an op that is missing.
                    if arena_bytes is not None or arena >= MOST_ARENA_BYTES:
                        printed.seek(0)
                        why = decisive(printed.read().decode("utf-8", "replace")) or error
                        raise ModelError(
                            f"TFLite Micro refuses the model: {str(why).rstrip('.')}."
                        ) from None
            arena *= 16

    def set_input(self, values: NDArray[Any], index: int = 0) -> None:
        """Set one input, in the model's own type and shape."""
        self._interpreter.set_input(values, index)

    def invoke(self) -> None:
        """Run the model once, from the state that the last call left."""
        try:
            self._interpreter.invoke()
        except (RuntimeError, ValueError) as error:
            reason = str(error).rstrip(".")
            raise ModelError(f"TFLite Micro stopped at running the model: {reason}.") from None

    def output(self, index: int = 0) -> NDArray[Any]:
        """One output of the last run, in the model's own type."""
        return np.asarray(self._interpreter.get_output(index))

    def details(self) -> list[tuple[tuple[int, ...], np.dtype[Any], float, int]]:
        """Shape, type, scale and zero point of the first input and of the first output."""
        return [
            tensor_signature(self._interpreter.get_input_details(0), "input"),
            tensor_signature(self._interpreter.get_output_details(0), "output"),
        ]

    def print_allocations(self) -> None:
        """Write the use of the arena to the process's standard error; not with `keep_tensors`."""
        self._interpreter.print_allocations()

    def tensor(self, index: int) -> NDArray[Any]:
        """A tensor of the first subgraph, by its number in the file; not a resource."""
        return np.asarray(self._interpreter.GetTensor(index, 0)["tensor_data"])


class TFLMClassifier(Classifier):
    """A classifier .tflite in TFLite Micro, for one clip at a time.

    Raises
    ------
    MissingExtraError
        tflite-micro is not installed.
    ModelError
        TFLite Micro refuses it, or it is no classifier of one input and one output.
    """

    def __init__(self, model: bytes) -> None:
        graph = verify(model).graphs[0]
        ends = len(graph.inputs), len(graph.outputs)
        if ends != (1, 1) or graph.tensor(graph.inputs[0]).shape[:1] != [1]:
            raise ModelError(
                "TFLite Micro is fed with one clip: one input and one output are needed."
            )
        self._runner = TFLM(model)
        first, last = self._runner.details()
        self.signature = Signature(*first, *last)

    def _invoke(self, clips: NDArray[Any]) -> NDArray[Any]:
        self._runner.set_input(clips)
        self._runner.invoke()
        return self._runner.output()


@contextlib.contextmanager
def errors_into(file: IO[bytes]) -> Iterator[None]:
    """Send the process's standard error, to which C++ writes, into a file."""
    stderr = os.dup(2)
    os.dup2(file.fileno(), 2)
    try:
        yield
    finally:
        os.dup2(stderr, 2)
        os.close(stderr)


def decisive(printed: str) -> str:
    """The printed line with TFLite Micro's reason, and the op; empty without one.

    Examples
    --------
    >>> decisive("a/conv.cc:9 x was not true.\\nNode CONV_2D (number 2) failed to prepare")
    'x was not true (CONV_2D)'
    """
    node = _NODE.search(printed)
    for line in printed.splitlines():
        text = _PLACE.sub("", line).strip().rstrip(".")
        if text and not _NODE.match(text):
            return text if node is None or node[1] in text else f"{text} ({node[1]})"
    return ""
