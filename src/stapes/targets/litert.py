"""LiteRT: the interpreter of phones and of a Raspberry Pi, from the package ai-edge-litert."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
from ai_edge_litert.interpreter import Interpreter, OpResolverType
from numpy.typing import NDArray

from stapes.errors import ModelError
from stapes.targets.classifier import Classifier, Signature, tensor_signature

# Where a line ends, the source file at its start, and the line that names the op.
_NEXT = re.compile(r"\n|(?<=\.)(?=[A-Z])|(?=Node number \d)")
_PLACE = re.compile(r"^\S+\.(?:cc|h|cpp)(?::\d+)?:?\s+")
_NODE = re.compile(r"Node number \d+ \(([^)]*)\) failed to")
_FLEX = re.compile(r"\b(Flex\w+)")
_LONGEST = 200


class LiteRT(Classifier):
    """A classifier .tflite, ready to run on one thread.

    Parameters
    ----------
    model : bytes
    batch : int > 0
        Clips at a time; not every model takes more than one.
    reference : bool
        Use the reference kernels, which are slow and give the bits of TFLite Micro.

    Raises
    ------
    ModelError
        LiteRT refuses it, or it is no classifier of one input and one output.
    """

    def __init__(self, model: bytes, batch: int = 1, *, reference: bool = False) -> None:
        self.batch = batch
        kind = OpResolverType.BUILTIN_REF if reference else OpResolverType.AUTO
        try:
            self._interpreter = Interpreter(
                model_content=model, num_threads=1, experimental_op_resolver_type=kind
            )
            inputs = self._interpreter.get_input_details()
            outputs = self._interpreter.get_output_details()
            if len(inputs) != 1 or len(outputs) != 1:
                raise ModelError(
                    f"The model has {len(inputs)} inputs and {len(outputs)} outputs; a classifier "
                    "of one input and one output is needed."
                )
            self._fix_batch(inputs[0])
            self._interpreter.allocate_tensors()
        except (RuntimeError, ValueError) as error:
            raise ModelError(f"LiteRT refuses the model: {first_line(error)}") from None
        self._input = self._interpreter.get_input_details()[0]
        self._output = self._interpreter.get_output_details()[0]
        ends = [
            tensor_signature(details, details["name"]) for details in (self._input, self._output)
        ]
        self.signature = Signature(*ends[0], *ends[1])
        if self.signature.output_shape[:1] != (batch,) and batch > 1:
            raise ModelError(f"The model has no output for each of {batch} clips.")

    def ready(self, clip: NDArray[Any]) -> Callable[[], None]:
        """Set an input [shape=(1, ...)] of the model's own type, and return what runs it once."""
        self._interpreter.set_tensor(self._input["index"], clip)
        run: Callable[[], None] = self._interpreter.invoke
        return run

    def _invoke(self, clips: NDArray[Any]) -> NDArray[Any]:
        try:
            self._interpreter.set_tensor(self._input["index"], clips)
            self._interpreter.invoke()
            return np.asarray(self._interpreter.get_tensor(self._output["index"]))
        except (RuntimeError, ValueError) as error:
            raise ModelError(f"LiteRT stopped at running the model: {first_line(error)}") from None

    def _fix_batch(self, details: dict[str, Any]) -> None:
        shape = details["shape"]
        if len(shape) == 0:
            raise ModelError("The model's input is a single number, not features.")
        if shape[0] != self.batch:
            self._interpreter.resize_tensor_input(details["index"], [self.batch, *shape[1:]])


def first_line(error: Exception) -> str:
    """The reason in what LiteRT's C++ prints, with the op: it prints some lines without a break.

    Examples
    --------
    >>> first_line(ValueError("kernels/add.cc:9 1 != 2Node number 3 (ADD) failed to prepare."))
    '1 != 2 (ADD)'
    """
    text = str(error)
    flex = sorted(set(_FLEX.findall(text)))
    if "Select TensorFlow op" in text:
        named = f" ({', '.join(flex[:3])})" if flex else ""
        return f"it has ops of TensorFlow itself{named}, which LiteRT lacks"
    node = _NODE.search(text)
    lines = [_PLACE.sub("", line.strip()).rstrip(".") for line in _NEXT.split(text)]
    line = next((line for line in lines if line and not _NODE.match(line)), "")
    if not line:
        return "it gives no reason; too little memory, perhaps"
    line = line if len(line) <= _LONGEST else f"{line[: _LONGEST - 3]}..."
    return line if node is None or node[1] in line else f"{line} ({node[1]})"
