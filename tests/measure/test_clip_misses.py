"""Misses at a rate of false positives, with their interval."""

from __future__ import annotations

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings

from stapes.measure import clip_misses as module
from stapes.measure.clip_misses import clip_misses
from stapes.measure.intervals import wilson
from stapes.measure.roc import frr_at


def _scores(words: list[float], others: list[float]) -> tuple[np.ndarray, np.ndarray]:
    y = np.repeat(np.array([1, 0], np.uint8), [len(words), len(others)])
    return np.array([*words, *others]), y


def test_known_answers() -> None:
    scores, y = _scores([0.9, 0.8, 0.4, 0.2], [0.5, 0.3, 0.1, 0.0])
    none = clip_misses(scores, y, 0.5, seed=0)
    assert none is not None
    assert (none.allowed, none.threshold, none.frr) == (0, 0.5, 0.5)
    quarter = clip_misses(scores, y, 25, seed=0)
    assert quarter is not None
    assert (quarter.allowed, quarter.threshold, quarter.frr) == (1, 0.3, 0.25)
    assert (quarter.words, quarter.others) == (4, 4)


def test_without_words_or_others_there_is_no_result() -> None:
    assert clip_misses(np.ones(3), np.ones(3, np.uint8), 0.5, seed=0) is None
    assert clip_misses(np.ones(3), np.zeros(3, np.uint8), 0.5, seed=0) is None


@pytest.mark.parametrize(
    ("scores", "y", "percent"),
    [
        (np.ones(2), np.ones(3), 1),
        (np.array([np.nan, 1]), np.ones(2), 1),
        (np.ones(2), np.ones(2), 100),
    ],
)
def test_wrong_input_is_refused(scores: np.ndarray, y: np.ndarray, percent: float) -> None:
    with pytest.raises(ValueError, match=r"scores|number|%"):
        clip_misses(scores, y, percent, seed=0)


@settings(max_examples=30)
@given(
    st.lists(st.sampled_from([0.1, 0.3, 0.5, 0.7, 0.9]), min_size=1, max_size=30),
    st.lists(st.sampled_from([0.0, 0.2, 0.3, 0.5, 0.6]), min_size=1, max_size=30),
    st.sampled_from([0.0, 0.5, 5.0, 50.0]),
)
def test_the_interval_contains_the_rate_and_is_never_narrower_than_wilsons(
    words: list[float], others: list[float], percent: float
) -> None:
    scores, y = _scores(words, others)
    misses = clip_misses(scores, y, percent, seed=1, float32=scores)
    assert misses is not None
    assert misses.frr == frr_at(scores, y, percent)
    low, high = misses.frr_ci95
    its_low, its_high = wilson(round(misses.frr * len(words)), len(words))
    assert low <= its_low <= misses.frr <= its_high <= high
    # Compared with itself, no draw differs.
    assert misses.against_float32 is not None
    assert misses.against_float32.difference == 0
    assert misses.against_float32.ci95 == (0.0, 0.0)
    assert misses.against_float32.p == 1


def test_a_far_worse_model_differs() -> None:
    rng = np.random.default_rng(0)
    y = np.repeat(np.array([1, 0], np.uint8), [100, 100])
    good = np.where(y == 1, rng.uniform(0.6, 1, 200), rng.uniform(0, 0.4, 200))
    bad = rng.uniform(0, 1, 200)
    misses = clip_misses(bad, y, 0.5, seed=0, float32=good)
    assert misses is not None
    assert misses.against_float32 is not None
    assert misses.against_float32.difference > 0.5
    assert misses.against_float32.p < 0.01


def test_a_few_draws_at_a_time_give_the_same_interval(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    y = np.repeat(np.array([1, 0], np.uint8), [80, 120])
    scores = rng.normal(y, 0.6)
    whole = clip_misses(scores, y, 2, seed=0)
    monkeypatch.setattr(module, "_MOST_DRAWN", 1000)
    parts = clip_misses(scores, y, 2, seed=0)
    assert whole is not None
    assert parts is not None
    np.testing.assert_allclose(whole.frr_ci95, parts.frr_ci95, atol=0.05)
