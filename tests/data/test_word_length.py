"""The length of a word is that of the loud stretch of its clips."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from stapes.data.clip import Clip
from stapes.data.word_length import needed, stretch, word_seconds

WriteClip = Callable[..., Path]


def burst(
    before: float, seconds: float, after: float, rate: int = 16_000, floor: float = 1e-3
) -> NDArray[np.float32]:
    """Noise at one level, with a floor around it."""
    rng = np.random.default_rng(0)
    parts = [
        rng.normal(0, level, round(length * rate))
        for length, level in ((before, floor), (seconds, 0.2), (after, floor))
    ]
    return np.concatenate(parts).astype(np.float32)


@pytest.mark.parametrize("rate", [8_000, 16_000, 44_100])
@pytest.mark.parametrize(
    ("before", "seconds", "after"), [(0.3, 0.6, 0.5), (0.0, 0.5, 0.5), (0.8, 1.2, 0.0)]
)
def test_it_is_nine_tenths_of_an_even_burst(rate, before, seconds, after):
    begin, length = stretch(burst(before, seconds, after, rate), rate)
    assert length / rate == pytest.approx(0.9 * seconds, abs=0.08)
    assert before - 0.02 <= begin / rate
    assert (begin + length) / rate <= before + seconds + 0.02


def test_the_noise_floor_is_no_word():
    begin, length = stretch(burst(2.0, 0.5, 2.5, floor=0.02), 16_000)
    assert (begin / 16_000, length / 16_000) == pytest.approx((2.0, 0.45), abs=0.1)


@pytest.mark.parametrize("samples", [1, 159, 160, 16_000])
def test_a_clip_without_a_floor_is_all_word(samples):
    assert stretch(np.full(samples, 0.5, np.float32), 16_000) == (0, samples)


@given(st.integers(1, 5_000), st.integers(0, 99))
def test_it_is_in_the_clip(samples, seed):
    y = np.random.default_rng(seed).normal(0, 0.1, samples).astype(np.float32)
    begin, length = stretch(y, 8_000)
    assert 0 <= begin < begin + length <= samples


def test_ninety_five_of_a_hundred_need_it():
    assert needed([*range(1, 101)]) == 96  # 95.05, rounded up.
    assert needed([7]) == 7


def test_the_length_of_files_leaves_out_those_without_a_word(tmp_path: Path, write_clip: WriteClip):
    clips = []
    for number, seconds in enumerate([0.4] * 19 + [1.2]):
        rate = (8_000, 16_000)[number % 2]
        path = write_clip(tmp_path / f"{number}.wav", burst(0.2, seconds, 0.4, rate), rate=rate)
        clips.append(Clip(path.name, path, "yes"))
    silent = write_clip(tmp_path / "silent.wav", np.zeros(16_000, np.float32))
    (tmp_path / "broken.wav").write_bytes(b"no sound")
    for path in (silent, tmp_path / "broken.wav", tmp_path / "missing.wav"):
        clips.append(Clip(path.name, path, "yes"))
    length = word_seconds(clips)
    assert length is not None
    assert 0.35 < length < 0.6
    assert word_seconds(clips[19:20]) == pytest.approx(1.08, abs=0.08)
    assert word_seconds(clips[20:]) is None
    assert word_seconds([]) is None
