"""Masks hide one stretch of frames and of bins, no wider than the settings, and nothing else."""

from __future__ import annotations

import doctest

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stapes.models import masks
from stapes.models.masks import masked

SIZES = st.tuples(st.integers(1, 6), st.integers(1, 9), st.integers(1, 7))


def features(shape, seed=0):
    """Random features: no two are equal, and none is the mean of others."""
    return np.random.default_rng(seed).normal(0, 5, (*shape, 1)).astype(np.float32)


def runs(hidden):
    """How many stretches of True there are."""
    return int((np.diff(np.concatenate([[0], hidden.astype(int)])) == 1).sum())


@given(SIZES, st.integers(0, 12), st.integers(0, 12), st.integers(0, 99))
def test_one_stretch_of_each_kind_is_hidden_and_the_rest_unchanged(shape, time, frequency, seed):
    # With one frame, the mean would be the clip.
    x = features((shape[0], 1 + shape[1], shape[2]))
    result = masked(x, time, frequency, np.random.default_rng(seed))
    assert result.shape == x.shape
    assert result.dtype == x.dtype
    changed = (result != x)[..., 0]
    mean = np.broadcast_to(x.mean(axis=1, keepdims=True), x.shape)
    np.testing.assert_array_equal(result[..., 0][changed], mean[..., 0][changed])
    for clip in changed:
        frames, bins = clip.all(axis=1), clip.all(axis=0)
        np.testing.assert_array_equal(clip, frames[:, None] | bins[None, :])
        assert frames.sum() <= min(time, x.shape[1] - 1)
        assert bins.sum() <= min(frequency, x.shape[2] - 1)
        assert runs(frames) <= 1
        assert runs(bins) <= 1


def test_features_are_not_changed_even_if_read_only():
    x = features((4, 8, 6))
    x.setflags(write=False)
    before = x.copy()
    masked(x, 5, 5, np.random.default_rng(0))
    np.testing.assert_array_equal(x, before)


def test_without_masks_nothing_is_hidden():
    x = features((4, 8, 6))
    np.testing.assert_array_equal(masked(x, 0, 0, np.random.default_rng(0)), x)


def test_every_width_and_every_place_occurs():
    x = features((3000, 6, 5))
    hidden = (masked(x, 3, 0, np.random.default_rng(0)) != x).all(axis=(2, 3))
    widths, counts = np.unique(hidden.sum(axis=1), return_counts=True)
    assert widths.tolist() == [0, 1, 2, 3]
    # Uniform within five standard deviations.
    assert abs(counts - 750).max() < 5 * np.sqrt(3000 * 0.25 * 0.75)
    first = hidden.argmax(axis=1)
    for width in (1, 2, 3):
        assert set(first[hidden.sum(axis=1) == width]) == set(range(6 - width + 1))


def test_masks_differ_between_clips_and_depend_on_the_generator():
    x = np.repeat(features((1, 12, 9)), 20, axis=0)
    result = masked(x, 6, 4, np.random.default_rng(1))
    assert len(np.unique(result.reshape(20, -1), axis=0)) > 15
    np.testing.assert_array_equal(result, masked(x, 6, 4, np.random.default_rng(1)))
    assert not np.array_equal(result, masked(x, 6, 4, np.random.default_rng(2)))


def test_features_without_a_last_axis_of_one_are_masked_the_same():
    x = features((4, 8, 6))
    flat = masked(x[..., 0], 3, 3, np.random.default_rng(0))
    np.testing.assert_array_equal(flat, masked(x, 3, 3, np.random.default_rng(0))[..., 0])


def test_features_without_frames_and_bins_are_refused():
    with pytest.raises(ValueError, match="no frames and bins"):
        masked(np.zeros((4, 8), np.float32), 1, 1, np.random.default_rng(0))


def test_examples_run():
    assert doctest.testmod(masks).failed == 0
