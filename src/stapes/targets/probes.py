"""Seeded inputs that tell two models apart, in the model's own types."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stapes.errors import ModelError
from stapes.tflite.graph import DTYPES, Model, Tensor
from stapes.tflite.read import signatures

_RUN = 10
"""Similar inputs in a row, so that a streaming model's state adapts to them."""

_FLOAT_SCALES = (1.0, 0.01, 0.1, 10.0, 100.0)
_INDEX_END = 8
"""Wide integers are usually indices, and an index beyond its table is refused."""


def specs(model: Model, key: str | None = None) -> list[tuple[tuple[int, ...], str]]:
    """Shape and type of each input of the first subgraph, or of a signature.

    Raises
    ------
    ModelError
        An input holds no numbers.
    """
    return [(tuple(tensor.shape), DTYPES[tensor.type].str) for tensor in _inputs(model, key)]


def inputs(
    model: Model,
    count: int,
    seed: int,
    key: str | None = None,
    shapes: list[tuple[int, ...]] | None = None,
) -> Iterator[list[NDArray[Any]]]:
    """`count` sets of one array for each input, one at a time: a set may have 1 GiB.

    The inputs are those of the first subgraph, or of a signature, in the order of their names.
    They have the given shapes, or those of the file.

    Integers are uniform over their whole range, then over narrow bands of it. Floats are normal
    with several widths, and uniform over the range of the calibration if the file has it.
    """
    rng = np.random.default_rng(seed)
    tensors = _inputs(model, key)
    sizes = shapes or [tuple(tensor.shape) for tensor in tensors]
    for number in range(count):
        pairs = zip(tensors, sizes, strict=True)
        yield [_draw(rng, tensor, shape, number // _RUN) for tensor, shape in pairs]


def _draw(
    rng: np.random.Generator, tensor: Tensor, shape: tuple[int, ...], run: int
) -> NDArray[Any]:
    dtype = DTYPES[tensor.type]
    if dtype.kind == "b":
        return rng.integers(0, 2, shape, np.uint8).astype(dtype)
    if dtype.kind == "f":
        low, high = _calibrated(tensor)
        if low < high and run % 3 == 2:
            return (low + (high - low) * rng.random(shape, np.float32)).astype(dtype)
        scale = np.float32(_FLOAT_SCALES[run % len(_FLOAT_SCALES)])
        return (scale * rng.standard_normal(shape, np.float32)).astype(dtype)
    if dtype.itemsize >= 4:
        return rng.integers(0, _INDEX_END, shape, np.int32).astype(dtype)
    limits = np.iinfo(dtype)
    low, high = int(limits.min), int(limits.max)
    if run % 2:
        # A quarter of the range: features of one clip are similar.
        width = (high - low) // 4
        low = low + run // 2 * width // 2 % (high - low - width)
        high = low + width
    return rng.integers(low, high, shape, dtype.type, endpoint=True).astype(dtype, copy=False)


def _calibrated(tensor: Tensor) -> tuple[float, float]:
    low, high = tensor.quantization.range or (0.0, 0.0)
    return (low, high) if np.isfinite(low) and np.isfinite(high) else (0.0, 0.0)


def _inputs(model: Model, key: str | None) -> list[Tensor]:
    tensors = list(signatures.inputs(model, key).values())
    if any(tensor.type not in DTYPES for tensor in tensors):
        raise ModelError("The model cannot be compared: its inputs are no numbers.")
    return tensors
