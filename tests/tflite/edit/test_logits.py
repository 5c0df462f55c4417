"""The range of a detector's logits: the same scores inside it, and saturation beyond."""

from __future__ import annotations

import numpy as np
import pytest
from tests.tflite.windows import Layer, window_model

from stapes.errors import ModelError
from stapes.targets.litert import LiteRT
from stapes.tflite.edit.logits import with_logit_range, with_logits_moved
from stapes.tflite.read.verify import verify

SMALL = [Layer(6), Layer(None, 5, 3), Layer(6), Layer(None, 4), Layer(6)]


def logits(content):
    """The tensor that the LOGISTIC op reads."""
    [op] = [op for op in verify(content).graphs[0].operators if op.name == "LOGISTIC"]
    tensor = op.input(0)
    assert tensor is not None
    return tensor


def test_the_range_is_that_of_the_tensor():
    tensor = logits(with_logit_range(window_model(SMALL), -7.0, 5.0))
    [scale], [zero_point] = tensor.quantization.scales, tensor.quantization.zero_points
    assert scale * (-128 - zero_point) == pytest.approx(-7.0, abs=float(scale))
    assert scale * (127 - zero_point) == pytest.approx(5.0, abs=float(scale))


def test_a_wide_and_a_narrow_range_agree_inside_the_narrow_one():
    content = window_model(SMALL)
    wide, narrow = (with_logit_range(content, -end, end) for end in (40.0, 4.0))
    shape = LiteRT(content).signature.input_shape
    x = np.random.default_rng(0).normal(0, 3, (300, *shape[1:])).astype(np.float32)
    scores = [LiteRT(model).predict(x)[:, 0] for model in (wide, narrow)]
    inside = (scores[0] > 0.05) & (scores[0] < 0.95)
    assert inside.any()
    # A step of the wide range is 80 / 255 of a logit: at most 0.08 of a score.
    assert np.abs(scores[0] - scores[1])[inside].max() < 0.08
    assert scores[1].max() <= 1 / (1 + np.exp(-4.0)) + 0.01


@pytest.mark.parametrize("change", [-1.5, 0.7])
def test_moved_logits_are_the_logits_and_the_change(change):
    content = with_logit_range(window_model(SMALL), -20.0, 20.0)
    shape = LiteRT(content).signature.input_shape
    x = np.random.default_rng(0).normal(0, 3, (300, *shape[1:])).astype(np.float32)
    scores = [LiteRT(m).predict(x)[:, 0] for m in (content, with_logits_moved(content, change))]
    inside = np.all([(score > 0.1) & (score < 0.9) for score in scores], axis=0)
    assert inside.sum() > 10
    before, after = (np.log(score[inside] / (1 - score[inside])) for score in scores)
    # A step of the logits is 40 / 255; a step of the score, 1 / 256, is at most 0.05 of a logit.
    assert after - before == pytest.approx(change, abs=0.16 + 0.05)


def test_logits_of_a_float_model_stay():
    content = window_model(SMALL, kind="float32")
    assert with_logits_moved(content, 1.0) == content


def test_a_range_without_zero_is_refused():
    with pytest.raises(ValueError, match="does not hold 0"):
        with_logit_range(window_model(SMALL), 1.0, 2.0)


def test_a_model_without_a_logistic_is_refused(dense_model):
    with pytest.raises(ModelError, match="has 0 LOGISTIC ops"):
        with_logit_range(dense_model(np.ones((2, 41), np.int8)), -1.0, 1.0)
