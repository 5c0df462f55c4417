"""The Pareto front: known answers, and its definition on any points."""

from __future__ import annotations

import doctest
import math
from itertools import pairwise

import hypothesis.strategies as st
import numpy as np
from hypothesis import given

from stapes.measure import front as module
from stapes.measure.front import front, stairs

costs = st.sampled_from([0.0, 1.0, 2.0, 3.0, math.inf])
POINTS = st.lists(st.tuples(costs, costs, costs), max_size=12)
PAIRS = st.lists(st.tuples(costs, costs), max_size=12)


def test_known_fronts():
    assert front([]) == stairs([]) == []
    assert front([(math.inf, math.inf)]) == [0]
    # One corner of a square beats the rest.
    assert front([(1, 1), (0, 0), (1, 0), (0, 1)]) == [1]
    # Two equal points beat a third.
    points = [(3, 0), (0, 3), (3, 0), (3, 1)]
    assert front(points) == [0, 1, 2]
    assert stairs(points) == [1, 0]
    # A measured point beats an equal one that was not measured.
    assert front([(1, math.inf), (1, 5)]) == [1]


@given(POINTS)
def test_a_point_is_on_the_front_unless_another_is_nowhere_worse(points):
    for index, point in enumerate(points):
        nowhere_worse = [other for other in points if np.all(np.array(other) <= point)]
        beaten = any(other != point for other in nowhere_worse)
        assert (index in front(points)) == (not beaten)
    assert bool(front(points)) == bool(points)


@given(PAIRS)
def test_stairs_rise_in_one_cost_and_fall_in_the_other(points):
    steps = [points[index] for index in stairs(points)]
    assert all(a[0] < b[0] and a[1] > b[1] for a, b in pairwise(steps))
    assert set(steps) == {points[index] for index in front(points)}
    assert all(points.index(points[index]) == index for index in stairs(points))


def test_examples():
    assert doctest.testmod(module).failed == 0
