"""Wilson's interval equals SciPy's, and is exact at no success and at no failure."""

from __future__ import annotations

import doctest

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest, chi2, norm

from stapes.measure import intervals
from stapes.measure.intervals import poisson_rate, wilson

counts = st.integers(1, 10_000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))


@given(counts)
@settings(max_examples=100, deadline=None)
def test_equals_scipy(count):
    k, n = count
    expected = binomtest(k, n).proportion_ci(confidence_level=0.95, method="wilson")
    assert wilson(k, n) == pytest.approx((expected.low, expected.high), abs=1e-12)


@given(counts, st.floats(0.5, 0.999))
@settings(max_examples=50, deadline=None)
def test_equals_scipy_at_other_confidence_levels(count, level):
    k, n = count
    expected = binomtest(k, n).proportion_ci(confidence_level=level, method="wilson")
    z = float(norm.ppf((1 + level) / 2))
    assert wilson(k, n, z) == pytest.approx((expected.low, expected.high), abs=1e-9)


@given(counts)
@settings(max_examples=100, deadline=None)
def test_contains_the_proportion_and_stays_in_range(count):
    k, n = count
    low, high = wilson(k, n)
    assert 0 <= low <= k / n <= high <= 1
    assert low < high


@given(counts)
@settings(max_examples=50, deadline=None)
def test_failures_mirror_successes(count):
    k, n = count
    low, high = wilson(k, n)
    assert wilson(n - k, n) == pytest.approx((1 - high, 1 - low), abs=1e-12)


@pytest.mark.parametrize("n", [1, 3, 7, 10, 49, 700, 12_345])
def test_none_and_all_are_exact_ends(n):
    assert wilson(0, n)[0] == 0.0
    assert wilson(n, n)[1] == 1.0
    assert wilson(0, n)[1] < 1
    assert wilson(n, n)[0] > 0


def test_nothing_measured_excludes_nothing():
    assert wilson(0, 0) == (0.0, 1.0)


def test_more_clips_make_it_narrower():
    widths = [high - low for low, high in (wilson(9 * n, 10 * n) for n in (1, 10, 100, 1000))]
    assert widths == sorted(widths, reverse=True)


@pytest.mark.parametrize(("k", "n"), [(-1, 10), (11, 10), (1, 0), (0, -1), (-1, -1)])
def test_impossible_counts_are_refused(k, n):
    with pytest.raises(ValueError, match=f"{k} successes of {n}"):
        wilson(k, n)


def test_examples():
    assert doctest.testmod(intervals).failed == 0


@given(st.integers(0, 500), st.floats(0.01, 100))
@settings(max_examples=100, deadline=None)
def test_rates_equal_scipys_exact_interval(count, hours):
    low, high = poisson_rate(count, hours)
    assert low == pytest.approx(chi2.ppf(0.025, 2 * count) / 2 / hours if count else 0.0)
    assert high == pytest.approx(chi2.ppf(0.975, 2 * count + 2) / 2 / hours)
    assert low <= count / hours <= high


@pytest.mark.parametrize(("count", "hours"), [(-1, 1.0), (0, 0.0)])
def test_impossible_rates_are_refused(count, hours):
    with pytest.raises(ValueError, match="events in"):
        poisson_rate(count, hours)
