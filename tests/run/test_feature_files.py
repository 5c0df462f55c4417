"""The features that worker processes share are read as they were written; some calibrate."""

from __future__ import annotations

import numpy as np
import pytest

from stapes.data.features import FeatureSet
from stapes.run.feature_files import calibration, feature_file, load_features, save_features
from stapes.run.settings import RunSettings


def features(words, others):
    """Clips whose every feature is their number, the words first."""
    n = words + others
    x = np.broadcast_to(np.arange(n, dtype=np.float32)[:, None, None, None], (n, 3, 2, 1)).copy()
    y = np.repeat(np.array([1, 0], np.uint8), [words, others])
    return FeatureSet(x, y, [f"clip {number}" for number in range(n)])


def test_a_split_is_read_as_it_was_written(tmp_path):
    written = features(4, 3)
    np.save(feature_file(tmp_path, "test"), written.x)
    save_features(written, tmp_path, "test")
    loaded = load_features(tmp_path, "test")
    np.testing.assert_array_equal(loaded.x, written.x)
    np.testing.assert_array_equal(loaded.y, written.y)
    assert loaded.clip == written.clip
    assert isinstance(loaded.x, np.memmap)
    assert load_features(tmp_path, "test", (6,)).x.shape == (7, 6)


@pytest.mark.parametrize(
    ("words", "others", "expected"), [(30, 30, (5, 5)), (3, 30, (3, 5)), (0, 2, (0, 2))]
)
def test_half_of_the_clips_that_calibrate_are_words_if_there_are_enough(words, others, expected):
    settings = RunSettings(calibration_clips=10)
    x = calibration(features(words, others), settings)
    numbers = x[:, 0, 0, 0]
    assert ((numbers < words).sum(), (numbers >= words).sum()) == expected
    assert (np.diff(numbers) > 0).all()


def test_the_seed_draws_the_clips_that_calibrate():
    first, again, other = (
        calibration(features(60, 60), RunSettings(calibration_clips=10, seed=seed))
        for seed in (0, 0, 1)
    )
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()
