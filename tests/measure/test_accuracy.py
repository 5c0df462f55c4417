"""Each decision is counted once, in the right class."""

from __future__ import annotations

import doctest

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from stapes.measure import accuracy as module
from stapes.measure.accuracy import Accuracy, accuracy, decide
from stapes.measure.intervals import wilson


@st.composite
def scored(draw):
    n = draw(st.integers(0, 40))
    outputs = draw(st.integers(1, 5))
    scores = draw(hnp.arrays(np.float32, (n, outputs), elements=st.floats(0, 1, width=16)))
    y = draw(hnp.arrays(np.uint8, n, elements=st.integers(0, 1)))
    return scores, y, draw(st.integers(0, max(0, outputs - 1)))


def column(*values):
    return np.array(values, np.float32)[:, None]


def test_a_sigmoid_decides_above_one_half():
    decisions = decide(column(0.0, 0.49, 0.5, np.nextafter(np.float32(0.5), np.float32(1)), 1.0))
    assert decisions.tolist() == [False, False, False, True, True]


def test_a_sigmoid_needs_no_positive_output():
    assert decide(column(0.9), positive=1).tolist() == [True]
    assert decide(column(0.9), positive=0).tolist() == [True]


def test_two_outputs_decide_for_the_larger():
    scores = np.array([[0.9, 0.1], [0.4, 0.6], [-3.0, -2.0]])
    assert decide(scores).tolist() == [False, True, True]
    assert decide(scores, positive=0).tolist() == [True, False, False]


def test_the_first_of_equal_outputs_wins():
    even = np.full((1, 3), 1 / 3)
    assert [decide(even, positive).item() for positive in range(3)] == [True, False, False]


def test_more_outputs_decide_for_the_word_only_if_it_is_the_largest():
    scores = np.array([[0.1, 0.2, 0.7], [0.1, 0.5, 0.4], [0.6, 0.3, 0.1]])
    assert decide(scores, positive=2).tolist() == [True, False, False]
    assert decide(scores, positive=1).tolist() == [False, True, False]


def test_quantized_scores_decide_as_their_real_numbers():
    raw = np.array([[3, 253], [200, 56]], np.uint8)
    assert decide(raw.astype(np.float32) / 256, positive=1).tolist() == [True, False]


@pytest.mark.parametrize("shape", [(), (4,), (4, 0), (4, 2, 1)])
def test_scores_of_another_shape_are_refused(shape):
    with pytest.raises(ValueError, match="scores must be"):
        decide(np.zeros(shape))


@pytest.mark.parametrize("positive", [-1, 2, 12])
def test_an_output_that_the_model_lacks_is_refused(positive):
    with pytest.raises(ValueError, match="2 outputs"):
        decide(np.zeros((4, 2)), positive)


def test_each_decision_is_counted_in_its_cell():
    scores = column(0.9, 0.8, 0.7, 0.1, 0.2, 0.9, 0.3, 0.3, 0.3, 0.3)
    y = np.array([1, 1, 1, 1, 1, 0, 0, 0, 0, 0], np.uint8)
    result = accuracy(scores, y)
    assert result == Accuracy(
        n=10, true_positives=3, false_negatives=2, false_positives=1, true_negatives=4
    )
    assert result.correct == 7
    assert result.value == 0.7
    assert result.ci95 == wilson(7, 10)


def test_the_word_may_be_another_output():
    scores = np.eye(3)
    assert accuracy(scores, np.array([0, 0, 1]), positive=2).value == 1.0
    assert accuracy(scores, np.array([1, 0, 0]), positive=2).correct == 1


def test_no_clips_no_accuracy():
    result = accuracy(np.zeros((0, 2)), np.zeros(0, np.uint8))
    assert result.n == 0
    assert result.value is None
    assert result.ci95 == (0.0, 1.0)


@pytest.mark.parametrize("shape", [(3,), (5,), (0,), (4, 1), (1, 4), ()])
def test_labels_that_are_not_one_a_row_are_refused(shape):
    with pytest.raises(ValueError, match="labels"):
        accuracy(np.zeros((4, 2)), np.zeros(shape, np.uint8))


def test_scores_without_rows_are_refused_before_they_are_counted():
    with pytest.raises(ValueError, match="scores must be"):
        accuracy(np.array(0.5), np.array([1]))


@given(scored())
@settings(max_examples=100, deadline=None)
def test_the_confusion_sums_to_n_and_keeps_the_classes(case):
    scores, y, positive = case
    result = accuracy(scores, y, positive)
    assert result.true_positives + result.false_negatives == int(y.sum())
    assert result.false_positives + result.true_negatives == int((y == 0).sum())
    assert result.n == len(y)
    assert result.correct <= result.n


@given(scored())
@settings(max_examples=60, deadline=None)
def test_the_confusion_is_that_of_scikit_learn(case):
    metrics = pytest.importorskip("sklearn.metrics")
    scores, y, positive = case
    if len(y) == 0:
        return
    result = accuracy(scores, y, positive)
    decisions = decide(scores, positive).astype(int)
    expected = metrics.confusion_matrix(y, decisions, labels=[0, 1])
    got = [
        [result.true_negatives, result.false_positives],
        [result.false_negatives, result.true_positives],
    ]
    assert got == expected.tolist()
    assert result.value == pytest.approx(metrics.accuracy_score(y, decisions))


@given(scored())
@settings(max_examples=50, deadline=None)
def test_the_order_of_clips_does_not_matter(case):
    scores, y, positive = case
    assert accuracy(scores[::-1], y[::-1], positive) == accuracy(scores, y, positive)


def test_examples():
    assert doctest.testmod(module).failed == 0
