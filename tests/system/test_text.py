"""Figures as text."""

from __future__ import annotations

import pytest

from stapes.system.text import (
    count,
    interval,
    measure,
    p_value,
    percent,
    plural,
    points,
    probability,
)


@pytest.mark.parametrize(
    ("part", "text"), [(0.0, "0.00 %"), (1.0, "100.00 %"), (0.93654, "93.65 %"), (None, "–")]
)
def test_percentages_have_two_decimals(part, text):
    assert percent(part) == text


def test_an_interval_has_one_decimal():
    assert interval((0.8012, 0.98)) == "80.1 to 98.0"
    assert interval(None) == ""


@pytest.mark.parametrize(
    ("difference", "text"),
    [(0.05, "+5.00"), (-0.025, "-2.50"), (-0.00001, "+0.00"), (None, "–")],
)
def test_a_difference_has_its_sign_and_zero_has_no_minus(difference, text):
    assert points(difference) == text


@pytest.mark.parametrize(("p", "text"), [(0.0001, "< 0.001"), (0.0312, "0.031"), (0.5, "0.50")])
def test_p_values(p, text):
    assert probability(p) == text


def test_a_p_value_in_a_sentence():
    assert (p_value(0.0001), p_value(0.5)) == ("p < 0.001", "p = 0.50")


def test_numbers():
    assert (count(82_040), count(None)) == ("82,040", "–")
    assert (measure(15.84), measure(1168.2)) == ("15.8", "1,168")
    assert (plural(1, "clip"), plural(1_200, "clip")) == ("1 clip", "1,200 clips")
