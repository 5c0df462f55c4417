"""The numbers of a constant of a .tflite, of any type."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from stapes.errors import ModelError
from stapes.tflite.format.packed import densify, unpack
from stapes.tflite.graph import DTYPES, Tensor


def values(tensor: Tensor) -> NDArray[Any] | None:
    """The values of a constant as they are stored: integers are not scaled.

    Parameters
    ----------
    tensor : Tensor
        Of a file that `verify` accepts. Without a shape it is a scalar.

    Returns
    -------
    values : np.ndarray [shape=the tensor's] or None
        None if the tensor is computed, or if its type is no number, complex or an 8-bit float.
        BFLOAT16 comes as float32, a sparse constant with its zeros.

    Raises
    ------
    ModelError
        The buffer holds another number of values than the shape has elements.
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
    if kind in ("INT2", "INT4"):
        return unpack(data, count, int(kind[-1]))
    if kind == "UINT4":
        return unpack(data, count, 4).view(np.uint8) & 15
    if kind == "BOOL":
        return np.not_equal(data, 0)
    if kind == "BFLOAT16" and len(data) % 2 == 0:
        return (data.view("<u2").astype(np.uint32) << 16).view(np.float32)
    dtype = DTYPES.get(kind)
    if dtype is None:
        return None
    if len(data) % dtype.itemsize:
        raise ModelError("The .tflite is broken: a buffer does not hold whole numbers.")
    return data.view(dtype)
