"""Copies of training clips: their number, their difference, and the same result each time."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.recorded import Recorded

from stapes.data.cache import FeatureCache, open_cache
from stapes.data.copies import copies_for, with_copies
from stapes.data.corpus import load
from stapes.data.features import Chosen, choose, gather
from stapes.frontends.mfcc import Mfcc

SETTINGS = Mfcc()


@pytest.fixture
def cache(tmp_path: Path) -> Iterator[FeatureCache]:
    with open_cache(tmp_path / "cache", SETTINGS) as opened:
        yield opened


@pytest.fixture
def training(tmp_path: Path, cache: FeatureCache, write_clip) -> Chosen:
    """The training clips of a corpus whose clips have several lengths and rates."""
    for label in ("house", "dog", "cat"):
        for number in range(20):
            rate = (16_000, 22_050)[number % 2]
            path = tmp_path / "data" / label / f"{number}.wav"
            write_clip(path, rate=rate, seconds=0.5 + 0.1 * (number % 8))
    chosen, _ = choose(load(tmp_path / "data", "house"), SETTINGS, cache)
    return chosen["train"]


@given(clips=st.integers(1, 10**6), at_least=st.integers(0, 10**5))
def test_whole_copies_come_close_to_the_number(clips, at_least):
    copies = copies_for(clips, at_least)
    assert 0 <= copies <= 7
    distance = abs(clips * (1 + copies) - at_least)
    for other in range(8):
        assert distance <= abs(clips * (1 + other) - at_least)


def test_a_large_corpus_gets_no_copies():
    assert copies_for(5000, 2000) == copies_for(2000, 2000) == copies_for(360, 0) == 0
    assert copies_for(0, 2000) == 7


def test_the_clips_come_first_and_each_copy_has_its_label(training, cache):
    copied = with_copies(training, SETTINGS, cache, copies=2, seed=0)
    count = len(training.keys)
    assert copied.keys[:count] == training.keys
    assert copied.clips == training.clips * 3
    np.testing.assert_array_equal(copied.y, np.tile(training.y, 3))
    assert len(set(copied.keys)) == 3 * count


def test_a_copy_has_other_features(training, cache):
    x = gather(with_copies(training, SETTINGS, cache, copies=2, seed=0), cache).x
    assert np.isfinite(x).all()
    count = len(training.keys)
    for number in range(count):
        first, second, third = x[number], x[number + count], x[number + 2 * count]
        assert not np.array_equal(first, second)
        assert not np.array_equal(second, third)


def test_a_seed_makes_the_same_copies_each_time(training, cache, tmp_path):
    once = gather(with_copies(training, SETTINGS, cache, copies=1, seed=3), cache).x
    other = gather(with_copies(training, SETTINGS, cache, copies=1, seed=4), cache).x
    with open_cache(tmp_path / "empty", SETTINGS) as empty:
        rows = gather(training, cache).x
        empty.put(zip(training.keys, rows, strict=True))
        again = gather(with_copies(training, SETTINGS, empty, copies=1, seed=3), empty).x
    np.testing.assert_array_equal(once, again)
    count = len(training.keys)
    assert not np.array_equal(once[count:], other[count:])


def test_a_copy_does_not_depend_on_the_other_clips(training, cache, tmp_path):
    half = Chosen(training.clips[::2], training.keys[::2], training.y[::2], 0)
    whole = with_copies(training, SETTINGS, cache, copies=1, seed=0)
    part = with_copies(half, SETTINGS, cache, copies=1, seed=0)
    count = len(training.keys)
    assert whole.keys[count::2] == part.keys[len(half.keys) :]


def test_a_deleted_clip_has_no_copy(training, cache):
    training.clips[0].path.unlink()
    copied = with_copies(training, SETTINGS, cache, copies=1, seed=0)
    count = len(training.keys)
    assert len(copied.keys) == 2 * count - 1
    assert copied.clips[count:] == training.clips[1:]
    np.testing.assert_array_equal(copied.y[count:], training.y[1:])


def test_nothing_is_computed_twice_and_progress_reaches_its_total(training, cache):
    progress = Recorded()

    def make() -> None:
        with_copies(
            *(training, SETTINGS, cache),
            copies=2,
            seed=0,
            progress=progress,
        )

    make()
    assert progress.updates[-1] == (2 * len(training.keys), 2 * len(training.keys))
    assert progress.updates == sorted(progress.updates)
    progress.updates.clear()
    make()
    assert not progress.updates
