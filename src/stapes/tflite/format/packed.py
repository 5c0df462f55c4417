"""Constants that a .tflite stores packed: 4-bit integers and sparse tensors.

Source: the TensorFlow Lite schema (`SparsityParameters`, after TACO: Kjolstad et al. 2017) and
LiteRT's packing of INT4, two values a byte, the lower half first.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stapes.errors import ModelError
from stapes.tflite.format.tree import Table

_DENSE = 0  # DimensionType of the schema; the other is SPARSE_CSR.

# Far more weights than a layer of any model here, and still few enough to be held.
_LARGEST = 1 << 24
_TOO_LARGE = "A sparse tensor is larger than any model here."


def unpack_int4(data: NDArray[np.uint8], count: int) -> NDArray[np.int8]:
    """`count` signed 4-bit integers from bytes of two."""
    halves = np.stack([data & 0x0F, data >> 4], axis=1).ravel()[:count].astype(np.int8)
    return np.where(halves > 7, halves - 16, halves).astype(np.int8)


def densify(values: NDArray[Any], shape: list[int], sparsity: Table) -> NDArray[Any]:
    """A sparse constant with its zeros.

    Parameters
    ----------
    values : np.ndarray [shape=(stored,)]
    shape : list of int
        Of the whole tensor.
    sparsity : Table of SparsityParameters
        Dimensions in the order they are walked, each dense or compressed (CSR); those beyond the
        tensor's own are the inner dimensions of blocks.

    Raises
    ------
    ModelError
        The encoding does not fit the shape.
    """
    order = [int(axis) for axis in sparsity.items("traversal_order")]
    blocked = [int(axis) for axis in sparsity.items("block_map")]
    levels = sparsity.items("dim_metadata")
    if sorted(order) != list(range(len(shape) + len(blocked))) or len(levels) != len(order):
        raise ModelError("A sparse tensor's dimensions do not fit its shape.")
    if math.prod(shape) > _LARGEST:
        raise ModelError(_TOO_LARGE)
    places = _places(levels, len(values))
    block = dict(zip(blocked, range(len(shape), len(order)), strict=True))
    sizes = {axis: int(levels[level]["dense_size"]) for level, axis in enumerate(order)}
    index = []
    by_axis = {axis: places[:, level] for level, axis in enumerate(order)}
    for axis in range(len(shape)):
        inner = block.get(axis)
        whole = by_axis[axis] if inner is None else by_axis[axis] * sizes[inner] + by_axis[inner]
        index.append(whole)
    if any(np.any((part < 0) | (part >= n)) for part, n in zip(index, shape, strict=True)):
        raise ModelError("A sparse tensor points outside its shape.")
    dense = np.zeros(shape, values.dtype)
    dense[tuple(index)] = values
    return dense


def _places(levels: list[Table], stored: int) -> NDArray[np.int64]:
    """Where each stored value is: one row a value, one column a level."""
    places = np.zeros((1, 0), np.int64)
    parents = np.zeros(1, np.int64)
    for level in levels:
        if level["format"] == _DENSE:
            size = int(level["dense_size"])
            if size < 0:
                raise ModelError("A sparse tensor has a dimension of negative size.")
            if len(parents) * size > _LARGEST:
                raise ModelError(_TOO_LARGE)
            counts = np.full(len(parents), size)
            inside = np.tile(np.arange(size), len(parents))
            parents = (parents[:, None] * size + np.arange(size)).ravel()
        else:
            segments = np.asarray(level["array_segments"]["values"], np.int64)
            indices = np.asarray(level["array_indices"]["values"], np.int64)
            # They rise from 0, so that none reaches beyond the indices.
            if (
                parents.max(initial=-1) + 1 >= len(segments)
                or [segments[0], segments[-1]] != [0, len(indices)]
                or np.any(np.diff(segments) < 0)
            ):
                raise ModelError("A sparse tensor's segments do not fit its indices.")
            counts = segments[parents + 1] - segments[parents]
            parents = np.concatenate(
                [np.arange(segments[p], segments[p + 1]) for p in parents] or [np.zeros(0, int)]
            )
            inside = indices[parents]
        places = np.concatenate([np.repeat(places, counts, axis=0), inside[:, None]], axis=1)
    if len(places) != stored:
        raise ModelError("A sparse tensor holds another number of values than it says.")
    return places
