"""The numbers that a constant of a .tflite holds, whatever their type."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from stapes.errors import ModelError
from stapes.tflite.format.packed import densify, unpack_int4
from stapes.tflite.graph import DTYPES, Tensor


def values(tensor: Tensor) -> NDArray[Any] | None:
    """What a constant holds, as it is stored: integers are not scaled.

    Parameters
    ----------
    tensor : Tensor
        Of a file that `verify` has read. Without a shape it is a scalar.

    Returns
    -------
    values : np.ndarray [shape=the tensor's] or None
        None if the tensor is computed, or its type is none of numbers (strings, resources), complex
        or of 8-bit floats. BFLOAT16 comes as float32, a sparse constant with its zeros.

    Raises
    ------
    ModelError
        The buffer does not hold as many values as the shape says.
    """
    data, count = tensor.data, tensor.elements
    if not len(data):
        return None
    flat = _unshaped(data, tensor.type, count)
    if flat is None:
        return None
    if tensor.table["sparsity"] is not None:
        return densify(flat, tensor.shape, tensor.table["sparsity"])
    if flat.size != count:
        raise ModelError(f"The .tflite is broken: {flat.size} values are no {tensor.shape}.")
    return flat.reshape(tensor.shape)


def _unshaped(data: NDArray[np.uint8], kind: str, count: int) -> NDArray[Any] | None:
    if kind == "INT4":
        return unpack_int4(data, count)
    if kind == "UINT4":
        return np.stack([data & 0x0F, data >> 4], axis=1).ravel()[:count]
    if kind == "INT2":
        quarters = np.stack([data >> shift & 3 for shift in (0, 2, 4, 6)], axis=1).ravel()[:count]
        return np.where(quarters > 1, quarters.astype(np.int8) - 4, quarters).astype(np.int8)
    if kind == "BOOL":
        # Any byte but zero is true.
        return np.not_equal(data, 0)
    if kind == "BFLOAT16" and len(data) % 2 == 0:
        return (data.view("<u2").astype(np.uint32) << 16).view(np.float32)
    dtype = DTYPES.get(kind)
    if dtype is None:
        return None
    if len(data) % dtype.itemsize:
        raise ModelError("The .tflite is broken: a buffer does not hold whole numbers.")
    # A view of other widths wants bytes that are contiguous, which those of a file are.
    return data.view(dtype)
