"""Counts agree with NumPy, and the entropy with known values."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from stapes.tflite.read.statistics import MOST_BINS, entropy_bits, statistics

describe: Any = statistics
"""A test knows what is None."""

DTYPES = ("i1", "u1", "<i2", "<i4", "<i8", "<u8", "<f2", "<f4", "<f8")


@pytest.mark.parametrize(
    ("counts", "bits"),
    [
        ([5], 0),
        ([1, 1], 1),
        ([3, 3, 3, 3], 2),
        ([1] * 256, 8),
        ([2, 1, 1], 1.5),
        ([9, 1], -(0.9 * math.log2(0.9) + 0.1 * math.log2(0.1))),
    ],
)
def test_entropy_of_known_distributions(counts, bits):
    assert entropy_bits(np.array(counts)) == pytest.approx(bits)


def test_a_code_of_half_zeros_stores_one_and_a_half_bits_a_value():
    statistics = describe(np.tile(np.array([0, 0, 5, -3], np.int8), 16))
    assert (statistics.values, statistics.zeros, statistics.distinct) == (64, 32, 3)
    assert statistics.entropy_bits == 1.5
    assert statistics.coded_bytes == 12
    assert (statistics.minimum, statistics.maximum, statistics.mean) == (-3, 5, 0.5)


@settings(max_examples=150, deadline=None)
@given(
    st.sampled_from(DTYPES).flatmap(
        lambda dtype: arrays.arrays(dtype, arrays.array_shapes(max_dims=3, max_side=9))
    )
)
def test_counts_are_numpys(values):
    statistics = describe(values)
    assert statistics.values == values.size
    assert statistics.distinct == len(np.unique(values))
    assert statistics.zeros == values.size - np.count_nonzero(values)
    bits = np.ascontiguousarray(values).view(f"u{values.itemsize}")
    _, counts = np.unique(bits, return_counts=True)
    parts = counts / values.size
    assert statistics.entropy_bits == pytest.approx(-(parts * np.log2(parts)).sum(), abs=1e-9)
    finite = values[np.isfinite(values)]
    assert statistics.not_finite == values.size - finite.size
    if finite.size:
        assert (statistics.minimum, statistics.maximum) == (
            float(finite.min()),
            float(finite.max()),
        )
    if statistics.histogram is not None:
        assert sum(statistics.histogram.counts) == finite.size
        assert len(statistics.histogram.counts) <= MOST_BINS
        assert statistics.histogram.low <= statistics.minimum
        assert statistics.histogram.high >= statistics.maximum


def test_each_integer_has_its_bin():
    statistics = describe(np.array([-2, 0, 0, 3], np.int32))
    assert (statistics.histogram.low, statistics.histogram.high) == (-2.5, 3.5)
    assert statistics.histogram.counts == [1, 0, 2, 0, 0, 1]


def test_the_histogram_of_floats_is_numpys():
    values = np.random.default_rng(0).normal(size=1000).astype(np.float32)
    histogram = describe(values).histogram
    expected, edges = np.histogram(values.astype(np.float64), MOST_BINS)
    assert histogram.counts == expected.tolist()
    assert (histogram.low, histogram.high) == (edges[0], edges[-1])


def test_minus_zero_is_the_value_zero_and_another_word_of_a_code():
    statistics = describe(np.array([0.0, -0.0], np.float32))
    assert (statistics.distinct, statistics.zeros, statistics.entropy_bits) == (1, 2, 1.0)


def test_values_that_are_not_finite_are_counted_separately():
    statistics = describe(np.array([1, np.nan, np.inf, -np.inf], np.float32))
    assert statistics.not_finite == 3
    assert (statistics.minimum, statistics.maximum, statistics.histogram.counts) == (1, 1, [1])
    nothing = describe(np.array([np.nan], np.float32))
    assert (nothing.minimum, nothing.mean, nothing.histogram) == (None, None, None)


def test_zeros_equal_the_zero_point():
    assert describe(np.array([128, 128, 0], np.uint8), 128).zeros == 2
    per_channel = np.array([[1, 1], [2, 2]], np.int8)
    assert describe(per_channel, np.array([[1], [0]])).zeros == 2


def test_two_by_four_counts_groups_of_input_channels():
    kernel = np.array([[0, 0, 1, 2, 1, 1, 1, 0], [0, 0, 0, 0, 5, 5, 0, 0]], np.int8)
    assert describe(kernel, channels_last=True).compliance_2by4 == 0.75
    assert describe(kernel + 3, 3, channels_last=True).compliance_2by4 == 0.75
    assert describe(kernel).compliance_2by4 is None
