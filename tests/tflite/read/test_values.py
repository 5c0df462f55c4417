"""Constants of every type are read as they were written."""

from __future__ import annotations

import numpy as np
import pytest
from tests.tflite.models_by_hand import TYPE, model, tensor

from stapes.errors import ModelError
from stapes.tflite.read.values import values
from stapes.tflite.read.verify import verify


def only(data, shape, kind):
    entry, _ = tensor(shape, kind=kind)
    return values(verify(model([(entry, np.asarray(data))], [])).graphs[0].tensor(0))


@pytest.mark.parametrize(
    "dtype",
    ["float16", "float32", "float64", "int8", "int16", "int32", "int64", "uint8", "uint16",
     "uint32", "uint64"],
)  # fmt: skip
def test_a_numpy_type(dtype):
    written = np.array([[1, 2, 3], [100, 0, 7]], dtype)
    numbers = only(written, (2, 3), getattr(TYPE, dtype.upper()))
    assert numbers.dtype == dtype
    np.testing.assert_array_equal(numbers, written)


@pytest.mark.parametrize(
    ("kind", "data", "expected"),
    [
        ("INT4", [0x7F, 0x08], [-1, 7, -8]),
        ("UINT4", [0x7F, 0x08], [15, 7, 8]),
        ("INT2", [0b11_10_01_00], [0, 1, -2]),
        ("BOOL", [0, 1, 2], [False, True, True]),
        ("BFLOAT16", [0x80, 0x3F, 0, 0xC0, 0, 0], [1.0, -2.0, 0.0]),
    ],
)
def test_a_type_that_numpy_lacks(kind, data, expected):
    numbers = only(np.array(data, np.uint8), (3,), getattr(TYPE, kind))
    assert numbers.tolist() == expected


@pytest.mark.parametrize("kind", ["STRING", "COMPLEX64", "RESOURCE", "FLOAT8_E5M2"])
def test_other_types_have_no_values(kind):
    assert only(np.zeros(8, np.uint8), (1,), getattr(TYPE, kind)) is None


def test_a_scalar_may_lack_its_shape():
    entry, data = tensor((), values=np.array(5, np.int32))
    entry.shape = None
    assert values(verify(model([(entry, data)], [])).graphs[0].tensor(0)) == 5


def test_a_buffer_longer_than_its_shape_is_refused():
    with pytest.raises(ModelError, match="3 values are no"):
        only(np.zeros(3, np.float32), (2,), TYPE.FLOAT32)
