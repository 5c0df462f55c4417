"""A classifier takes the same inputs in every interpreter."""

from __future__ import annotations

import importlib.util

import numpy as np
import pytest

from stapes.errors import ModelError
from stapes.targets.classifier import fits
from stapes.targets.litert import LiteRT
from stapes.targets.tflm import TFLMClassifier
from stapes.tflite.edit.write import write
from stapes.tflite.read.verify import verify

needs_tflm = pytest.mark.skipif(
    importlib.util.find_spec("tflite_micro") is None, reason="needs the extra `micro`"
)
X = np.random.default_rng(0).normal(0, 60, (20, 30)).astype(np.float32)


@pytest.fixture
def model(dense_model):
    weights = np.random.default_rng(1).integers(-127, 128, (3, 30)).astype(np.int8)
    return dense_model(weights, scales=3)


@needs_tflm
def test_tflite_micro_gives_the_scores_of_litert(model):
    litert, micro = LiteRT(model), TFLMClassifier(model)
    assert micro.signature == litert.signature
    scores = litert.predict(X)
    np.testing.assert_array_equal(micro.predict(X), scores)
    np.testing.assert_array_equal(micro.predict(X.reshape(20, 30, 1)), scores)
    np.testing.assert_array_equal(micro.predict_cast(X), litert.predict_cast(X))
    assert len(np.unique(scores)) > 10


@needs_tflm
def test_features_of_another_shape_are_refused(model):
    with pytest.raises(ModelError, match=r"input is \[30\] and the features are \[29\]"):
        TFLMClassifier(model).predict(X[:, 1:])


@needs_tflm
def test_tflite_micro_takes_one_clip_at_a_time(model):
    root = verify(model).table
    for tensor, size in zip(root["subgraphs"][0]["tensors"], (30, None, 3), strict=True):
        if size:
            tensor.fields["shape"] = np.array([2, size], np.int32)
    with pytest.raises(ModelError, match="one clip"):
        TFLMClassifier(write(root))


def test_shapes_that_differ_in_axes_of_one_fit():
    assert fits((5, 3, 1), (5, 3))
    assert not fits((5, 3), (3, 5))
