"""Measures of a kernel agree with counting by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from stapes.tflite.read.weights import most_distinct_in_a_channel, two_by_four_compliance

FEW = st.sampled_from([0, 0, 1, 2, -3])
IN_FOURS = arrays.arrays(
    np.int8,
    st.tuples(st.integers(1, 3), st.integers(1, 3), st.sampled_from([4, 8, 12])),
    elements=FEW,
)
KERNELS = arrays.arrays(np.int8, arrays.array_shapes(min_dims=2, max_dims=4), elements=FEW)


@pytest.mark.parametrize(
    ("kernel", "part"),
    [
        ([[0, 0, 1, 1]], 1.0),
        ([[1, 0, 0, 1]], 1.0),
        ([[0, 1, 1, 1]], 0.0),
        ([[0, 0, 0, 0]], 1.0),
        # Two zeros side by side count in one group only.
        ([[1, 1, 1, 0, 0, 1, 1, 1]], 0.0),
        ([[0, 0, 1, 1, 1, 1, 1, 1]], 0.5),
        ([[0, 0, 1, 1], [1, 1, 1, 1], [0, 1, 0, 1], [1, 1, 1, 0]], 0.5),
    ],
)
def test_known_kernels(kernel, part):
    for dtype in (np.int8, np.float32):
        assert two_by_four_compliance(np.array(kernel, dtype)) == part


@pytest.mark.parametrize("shape", [(4,), (2, 3), (2, 3, 3, 1), (64, 3, 3, 2), (1, 6), (0, 4)])
def test_channels_that_are_no_multiple_of_four_have_no_compliance(shape):
    assert two_by_four_compliance(np.zeros(shape)) is None


@given(IN_FOURS)
def test_compliance_is_what_counting_gives(kernel):
    complies = [
        list(kernel[row, column, begin : begin + 4]).count(0) >= 2
        for row in range(kernel.shape[0])
        for column in range(kernel.shape[1])
        for begin in range(0, kernel.shape[2], 4)
    ]
    assert two_by_four_compliance(kernel) == pytest.approx(sum(complies) / len(complies))


@given(IN_FOURS)
def test_zeroing_two_of_four_gives_full_compliance(kernel):
    kernel[..., ::4] = kernel[..., 3::4] = 0
    assert two_by_four_compliance(kernel) == 1.0


@given(IN_FOURS, st.randoms(use_true_random=False))
def test_the_order_of_filters_and_the_scale_do_not_matter(kernel, random):
    rows = list(range(len(kernel)))
    random.shuffle(rows)
    part = two_by_four_compliance(kernel)
    assert two_by_four_compliance(kernel[rows]) == part
    assert two_by_four_compliance(kernel.astype(np.float32) * -0.25) == part


def test_the_channel_of_most_values_counts():
    kernel = np.array([[1, 1, 1, 1], [1, 2, 3, 3], [0, 0, 9, 9]])
    assert most_distinct_in_a_channel(kernel) == 3
    assert most_distinct_in_a_channel(kernel.reshape(3, 2, 2)) == 3
    assert most_distinct_in_a_channel(np.zeros((2, 3))) == 1


@given(KERNELS)
def test_a_channel_has_no_more_values_than_the_kernel_and_the_kernel_no_more_than_all(kernel):
    most, whole = most_distinct_in_a_channel(kernel), len(np.unique(kernel))
    assert 1 <= most <= whole <= most * len(kernel)
    assert most <= kernel[0].size


@given(KERNELS)
def test_a_scale_for_each_channel_makes_no_more_values_in_a_channel(kernel):
    scale = np.arange(1, len(kernel) + 1).reshape(-1, *[1] * (kernel.ndim - 1))
    assert most_distinct_in_a_channel(kernel * scale) == most_distinct_in_a_channel(kernel)
