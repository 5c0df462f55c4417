"""The numbers that a constant of a .tflite holds, whatever their type."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema
from numpy.typing import NDArray

from stapes.errors import ModelError
from stapes.tflite.format.packed import densify, unpack_int4
from stapes.tflite.format.tree import Table, Tree
from stapes.tflite.read.verify import stored

_Type = schema.TensorType

TYPE_NAMES: dict[int, str] = {
    value: name for name, value in vars(_Type).items() if not name.startswith("_")
}
"""Of TensorType."""

_DTYPES: dict[int, np.dtype[Any]] = {
    _Type.FLOAT16: np.dtype("<f2"),
    _Type.FLOAT32: np.dtype("<f4"),
    _Type.FLOAT64: np.dtype("<f8"),
    _Type.INT8: np.dtype("i1"),
    _Type.INT16: np.dtype("<i2"),
    _Type.INT32: np.dtype("<i4"),
    _Type.INT64: np.dtype("<i8"),
    _Type.UINT8: np.dtype("u1"),
    _Type.UINT16: np.dtype("<u2"),
    _Type.UINT32: np.dtype("<u4"),
    _Type.UINT64: np.dtype("<u8"),
}


def values(tree: Tree, tensor: Table) -> NDArray[Any] | None:
    """What a constant holds, as it is stored: integers are not scaled.

    Parameters
    ----------
    tree : Tree
        The file, from `verify`.
    tensor : Table of Tensor
        Without a shape it is a scalar.

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
    data = stored(tree, tree.root["buffers"][tensor["buffer"]])
    shape = [int(size) for size in tensor.items("shape")]
    if not len(data):
        return None
    found = _unshaped(data, tensor["type"], math.prod(shape))
    if found is None:
        return None
    if tensor["sparsity"] is not None:
        dense: NDArray[Any] = densify(found, shape, tensor["sparsity"])
        return dense
    if found.size != math.prod(shape):
        raise ModelError(f"The .tflite is broken: {found.size} values are no {shape}.")
    return found.reshape(shape)


def _unshaped(data: NDArray[np.uint8], kind: int, count: int) -> NDArray[Any] | None:
    if kind == _Type.INT4:
        return unpack_int4(data, count)
    if kind == _Type.UINT4:
        return np.stack([data & 0x0F, data >> 4], axis=1).ravel()[:count]
    if kind == _Type.INT2:
        quarters = np.stack([data >> shift & 3 for shift in (0, 2, 4, 6)], axis=1).ravel()[:count]
        return np.where(quarters > 1, quarters.astype(np.int8) - 4, quarters).astype(np.int8)
    if kind == _Type.BOOL:
        # Any byte but zero is true.
        truth: NDArray[Any] = data != 0
        return truth
    if kind == _Type.BFLOAT16 and len(data) % 2 == 0:
        widened: NDArray[Any] = (data.view("<u2").astype(np.uint32) << 16).view(np.float32)
        return widened
    dtype = _DTYPES.get(kind)
    if dtype is None:
        return None
    if len(data) % dtype.itemsize:
        raise ModelError("The .tflite is broken: a buffer does not hold whole numbers.")
    # A view of other widths wants bytes that are contiguous, which those of a file are.
    found: NDArray[Any] = data.view(dtype)
    return found
