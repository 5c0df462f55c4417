"""AUC equals scikit-learn's; the equal error rate is where the curves cross."""

from __future__ import annotations

import doctest

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stapes.measure import roc
from stapes.measure.roc import auc, eer, frr_at

# Few different scores, so that many are equal.
scored = st.lists(st.tuples(st.integers(0, 8), st.booleans()), min_size=2, max_size=60)


def arrays(pairs):
    return np.array([s for s, _ in pairs]) / 8, np.array([int(y) for _, y in pairs])


@given(scored)
@settings(deadline=None)
def test_auc_equals_scikit_learn(pairs):
    metrics = pytest.importorskip("sklearn.metrics")
    scores, y = arrays(pairs)
    if 0 < y.sum() < len(y):
        assert auc(scores, y) == pytest.approx(metrics.roc_auc_score(y, scores))
    else:
        assert auc(scores, y) is None
        assert eer(scores, y) is None


@given(scored)
def test_eer_is_between_the_errors_of_the_thresholds_around_it(pairs):
    scores, y = arrays(pairs)
    rate = eer(scores, y)
    if rate is None:
        return
    words, others = scores[y == 1], scores[y == 0]
    errors = [((words < t).mean(), (others >= t).mean()) for t in [*np.unique(scores), np.inf]]
    assert max(min(pair) for pair in errors) <= rate + 1e-12
    assert rate <= min(max(pair) for pair in errors) + 1e-12


@pytest.mark.parametrize(
    ("words", "others", "expected_auc", "expected_eer"),
    [
        ([0.8, 0.9], [0.1, 0.2], 1.0, 0.0),
        ([0.1, 0.2], [0.8, 0.9], 0.0, 1.0),
        ([0.5, 0.5], [0.5, 0.5], 0.5, 0.5),
        ([0.4, 0.6, 0.7, 0.8], [0.1, 0.2, 0.3, 0.5], 15 / 16, 0.25),
    ],
)
def test_known_answers(words, others, expected_auc, expected_eer):
    scores = np.array([*words, *others])
    y = np.array([1] * len(words) + [0] * len(others))
    assert auc(scores, y) == pytest.approx(expected_auc)
    assert eer(scores, y) == pytest.approx(expected_eer)


@given(scored, st.floats(0, 100))
def test_frr_at_is_the_best_of_the_thresholds_that_accept_few_others(pairs, percent):
    scores, y = arrays(pairs)
    frr = frr_at(scores, y, percent)
    words, others = scores[y == 1], scores[y == 0]
    if not len(words) or not len(others):
        assert frr is None
        return
    thresholds = [*np.unique(scores), np.inf]
    few = [t for t in thresholds if 100 * (others >= t).sum() <= percent * len(others) + 1e-6]
    assert frr == min((words < t).mean() for t in few)


@pytest.mark.parametrize(
    ("percent", "expected"), [(0, 0.75), (24, 0.75), (25, 0.5), (50, 0.25), (75, 0.0), (100, 0.0)]
)
def test_frr_at_known_answers(percent, expected):
    scores = np.array([0.2, 0.4, 0.6, 0.8, 0.1, 0.3, 0.5, 0.7])
    assert frr_at(scores, np.array([1] * 4 + [0] * 4), percent) == expected


def test_29_percent_of_100_clips_are_29():
    scores = np.concatenate([np.linspace(0, 1, 100), [np.linspace(0, 1, 100)[71]]])
    y = np.array([0] * 100 + [1])
    # 28 of the others score above the word, and one equals it.
    assert [frr_at(scores, y, percent) for percent in (28, 29)] == [1.0, 0.0]


def test_a_word_with_the_score_of_another_clip_is_missed():
    assert frr_at(np.array([1.0, 1.0, 0.0]), np.array([1, 0, 0]), 0.5) == 1.0


def test_a_score_that_is_not_a_number_is_an_error():
    with pytest.raises(ValueError, match="no number"):
        auc(np.array([0.1, np.nan]), np.array([0, 1]))
    with pytest.raises(ValueError, match="no number"):
        frr_at(np.array([0.1, np.inf]), np.array([0, 1]), 0.5)
    with pytest.raises(ValueError, match="for labels"):
        eer(np.array([0.1]), np.array([0, 1]))


def test_examples_run():
    assert doctest.testmod(roc).failed == 0
