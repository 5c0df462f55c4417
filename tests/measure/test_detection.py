"""Detection counts what a device does that is written as a plain loop."""

from __future__ import annotations

import doctest

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from stapes.measure import detection
from stapes.measure.detection import curve, false_accepts, smooth
from stapes.measure.operating_points import at_rate, at_threshold, det, lowest_rate

scores = hnp.arrays(
    np.float64, st.integers(0, 80), elements=st.integers(0, 20).map(lambda n: n / 20)
)


def device(smoothed, threshold: float, refractory: int) -> int:
    """Detections of a device that takes one score after the other."""
    detections, deaf = 0, 0
    for score in smoothed:
        if deaf:
            deaf -= 1
        elif score >= threshold:
            detections += 1
            deaf = refractory - 1
    return detections


@given(scores, st.integers(1, 12), st.lists(st.floats(0, 1), min_size=1, max_size=20))
def test_false_accepts_are_those_of_a_device(smoothed, refractory, thresholds):
    ascending = np.sort(np.array(thresholds))
    counts = false_accepts(smoothed, ascending, refractory)
    assert counts.tolist() == [device(smoothed, t, refractory) for t in ascending]


@given(st.lists(scores, max_size=3), st.lists(scores, max_size=6), st.integers(1, 12))
@settings(deadline=None)
def test_every_point_of_the_curve_is_what_a_device_does(recordings, words, refractory):
    det_curve = curve(recordings, words, 2.0, refractory)
    assert (np.diff(det_curve.thresholds) > 0).all()
    for place, threshold in enumerate(det_curve.thresholds):
        accepts = sum(device(smoothed, threshold, refractory) for smoothed in recordings)
        missed = sum(not (smoothed >= threshold).any() for smoothed in words)
        assert det_curve.false_accepts[place] == accepts
        assert det_curve.misses[place] == missed


@given(st.lists(scores, min_size=1, max_size=3), st.lists(scores, max_size=6), st.floats(0.6, 40))
@settings(deadline=None)
def test_the_threshold_for_a_rate_is_the_lowest_that_keeps_it(recordings, words, target):
    hours = 2.0
    det_curve = curve(recordings, words, hours, 3)
    point = at_rate(det_curve, target)
    if point.threshold is None:
        # Every threshold accepts too many.
        assert det_curve.false_accepts[-1] > target * hours
        assert not point.resolvable
        return
    assert point.false_accepts <= target * hours
    above = det_curve.thresholds >= point.threshold
    assert (det_curve.false_accepts[above] <= target * hours).all()
    below = det_curve.thresholds[~above]
    if len(below):
        assert det_curve.false_accepts[len(below) - 1] > target * hours


def test_smoothing_is_the_mean_of_the_last_scores():
    x = np.random.default_rng(0).random(50)
    expected = [x[i - 3 : i + 1].mean() for i in range(3, 50)]
    np.testing.assert_allclose(smooth(x, 4), expected)
    assert len(smooth(x[:3], 4)) == 0
    with pytest.raises(ValueError, match="mean of 0"):
        smooth(x, 0)


def test_one_long_crossing_is_one_accept_for_each_refractory_period():
    crossing = np.ones(10)
    assert false_accepts(crossing, np.array([0.5]), 10).tolist() == [1]
    assert false_accepts(crossing, np.array([0.5]), 5).tolist() == [2]


def test_each_recording_starts_fresh():
    # Each alone has one accept. Joined, the second would be in the refractory period.
    one = np.array([0.0, 0.9])
    assert curve([one, one], [], 1.0, 5).false_accepts[0] == 2


def test_known_figures():
    """Three recordings with a false accept each, at 0.9, 0.7 and 0.5, in 2 hours; four words."""
    recordings = [np.array([0.0, height, 0.0]) for height in (0.9, 0.7, 0.5)]
    words = [np.array([height]) for height in (0.95, 0.8, 0.6, 0.4)]
    det_curve = curve(recordings, words, 2.0, 3)
    half = at_rate(det_curve, 0.5)  # One in two hours: above 0.7.
    assert (half.false_accepts, half.misses, half.frr) == (1, 2, 0.5)
    assert half.threshold == pytest.approx(0.75)
    assert half.fa_per_hour == 0.5
    one = at_rate(det_curve, 1.0)  # Two: above 0.5.
    assert (one.false_accepts, one.misses) == (2, 1)
    assert one.threshold == pytest.approx(0.55)
    assert one.fa_per_hour_ci95 == pytest.approx((0.1211, 3.6123), abs=1e-3)
    strict = at_threshold(det_curve, 0.92)
    assert (strict.false_accepts, strict.misses) == (0, 3)


def test_too_few_hours_for_a_rate_are_a_reason():
    det_curve = curve([np.array([0.1])], [np.array([0.9])], 0.43, 3)
    point = at_rate(det_curve, 0.1)
    assert not point.resolvable
    assert point.frr is None
    assert point.reason == (
        "not resolvable: 0.1 an hour needs 10 hours of sound without the word, and there are 0.43"
    )
    assert at_rate(det_curve, lowest_rate(0.43)).threshold is not None
    assert "1 an hour needs 1 hour of sound" in (at_rate(det_curve, 1).reason or "")


def test_scores_at_the_highest_value_leave_no_threshold():
    det_curve = curve([np.array([1.0, 0.0, 1.0, 0.0, 1.0])], [np.array([1.0])], 1.0, 1)
    point = at_rate(det_curve, 1.0)
    assert not point.resolvable
    assert "no threshold is strict enough" in str(point.reason)
    assert at_rate(det_curve, 3.0).frr == 0.0


def test_a_word_without_a_window_is_missed():
    det_curve = curve([np.array([0.2])], [np.zeros(0), np.array([0.9])], 1.0, 1)
    assert det_curve.misses.tolist() == [1] * (len(det_curve.thresholds) - 1) + [2]


def test_without_a_threshold_there_is_no_point():
    det_curve = curve([np.array([0.2])], [np.array([0.9])], 1.0, 1)
    point = at_threshold(det_curve, None)
    assert not point.resolvable
    assert point.frr is None


@given(st.lists(scores, min_size=1, max_size=3), st.lists(scores, min_size=1, max_size=6))
@settings(deadline=None)
def test_a_det_curve_goes_from_strict_to_lax(recordings, words):
    drawn = det(curve(recordings, words, 1.5, 4))
    assert len(drawn.threshold) == len(drawn.frr) == len(drawn.fa_per_hour) <= 120
    assert drawn.threshold == sorted(drawn.threshold, reverse=True)
    assert drawn.frr == sorted(drawn.frr, reverse=True)


def test_a_long_curve_is_thinned_and_keeps_its_ends():
    rng = np.random.default_rng(1)
    det_curve = curve([rng.random(5_000)], [rng.random(20) for _ in range(50)], 1.0, 2)
    drawn = det(det_curve)
    assert 60 <= len(drawn.threshold) <= 120
    assert drawn.fa_per_hour[0] == det_curve.false_accepts[-1]
    assert drawn.fa_per_hour[-1] == pytest.approx(det_curve.false_accepts[0], rel=0.02)


@pytest.mark.parametrize(("hours", "refractory"), [(0.0, 1), (1.0, 0)])
def test_no_hours_or_no_refractory_window_is_an_error(hours, refractory):
    with pytest.raises(ValueError, match="refractory"):
        curve([], [], hours, refractory)


def test_a_score_that_is_not_a_number_is_an_error():
    with pytest.raises(ValueError, match="no number"):
        curve([np.array([np.inf])], [], 1.0, 1)


def test_examples_run():
    assert doctest.testmod(detection).failed == 0
