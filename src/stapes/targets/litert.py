"""LiteRT: the interpreter of phones and of a Raspberry Pi, from the package ai-edge-litert."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from ai_edge_litert.interpreter import Interpreter
from numpy.typing import NDArray

from stapes.errors import ModelError
from stapes.targets.quantization import dequantize, quantize


@dataclass(frozen=True)
class Signature:
    """The one input and the one output of a classifier."""

    input_shape: tuple[int, ...]
    input_dtype: np.dtype[Any]
    input_scale: float
    input_zero_point: int
    output_shape: tuple[int, ...]
    output_dtype: np.dtype[Any]
    output_scale: float
    output_zero_point: int

    @property
    def quantized_input(self) -> bool:
        """Whether the input takes integers."""
        return self.input_dtype.kind in "iu"


class LiteRT:
    """A classifier, ready to run: one input, one output, one clip at a time, one thread.

    Parameters
    ----------
    model : bytes
        The .tflite.

    Raises
    ------
    ModelError
        LiteRT refuses it, or it is no classifier of one input and one output.
    """

    def __init__(self, model: bytes) -> None:
        try:
            self._interpreter = Interpreter(model_content=model, num_threads=1)
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
            raise ModelError(f"LiteRT refuses the model: {_first_line(error)}") from None
        self._input = self._interpreter.get_input_details()[0]
        self._output = self._interpreter.get_output_details()[0]
        self.signature = Signature(*_describe(self._input), *_describe(self._output))

    def predict(self, x: NDArray[np.float32]) -> NDArray[np.float32]:
        """Scores of clips: fed at the input's scale and zero point, outputs dequantized.

        Parameters
        ----------
        x : np.ndarray [shape=(n, ...)]
            float32; without the batch it has the shape of the model's input.

        Returns
        -------
        scores : np.ndarray [shape=(n, outputs)]

        Raises
        ------
        ModelError
            The shapes differ, or the interpreter fails.
        """
        signature = self.signature
        if not signature.quantized_input:
            return self.run(x.astype(signature.input_dtype, copy=False))
        return self.run(
            quantize(x, signature.input_scale, signature.input_zero_point, signature.input_dtype)
        )

    def predict_cast(self, x: NDArray[np.float32]) -> NDArray[np.float32]:
        """Scores of clips whose floats were cast to the input's type without scale or zero point.

        It is wrong, and is here to measure what happens to whoever does it.
        """
        with np.errstate(invalid="ignore"):
            # By way of int64, so that what is out of range wraps around on every processor.
            cast = x.astype(np.int64).astype(self.signature.input_dtype)
        return self.run(cast)

    def run(self, x: NDArray[Any]) -> NDArray[np.float32]:
        """Scores of inputs that already are in the model's own type."""
        wanted = self.signature.input_shape[1:]
        if fits(x.shape[1:], wanted):
            x = x.reshape(len(x), *wanted)
        else:
            raise ModelError(
                f"The model's input is {list(self.signature.input_shape[1:])} and the features are "
                f"{list(x.shape[1:])}: choose the frontend that it was trained with."
            )
        outputs = math.prod(self.signature.output_shape)
        scores = np.empty((len(x), outputs), self.signature.output_dtype)
        try:
            for row, clip in zip(scores, x, strict=True):
                self._interpreter.set_tensor(self._input["index"], clip[None])
                self._interpreter.invoke()
                row[...] = self._interpreter.get_tensor(self._output["index"]).ravel()
        except (RuntimeError, ValueError) as error:
            raise ModelError(f"LiteRT stopped at running the model: {_first_line(error)}") from None
        if self.signature.output_dtype.kind in "iu":
            scale, zero_point = self.signature.output_scale, self.signature.output_zero_point
            return dequantize(scores, scale, zero_point)
        return scores.astype(np.float32, copy=False)

    def _fix_batch(self, details: dict[str, Any]) -> None:
        shape = details["shape"]
        if len(shape) == 0:
            raise ModelError("The model's input is a single number, not features.")
        if shape[0] != 1:
            self._interpreter.resize_tensor_input(details["index"], [1, *shape[1:]])


def fits(shape: tuple[int, ...], wanted: tuple[int, ...]) -> bool:
    """Whether features of a shape can be fed where another is wanted: they differ in axes of 1."""
    return [n for n in shape if n != 1] == [n for n in wanted if n != 1]


def _describe(details: dict[str, Any]) -> tuple[tuple[int, ...], np.dtype[Any], float, int]:
    dtype = np.dtype(details["dtype"])
    scale, zero_point = details["quantization"]
    if dtype.kind in "iu" and not scale > 0:
        raise ModelError(
            f"The tensor {details['name']} holds {dtype} and has no quantization: it cannot be fed."
        )
    return tuple(int(n) for n in details["shape"]), dtype, float(scale), int(zero_point)


def _first_line(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0] if lines else type(error).__name__
