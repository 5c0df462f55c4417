"""A classifier of one input and one output, whichever interpreter runs it."""

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
"""Clips that are quantized at a time; a multiple of every batch."""


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
    """What an interpreter is given floats through: one clip at a time, or a batch of them."""

    signature: Signature
    batch: int = 1

    @abc.abstractmethod
    def _invoke(self, clips: NDArray[Any]) -> NDArray[Any]:
        """The output for a batch [shape=(batch, ...)], both in the model's own types."""

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
        scale, zero_point = signature.input_scale, signature.input_zero_point
        # Hours of windows do not fit the memory twice over.
        parts = [x[begin : begin + _AT_ONCE] for begin in range(0, max(1, len(x)), _AT_ONCE)]
        return np.concatenate(
            [self.run(quantize(p, scale, zero_point, signature.input_dtype)) for p in parts]
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
        outputs = math.prod(self.signature.output_shape) // self.batch
        scores = np.empty((len(x), outputs), self.signature.output_dtype)
        for begin in range(0, len(x), self.batch):
            clips = x[begin : begin + self.batch]
            if len(clips) < self.batch:
                clips = np.concatenate([clips, np.zeros_like(x[: self.batch - len(clips)])])
            given = self._invoke(clips).reshape(self.batch, outputs)
            scores[begin : begin + self.batch] = given[: len(x) - begin]
        if self.signature.output_dtype.kind in "iu":
            scale, zero_point = self.signature.output_scale, self.signature.output_zero_point
            return dequantize(scores, scale, zero_point)
        return scores.astype(np.float32, copy=False)


def fits(shape: tuple[int, ...], wanted: tuple[int, ...]) -> bool:
    """Whether features of a shape can be fed where another is wanted: they differ in axes of 1."""
    return [n for n in shape if n != 1] == [n for n in wanted if n != 1]


def described(
    name: str, shape: tuple[int, ...], dtype: np.dtype[Any], scale: float, zero_point: int
) -> tuple[tuple[int, ...], np.dtype[Any], float, int]:
    """A tensor as `Signature` has it.

    Raises
    ------
    ModelError
        It holds integers, and nothing says what they stand for.
    """
    if dtype.kind in "iu" and not scale > 0:
        raise ModelError(
            f"The tensor {name} holds {dtype} and has no quantization: it cannot be fed."
        )
    return shape, dtype, scale, zero_point
