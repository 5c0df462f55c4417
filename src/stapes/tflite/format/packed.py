"""Unpack constants: integers of 2 and 4 bits, and sparse tensors.

Source: the TensorFlow Lite schema (`SparsityParameters`, after TACO: Kjolstad et al. 2017) and
LiteRT's packing of small integers, the lowest bits of a byte first.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stapes.errors import ModelError
from stapes.tflite.format.tree import Table

_DENSE = 0  # DimensionType of the schema; the other is SPARSE_CSR.
_LARGEST = 1 << 24  # Elements: far more than a layer of a wake word model has.
_TOO_LARGE = "A sparse tensor is larger than any model here."


def unpack(data: NDArray[np.uint8], count: int, bits: int) -> NDArray[np.int8]:
    """The first `count` signed integers of 2 or 4 bits [shape=(count,)]."""
    parts = np.stack([data << shift for shift in range(8 - bits, -1, -bits)], axis=1)
    return parts.ravel()[:count].view(np.int8) >> (8 - bits)


def densify(values: NDArray[Any], shape: list[int], sparsity: Table) -> NDArray[Any]:
    """A sparse constant with its zeros, from a file that `read.verify` accepts.

    Parameters
    ----------
    values : np.ndarray [shape=(stored,)]
    shape : list of int
        Of the whole tensor.
    sparsity : Table of SparsityParameters
        Dimensions in the order of storage, dense or compressed (CSR). Those beyond the tensor's
        own are the inner dimensions of blocks.

    Raises
    ------
    ModelError
        It is too large, or there are more values than the encoding has places.
    """
    order = [int(axis) for axis in sparsity.items("traversal_order")]
    blocked = [int(axis) for axis in sparsity.items("block_map")]
    levels = sparsity.items("dim_metadata")
    if math.prod(shape) > _LARGEST:
        raise ModelError(_TOO_LARGE)
    places = _places(levels, len(values))
    block = dict(zip(blocked, range(len(shape), len(order)), strict=True))
    sizes = {axis: int(levels[level]["dense_size"]) for level, axis in enumerate(order)}
    by_axis = {axis: places[:, level] for level, axis in enumerate(order)}
    index = [by_axis[axis] for axis in range(len(shape))]
    for axis, inner in block.items():
        index[axis] = index[axis] * sizes[inner] + by_axis[inner]
    dense = np.zeros(shape, values.dtype)
    dense[tuple(index)] = values
    return dense


def _places(levels: list[Table], stored: int) -> NDArray[np.int64]:
    """The index of each stored value [shape=(values, levels)]."""
    places = np.zeros((1, 0), np.int64)
    parents = np.zeros(1, np.int64)
    for level in levels:
        if level["format"] == _DENSE:
            size = int(level["dense_size"])
            if len(parents) * size > _LARGEST:
                raise ModelError(_TOO_LARGE)
            counts = np.full(len(parents), size)
            inside = np.tile(np.arange(size), len(parents))
            parents = (parents[:, None] * size + np.arange(size)).ravel()
        else:
            segments = np.asarray(level["array_segments"]["values"], np.int64)
            indices = np.asarray(level["array_indices"]["values"], np.int64)
            counts = segments[parents + 1] - segments[parents]
            parents = np.concatenate(
                [np.arange(segments[p], segments[p + 1]) for p in parents] or [np.zeros(0, int)]
            )
            inside = indices[parents]
        places = np.concatenate([np.repeat(places, counts, axis=0), inside[:, None]], axis=1)
    if len(places) != stored:
        raise ModelError("A sparse tensor has another number of values than places.")
    return places
