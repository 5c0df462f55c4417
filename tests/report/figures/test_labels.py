"""Names are next to their points, and never over each other."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stapes.report.figures.labels import LINE, Point, apart, columns, places


def test_places_that_are_far_enough_apart_stay():
    assert apart([10, 40, 90], 14, 0, 100) == [10, 40, 90]


def test_two_at_one_place_part_evenly():
    assert apart([50, 50], 14, 0, 100) == [43, 57]


def test_a_name_outside_is_moved_in():
    assert apart([0, 0], 14, 6, 100) == [6, 20]
    assert apart([100, 100], 14, 0, 100) == [86, 100]


@settings(deadline=None)
@given(st.lists(st.floats(0, 400), min_size=1, max_size=28))
def test_places_keep_their_order_and_distance_and_their_bounds(heights):
    places = apart(sorted(heights), 14, 0, 400)
    assert all(b - a >= 14 - 1e-6 for a, b in itertools.pairwise(places))
    assert places[0] >= 0
    assert places[-1] <= 400 + 1e-6


def test_points_far_apart_have_columns_of_their_own():
    points = [Point(0, 50, "a"), Point(300, 50, "b"), Point(310, 60, "c")]
    assert columns(points) == [[0], [1, 2]]
    left, middle, right = places(points, 0, 100)
    assert left[0] < 300
    assert middle[0] == right[0] > 310
    assert right[1] - middle[1] == pytest.approx(LINE)


def test_a_point_among_names_joins_their_column():
    points = [Point(0, 50, "a_very_long_name_of_a_model"), Point(100, 50, "b")]
    assert columns(points) == [[0, 1]]
