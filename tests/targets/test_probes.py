"""Inputs cover the range of their type, and the same seed gives the same inputs."""

from __future__ import annotations

import numpy as np
import pytest

from stapes.errors import ModelError
from stapes.targets.probes import inputs, specs
from stapes.tflite.format.tree import Table, Tree
from stapes.tflite.graph import Model


def model(kind, *, low=None, high=None):
    tensor = Table("Tensor", {"shape": np.array([1, 40], np.int32), "type": kind})
    if low is not None:
        tensor.fields["quantization"] = Table(
            "QuantizationParameters",
            {"min": np.array([low], np.float32), "max": np.array([high], np.float32)},
        )
    graph = Table("SubGraph", {"tensors": [tensor], "inputs": np.zeros(1, int)})
    return Model(Tree(b"", Table("Model", {"subgraphs": [graph]}), {}, []))


@pytest.mark.parametrize(
    ("kind", "dtype"), [(9, np.int8), (3, np.uint8), (7, np.int16), (0, np.float32), (6, np.bool_)]
)
def test_they_have_the_models_shape_and_type_and_depend_on_the_seed(kind, dtype):
    first, again, other = (list(inputs(model(kind), 30, seed)) for seed in (1, 1, 2))
    assert specs(model(kind)) == [((1, 40), np.dtype(dtype).str)]
    for [x], [y] in zip(first, again, strict=True):
        assert (x.shape, x.dtype) == ((1, 40), dtype)
        np.testing.assert_array_equal(x, y)
    assert any(not np.array_equal(x, y) for [x], [y] in zip(first, other, strict=True))


@pytest.mark.parametrize(("kind", "dtype"), [(9, np.int8), (3, np.uint8), (7, np.int16)])
def test_integers_cover_the_whole_range_and_narrow_bands(kind, dtype):
    chosen = np.stack([x for [x] in inputs(model(kind), 100, 0)]).astype(np.int64)
    span = np.iinfo(dtype).max - np.iinfo(dtype).min
    assert np.ptp(chosen) > 0.99 * span
    widths = np.ptp(chosen.reshape(100, -1), axis=1)
    assert (widths < 0.3 * span).sum() == 50


def test_floats_have_several_scales_and_cover_the_calibrated_range():
    chosen = np.stack([x for [x] in inputs(model(0, low=5, high=9), 100, 0)]).reshape(100, -1)
    calibrated = chosen[(chosen.min(axis=1) >= 5) & (chosen.max(axis=1) <= 9)]
    assert len(calibrated) == 30
    spreads = chosen.std(axis=1)
    assert spreads.min() < 0.02
    assert spreads.max() > 50


def test_strings_are_refused():
    with pytest.raises(ModelError, match="no numbers"):
        specs(model(5))
