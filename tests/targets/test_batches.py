"""Batches give the same bits as single windows."""

from __future__ import annotations

import numpy as np
import pytest

from stapes.targets import batches
from stapes.targets.batches import score
from stapes.targets.litert import LiteRT


@pytest.fixture
def model(dense_model):
    weights = np.random.default_rng(0).integers(-127, 128, (2, 12)).astype(np.int8)
    return dense_model(weights)


def clips(n):
    return np.random.default_rng(1).normal(0, 40, (n, 12)).astype(np.float32)


@pytest.mark.parametrize("n", [0, 1, 7, 8, 9, 30])
def test_equals_one_by_one(model, n):
    x = clips(n)
    scores = score(model, x)
    assert scores.shape == (n, 2)
    np.testing.assert_array_equal(scores, LiteRT(model).predict(x))


def test_a_batch_that_gives_other_bits_is_not_used(model, monkeypatch):
    class Off(LiteRT):
        def predict(self, x):
            return super().predict(x) + (self.batch > 1)

    monkeypatch.setattr(batches, "LiteRT", Off)
    np.testing.assert_array_equal(score(model, clips(20)), LiteRT(model).predict(clips(20)))


def test_published_models_are_scored_in_batches_too(models):
    content = (models / "mlperf_tiny_kws.tflite").read_bytes()
    x = np.random.default_rng(0).normal(0, 30, (20, 49, 10, 1)).astype(np.float32)
    np.testing.assert_array_equal(score(content, x), LiteRT(content).predict(x))


def test_what_litert_refuses_runs_in_tflite_micro(model):
    pytest.importorskip("tflite_micro", reason="the extra `micro` is not installed")
    from stapes.targets import tflm

    seen = []

    class Refusing(LiteRT):
        def __init__(self, content, batch=1):
            from stapes.errors import ModelError

            seen.append(batch)
            raise ModelError("LiteRT refuses the model: no.")

    patch = pytest.MonkeyPatch()
    with patch.context() as context:
        context.setattr(batches, "LiteRT", Refusing)
        scores = score(model, clips(5))
    assert seen == [1]
    np.testing.assert_array_equal(scores, tflm.TFLMClassifier(model).predict(clips(5)))
