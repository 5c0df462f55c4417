"""Intervals include the chance of the threshold."""

from __future__ import annotations

import numpy as np
import pytest

from stapes.measure import detection as rules
from stapes.measure.bootstrap import difference, interval, resampled_frr
from stapes.measure.operating_points import at_rate

HOP = 1.0


def curve_of(peaks, words, hours=1.0):
    """Each peak in a block of its own, so that a block is an accept or none."""
    recording = np.zeros(10 * len(peaks))
    recording[5::10] = peaks
    return rules.curve([recording], [np.array([word]) for word in words], hours, 1)


def test_draws_are_around_the_measured_rate():
    rng = np.random.default_rng(0)
    curve = curve_of(rng.random(200) * 0.8, rng.random(300), hours=2.0)
    point = at_rate(curve, 10.0)
    [draws] = resampled_frr(curve, [10.0], hop_seconds=HOP, seed=0)
    assert draws.shape == (1000,)
    assert np.median(draws) == pytest.approx(point.frr, abs=0.05)
    assert point.frr is not None
    assert point.frr_ci95 is not None
    low, high = interval(draws, point.frr_ci95)
    assert low <= point.frr <= high
    # Wilson's interval of the words is narrower.
    assert high - low > point.frr_ci95[1] - point.frr_ci95[0]


def test_a_threshold_that_one_accept_decides_makes_the_interval_wide():
    words = np.linspace(0.5, 1.0, 200)
    # One loud false accept far above the others: most draws have it, many do not.
    curve = curve_of([0.95, *[0.55] * 50], words)
    [draws] = resampled_frr(curve, [1.0], hop_seconds=HOP, seed=0)
    assert set(np.round(draws, 1)) >= {0.2, 0.9}


def test_rates_together_give_what_each_gives_alone():
    rng = np.random.default_rng(1)
    curve = curve_of(rng.random(100), rng.random(50), hours=2.0)
    both = resampled_frr(curve, [2.0, 8.0], hop_seconds=HOP, seed=3)
    np.testing.assert_allclose(both[1], resampled_frr(curve, [8.0], hop_seconds=HOP, seed=3)[0])
    # More false accepts, fewer misses.
    assert (both[1] <= both[0]).all()


def test_the_interval_of_no_miss_is_not_empty():
    assert interval(np.zeros(1000), (0.0, 0.03)) == (0.0, 0.03)


def test_equal_models_have_no_difference():
    draws = np.random.default_rng(0).random(1000)
    result = difference(draws, draws, 0.25, 0.25)
    assert (result.difference, result.ci95, result.p) == (0.0, (0.0, 0.0), 1.0)


def test_a_clear_difference_has_a_small_p_that_is_never_zero():
    result = difference(np.full(999, 0.5), np.full(999, 0.1), 0.5, 0.1)
    assert result.difference == pytest.approx(0.4)
    assert result.p == pytest.approx(2 / 1000)


def test_two_equally_good_models_rarely_differ():
    """About one in twenty equal pairs may have p below 0.05, not half of them."""
    rng = np.random.default_rng(7)
    low = 0
    for _ in range(40):
        pair = [curve_of(rng.random(60), 0.3 + 0.7 * rng.random(100)) for _ in range(2)]
        draws = [
            resampled_frr(curve, [3.0], hop_seconds=HOP, seed=0, draws=300)[0] for curve in pair
        ]
        low += difference(draws[0], draws[1], 0.0, 0.0).p < 0.05
    assert low <= 6
