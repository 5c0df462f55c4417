"""A classifier of one input and one output, in any interpreter."""

from __future__ import annotations

import abc
import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stapes.errors import ModelError
from stapes.targets.quantization import dequantize, quantize

_AT_ONCE = 4096
"""Clips that are quantized at a time; a multiple of the batch size."""


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


class Classifier(abc.ABC):
    """Feeds floats to an interpreter: one clip at a time, or a batch of them."""

    signature: Signature
    batch: int = 1

    @abc.abstractmethod
    def _invoke(self, clips: NDArray[Any]) -> NDArray[Any]:
        """The output for a batch [shape=(batch, ...)], both in the model's own types."""

    def predict(self, x: NDArray[np.float32]) -> NDArray[np.float32]:
        """Scores of clips [shape=(n, outputs)], with inputs quantized and outputs dequantized.

        Parameters
        ----------
        x : np.ndarray [shape=(n, ...)]
            float32, where `...` is the shape of the model's input without its batch.

        Raises
        ------
        ModelError
            The shapes differ, or the interpreter fails.
        """
        signature = self.signature
        if not signature.quantized_input:
            return self.run(x.astype(signature.input_dtype, copy=False))
        scale, zero_point = signature.input_scale, signature.input_zero_point
        # Hours of windows do not fit the memory twice over.
        parts = [x[begin : begin + _AT_ONCE] for begin in range(0, max(1, len(x)), _AT_ONCE)]
        return np.concatenate(
            [self.run(quantize(p, scale, zero_point, signature.input_dtype)) for p in parts]
        )

    def predict_cast(self, x: NDArray[np.float32]) -> NDArray[np.float32]:
        """Scores of floats cast to the input's type without scale or zero point, a common error."""
        with np.errstate(invalid="ignore"):
            # Through int64, values out of range wrap around on every processor.
            cast = x.astype(np.int64).astype(self.signature.input_dtype)
        return self.run(cast)

    def run(self, x: NDArray[Any]) -> NDArray[np.float32]:
        """Scores of inputs that already are in the model's own type."""
        shape = self.signature.input_shape[1:]
        if not fits(x.shape[1:], shape):
            raise ModelError(
                f"The model's input is {list(shape)} and the features are {list(x.shape[1:])}: "
                "choose the frontend that it was trained with."
            )
        x = x.reshape(len(x), *shape)
        outputs = math.prod(self.signature.output_shape) // self.batch
        scores = np.empty((len(x), outputs), self.signature.output_dtype)
        for begin in range(0, len(x), self.batch):
            clips = x[begin : begin + self.batch]
            if len(clips) < self.batch:
                clips = np.concatenate([clips, np.zeros_like(x[: self.batch - len(clips)])])
            batch = self._invoke(clips).reshape(self.batch, outputs)
            scores[begin : begin + self.batch] = batch[: len(x) - begin]
        if self.signature.output_dtype.kind in "iu":
            scale, zero_point = self.signature.output_scale, self.signature.output_zero_point
            return dequantize(scores, scale, zero_point)
        return scores.astype(np.float32, copy=False)


def fits(shape: tuple[int, ...], other: tuple[int, ...]) -> bool:
    """Whether two shapes differ in axes of 1 alone."""
    return [n for n in shape if n != 1] == [n for n in other if n != 1]


def tensor_signature(
    details: dict[str, Any], name: str
) -> tuple[tuple[int, ...], np.dtype[Any], float, int]:
    """Shape, type, scale and zero point of a tensor, from an interpreter's details.

    Raises
    ------
    ModelError
        It holds integers without a quantization.
    """
    dtype, quantization = np.dtype(details["dtype"]), details["quantization_parameters"]
    scale, zero_point = 0.0, 0
    if len(quantization["scales"]) == 1:
        scale, zero_point = float(quantization["scales"][0]), int(quantization["zero_points"][0])
    if dtype.kind in "iu" and not scale > 0:
        raise ModelError(
            f"The tensor {name} holds {dtype} and has no quantization: it cannot be fed."
        )
    return tuple(int(n) for n in details["shape"]), dtype, scale, zero_point
