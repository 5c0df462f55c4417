"""Labels: the truth, mixed with a teacher or smoothed, for one output and for several."""

from __future__ import annotations

import doctest
import importlib.util

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stapes.models import labels
from stapes.models.labels import hard_labels, smoothed, softened

Y = np.array([1, 0, 1], np.uint8)


@pytest.mark.parametrize(
    ("outputs", "amount", "expected"),
    [
        (2, 0.1, [[0.05, 0.95], [0.95, 0.05], [0.05, 0.95]]),
        (1, 0.1, [[0.95], [0.05], [0.95]]),
        (4, 0.4, [[0.1, 0.7, 0.1, 0.1], [0.3, 0.1, 0.3, 0.3], [0.1, 0.7, 0.1, 0.1]]),
    ],
)
def test_smoothing_spreads_a_part_evenly(outputs, amount, expected):
    soft = smoothed(hard_labels(Y, outputs), amount)
    np.testing.assert_allclose(soft, expected, atol=1e-6)
    assert soft.dtype == np.float32


def test_no_smoothing_gives_the_labels_themselves():
    hard = hard_labels(Y, 2)
    assert smoothed(hard, 0.0) is hard


@given(st.floats(0, 0.99), st.integers(1, 5))
def test_smoothed_labels_are_distributions_that_keep_the_truth(amount, outputs):
    soft = smoothed(hard_labels(Y, outputs), amount)
    if outputs == 1:
        np.testing.assert_array_equal(soft[:, 0] > 0.5, Y == 1)
        return
    np.testing.assert_allclose(soft.sum(axis=1), 1, atol=1e-5)
    np.testing.assert_array_equal(soft.argmax(axis=1) == 1, Y == 1)


@pytest.mark.skipif(importlib.util.find_spec("tf_keras") is None, reason="needs the extra `train`")
@pytest.mark.parametrize("outputs", [1, 2, 3])
def test_the_loss_on_smoothed_labels_is_that_of_keras(outputs):
    from stapes.models.backend import keras
    from stapes.models.training import crossentropy

    losses = keras().losses
    theirs = losses.BinaryCrossentropy if outputs == 1 else losses.CategoricalCrossentropy
    scores = np.random.default_rng(0).dirichlet(np.ones(max(2, outputs)), 3)[:, :outputs]
    hard, scores = hard_labels(Y, outputs), scores.astype(np.float32)
    ours = losses.get(crossentropy(outputs))(smoothed(hard, 0.2), scores)
    assert float(np.mean(ours)) == pytest.approx(float(theirs(label_smoothing=0.2)(hard, scores)))


def test_other_classes_have_equal_labels_without_a_teacher():
    np.testing.assert_allclose(
        hard_labels(Y[:2], 3, positive=2), [[0.0, 0.0, 1.0], [0.5, 0.5, 0.0]]
    )


@pytest.mark.parametrize("shape", [(2, 2), (3, 1), (3, 3)])
def test_a_teacher_of_other_clips_or_outputs_is_refused(shape):
    with pytest.raises(ValueError, match="teacher's scores"):
        softened(Y, 2, np.full(shape, 0.5, np.float32), share=0.5)


def test_examples_run():
    assert doctest.testmod(labels).failed == 0
