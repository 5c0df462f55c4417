"""Events: a detection at once, with its highest score; a near miss once it is over."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from stapes.listen.engine import Step
from stapes.listen.watch import Watch


def events(scores, *, detected=(), deaf=(), threshold=0.5, near=0.8):
    """The events of scores that are 0.25 s apart, with the step after which each came."""
    watch = Watch(threshold, near)
    result = []
    for number, score in enumerate(scores):
        step = Step(number / 4, score, number in detected, number in deaf)
        result += [(number, event) for event in watch.take(step)]
    return result + [(None, event) for event in watch.end()]


def test_a_detection_comes_at_once_and_its_peak_within_a_second():
    [(after, event)] = events([0, 0.6, 0.1, 0.7, 0.9, 0.2, 1.0], detected=[1], deaf=range(2, 6))[:1]
    assert after == 1
    assert (event.kind, event.seconds, event.score) == ("detection", 0.25, 0.6)
    # Four steps later is a second; what follows is something else.
    assert event.peak == 0.9


def test_a_near_miss_comes_a_second_after_its_last_score():
    [(after, event)] = events([0, 0.41, 0.45, 0.4, 0, 0, 0, 0, 0, 0])
    assert (event.kind, event.seconds, event.score, event.peak) == ("near miss", 0.5, 0.45, 0.45)
    assert after == 8


def test_the_scores_before_a_detection_are_no_near_miss():
    found = events([0.45, 0.45, 0, 0.6, 0, 0, 0, 0, 0], detected=[3], deaf=range(4, 9))
    assert [event.kind for _, event in found] == ["detection"]


def test_a_deaf_device_misses_nothing():
    assert events([0.45] * 8 + [0] * 8, deaf=range(8)) == []


def test_a_near_miss_at_the_end_is_reported():
    assert [(after, event.seconds) for after, event in events([0, 0.45])] == [(None, 0.25)]


def test_two_near_misses_are_more_than_a_second_apart():
    found = events([0.45, 0, 0, 0, 0, 0, 0.45, 0, 0, 0.45, 0, 0, 0, 0, 0])
    assert [event.seconds for _, event in found] == [0.0, 1.5]


def test_scores_that_stay_near_are_a_near_miss_every_three_seconds():
    found = events([0.45, *[0.41] * 40])
    assert [event.seconds for _, event in found] == [0.0, 3.25, 6.5, 9.75]
    assert [after for after, _ in found] == [13, 26, 39, None]


@given(st.lists(st.floats(0, 1), max_size=60), st.floats(0.1, 0.9), st.floats(0.1, 1.0))
def test_near_misses_are_near(scores, threshold, near):
    for after, event in events(scores, threshold=threshold, near=near):
        assert after is None or after / 4 <= event.seconds + 3.25
        assert event.score >= near * threshold
        assert event.score == scores[round(event.seconds * 4)]
