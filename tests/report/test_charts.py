"""Ticks are round, axes place what they should, and no two looks are equal."""

from __future__ import annotations

import pytest

from stapes.report.charts import Axis, bounds, linear_ticks, log_axis, log_ticks, look


def test_log_ticks_are_one_two_and_five_of_each_decade():
    assert log_ticks(4_800, 90_000) == [5_000, 10_000, 20_000, 50_000]


def test_a_short_logarithmic_axis_has_ticks_too():
    assert [value for value, _ in log_axis("", 7_500, 16_000).ticks] == [
        *(8_000, 10_000, 12_000, 14_000, 16_000)
    ]
    assert [value for value, _ in log_axis("", 4_800, 30_000).ticks] == [5_000, 10_000, 20_000]


def test_linear_ticks_are_round_and_few():
    assert linear_ticks(88.9, 99.6) == [90, 92, 94, 96, 98]
    assert linear_ticks(0, 1) == [0, 0.2, 0.4, 0.6, 0.8, 1.0]


def test_a_logarithmic_axis_puts_the_geometric_mean_in_the_middle():
    assert Axis("", 1, 100, [], log=True).place(10) == pytest.approx(0.5)
    assert Axis("", 0, 100, []).place(25) == 0.25


def test_bounds_leave_room_even_about_one_value():
    low, high = bounds([2.0, 2.0, float("nan")])
    assert low < 2.0 < high


def test_no_two_looks_are_equal_and_the_first_differ_in_colour_dash_or_symbol():
    looks = {(one.colour, one.dash, one.symbol) for one in map(look, range(280))}
    assert len(looks) == 280
    assert len({look(n).colour for n in range(7)}) == 7
    assert len({look(n).symbol for n in range(7)}) == 7
