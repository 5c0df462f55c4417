"""Bands of a stream are librosa's over a fixed floor, and the same in chunks of any length."""

from __future__ import annotations

import doctest

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from stapes.frontends.numerics import logmel_stream
from stapes.frontends.numerics.logmel_stream import FLOOR_DB, RANGE_DB, quantized
from stapes.frontends.numerics.stream import LARGEST, pcm16, real
from stapes.frontends.registry import STREAMS

LOGMEL = STREAMS["logmel"]
STEP_DB = RANGE_DB / 255


def noise(samples: int, seed: int = 0) -> NDArray[np.float32]:
    """Noise whose level falls from full scale to less than the last bit."""
    y = np.random.default_rng(seed).normal(0, 0.3, samples) * np.logspace(0, -5.5, samples)
    return y.astype(np.float32)


def sine(hertz: float, samples: int) -> NDArray[np.float32]:
    """At full scale."""
    y: NDArray[np.float32] = np.sin(2 * np.pi * hertz * np.arange(samples) / 16_000).astype("f4")
    return y


def decibels(steps: NDArray[np.int8]) -> NDArray[np.float64]:
    """What steps stand for."""
    return (steps.astype(np.float64) + 128) * STEP_DB + FLOOR_DB


def test_each_value_is_librosas_within_half_a_step() -> None:
    librosa = pytest.importorskip("librosa")
    y = noise(32_000)
    y[:4_000] = sine(500, 4_000)
    power = librosa.feature.melspectrogram(
        # Librosa puts 480 samples into the middle of 512; where in it they are does not matter.
        y=np.pad(pcm16(y) / 32_768, (16, 16)),
        sr=16_000,
        n_fft=512,
        win_length=480,
        hop_length=160,
        n_mels=40,
        center=False,
    )
    expected = librosa.power_to_db(power, ref=1.0, amin=10 ** (FLOOR_DB / 10), top_db=None).T
    steps = LOGMEL.stream(y)
    assert steps.shape == expected.shape
    assert (steps.min(), steps.max()) == (-128, 127)
    assert (expected.min(), expected.max() > 0) == (pytest.approx(FLOOR_DB), True)
    np.testing.assert_allclose(decibels(steps), np.minimum(expected, 20.0), atol=0.501 * STEP_DB)


def test_a_sine_has_the_steps_that_the_formula_gives() -> None:
    """In its band, 20 log10 of the amplitude more than at full scale, where the range allows it."""
    y = sine(4_000, 1_600)
    loud = decibels(LOGMEL.stream(y)).max(axis=1)
    # 120 is half of the sum of the Hann window; the band of 4 kHz passes 0.0045 of its square.
    assert loud == pytest.approx(18.1, abs=STEP_DB)
    assert decibels(LOGMEL.stream(y / np.float32(10))).max(axis=1) == pytest.approx(
        -1.9, abs=STEP_DB
    )
    assert (LOGMEL.stream(y * np.float32(1e-6)) == -128).all()


@given(
    cuts=st.lists(st.integers(0, 3_000), max_size=8),
    seed=st.integers(0, 99),
)
def test_chunks_of_any_length_give_the_bits_of_the_whole(cuts: list[int], seed: int) -> None:
    y = noise(8_000, seed)
    process = LOGMEL.opened()
    chunks = np.split(pcm16(y), np.minimum(np.cumsum(cuts), len(y)))
    parts = [process(chunk) for chunk in chunks]
    np.testing.assert_array_equal(np.concatenate(parts), LOGMEL.stream(y))


def test_a_frame_depends_on_its_own_samples_alone() -> None:
    """Frame `f` is of the samples from `160 f` to `160 f + 480`."""
    y = noise(16_000)
    whole = LOGMEL.stream(y)
    for frame in (0, 1, 50, 97):
        [alone] = LOGMEL.stream(y[160 * frame : 160 * frame + 480])
        np.testing.assert_array_equal(alone, whole[frame])


def test_every_step_survives_a_round_trip() -> None:
    every = np.arange(-128, 128).astype(np.int8)
    np.testing.assert_array_equal(quantized(decibels(every)), every)
    assert real(every) == pytest.approx((decibels(every) - FLOOR_DB) / RANGE_DB * LARGEST, rel=1e-6)


def test_the_examples_in_the_source_run() -> None:
    result = doctest.testmod(logmel_stream)
    assert result.attempted > 0
    assert result.failed == 0
