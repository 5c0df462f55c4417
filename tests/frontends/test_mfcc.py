"""`mfcc` gives librosa's numbers, clip by clip, and the same bits in any batch."""

from __future__ import annotations

import doctest
import sys
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.fft
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray
from pydantic import ValidationError

from stapes.audio import read
from stapes.frontends.mfcc import Mfcc
from stapes.frontends.numerics.mel import mel_filters
from stapes.frontends.numerics.mfcc import normalise_peak

Samples = NDArray[np.float32]

SMALL = Mfcc(sample_rate=8_000, n_fft=256, hop_length=100, n_mels=20, n_mfcc=10, frames=30)


def noise(*shape: int, seed: int = 0) -> Samples:
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def sine(samples: int = 22_050, hz: float = 440.0) -> Samples:
    return np.sin(2 * np.pi * hz * np.arange(samples) / 22_050).astype(np.float32)


def impulse(samples: int = 22_050) -> Samples:
    y = np.zeros(samples, np.float32)
    y[samples // 2] = 1.0
    return y


def reference(y: Samples, frames: int = 50) -> Samples:
    """The reference's loop body: librosa's MFCCs of one clip, [frames, 13]."""
    librosa = pytest.importorskip("librosa")
    coefficients: Samples = librosa.feature.mfcc(y=y / np.abs(y).max(), sr=22_050, n_mfcc=13).T
    padded = np.zeros((frames, 13), np.float32)
    padded[: len(coefficients)] = coefficients[:frames]
    return padded


# Compared with librosa


@pytest.fixture(scope="module")
def real(speech: Path) -> tuple[Samples, Samples]:
    """200 real clips of one second, and their features from the reference's loop."""
    librosa = pytest.importorskip("librosa")
    paths = sorted(speech.glob("commands/*/*.flac"))[::15]
    assert len(paths) == 200
    expected = np.stack([reference(librosa.load(path, sr=22_050)[0]) for path in paths])
    return np.stack([read.read(path, 22_050) for path in paths]), expected


def test_real_clips_have_librosas_coefficients(real: tuple[Samples, Samples]) -> None:
    clips, expected = real
    one_by_one = np.concatenate([Mfcc().features(clip[None]) for clip in clips])
    assert one_by_one.shape == (200, 50, 13, 1)
    assert one_by_one.dtype == np.float32
    np.testing.assert_allclose(one_by_one[..., 0], expected, atol=1e-3)


def test_a_batch_of_real_clips_has_the_same_bits(real: tuple[Samples, Samples]) -> None:
    clips, _ = real
    one_by_one = np.concatenate([Mfcc().features(clip[None]) for clip in clips])
    assert Mfcc().features(clips).tobytes() == one_by_one.tobytes()


@pytest.mark.parametrize(
    "clip",
    [sine(), impulse(), noise(22_050), noise(5_000), noise(40_000), noise(1), sine(2_047)],
    ids=["sine", "impulse", "noise", "short", "long", "one sample", "shorter than a frame"],
)
def test_synthetic_clips_have_librosas_coefficients(clip: Samples) -> None:
    np.testing.assert_allclose(Mfcc().features(clip[None])[0, ..., 0], reference(clip), atol=1e-3)


@pytest.mark.parametrize(
    "frontend",
    [
        Mfcc(sample_rate=16_000, n_fft=512, hop_length=160, n_mels=40, n_mfcc=40, frames=101),
        Mfcc(sample_rate=8_000, n_fft=400, hop_length=123, n_mels=23, n_mfcc=7, frames=70),
        Mfcc(n_fft=1_023, hop_length=700, n_mels=64, top_db=20.0),
    ],
    ids=["16 kHz", "8 kHz", "odd"],
)
def test_other_settings_are_librosas_too(frontend: Mfcc) -> None:
    librosa = pytest.importorskip("librosa")
    y = noise(8_000) * np.linspace(0, 1, 8_000, dtype=np.float32) ** 4
    power = librosa.feature.melspectrogram(
        y=y / np.abs(y).max(),
        sr=frontend.sample_rate,
        n_fft=frontend.n_fft,
        hop_length=frontend.hop_length,
        n_mels=frontend.n_mels,
    )
    decibels = librosa.power_to_db(power, top_db=frontend.top_db)
    expected = librosa.feature.mfcc(S=decibels, n_mfcc=frontend.n_mfcc).T
    assert len(expected) <= frontend.frames
    np.testing.assert_allclose(
        frontend.features(y[None])[0, : len(expected), :, 0], expected, atol=1e-3
    )


# Batches

FIXED = noise(13, 3_333, seed=7) * 10.0 ** -np.arange(13, dtype=np.float32)[:, None]


@given(st.lists(st.integers(0, 13), max_size=6).map(sorted))
@settings(max_examples=40, deadline=None)
def test_any_split_into_batches_gives_the_same_bits(cuts: list[int]) -> None:
    pieces = [SMALL.features(FIXED[begin:end]) for begin, end in pairwise([0, *cuts, 13])]
    assert np.concatenate(pieces).tobytes() == SMALL.features(FIXED).tobytes()


@given(
    n=st.integers(2, 7),
    samples=st.integers(1, 3_000),
    n_fft=st.sampled_from([64, 100, 256, 401]),
    hop_length=st.integers(30, 300),
    seed=st.integers(0, 2**32 - 1),
)
@settings(max_examples=40, deadline=None)
def test_no_clip_changes_a_bit_of_another(
    n: int, samples: int, n_fft: int, hop_length: int, seed: int
) -> None:
    frontend = Mfcc(
        sample_rate=8_000, n_fft=n_fft, hop_length=hop_length, n_mels=20, n_mfcc=10, frames=40
    )
    clips = noise(n, samples, seed=seed)
    alone = np.concatenate([frontend.features(clip[None]) for clip in clips])
    assert frontend.features(clips).tobytes() == alone.tobytes()
    assert frontend.features(clips[::-1])[::-1].tobytes() == alone.tobytes()


def test_a_quiet_clip_in_a_batch_with_a_loud_one_has_its_own_floor() -> None:
    # At the same peak, a click is 40 dB below a sine, whose floor would hide it.
    together = Mfcc().features(np.stack([sine(), impulse()]))
    np.testing.assert_array_equal(together[1], Mfcc().features(impulse()[None])[0])
    np.testing.assert_allclose(together[1, ..., 0], reference(impulse()), atol=1e-3)


def test_an_empty_batch_has_no_features() -> None:
    assert Mfcc().features(np.zeros((0, 22_050), np.float32)).shape == (0, 50, 13, 1)


# Values

EVERY_BAND = Mfcc(n_mels=40, n_mfcc=40)


@pytest.mark.parametrize("top_db", [10.0, 80.0])
def test_no_band_is_further_below_the_loudest_than_top_db(top_db: float) -> None:
    frontend = EVERY_BAND.model_copy(update={"top_db": top_db})
    decibels = scipy.fft.idct(frontend.features(sine()[None])[0, :44, :, 0], norm="ortho", axis=-1)
    assert decibels.max() - decibels.min() == pytest.approx(top_db, abs=1e-3)


def test_a_sine_is_loudest_in_its_band() -> None:
    centres = mel_filters(22_050, 2048, 40).argmax(axis=0) * 22_050 / 2048
    for hz in (300.0, 1_000.0, 5_000.0):
        bands = scipy.fft.idct(EVERY_BAND.features(sine(hz=hz)[None])[0, 20, :, 0], norm="ortho")
        assert abs(int(bands.argmax()) - int(np.abs(centres - hz).argmin())) <= 1


@pytest.mark.parametrize("scale", [2.0**-20, 2.0**-3, 2.0**30])
def test_the_level_of_a_clip_does_not_change_a_bit(scale: float) -> None:
    clips = noise(3, 4_000)
    assert SMALL.features(clips * np.float32(scale)).tobytes() == SMALL.features(clips).tobytes()


@given(scale=st.floats(1e-20, 1e20))
@settings(max_examples=30, deadline=None)
def test_the_level_of_a_clip_does_not_matter(scale: float) -> None:
    clips = noise(2, 4_000)
    # Near the floor, the last bit of a sample changes 0.01 dB.
    scaled = SMALL.features(clips * np.float32(scale))
    np.testing.assert_allclose(scaled, SMALL.features(clips), atol=0.01)


def test_the_sign_of_a_clip_does_not_matter() -> None:
    assert SMALL.features(-FIXED).tobytes() == SMALL.features(FIXED).tobytes()


@given(
    hnp.arrays(
        np.float32,
        hnp.array_shapes(min_dims=2, max_dims=2, max_side=600),
        elements=st.floats(width=32, allow_nan=False, allow_infinity=False),
    )
)
@settings(max_examples=40, deadline=None)
def test_features_of_finite_samples_are_finite(clips: Samples) -> None:
    assert np.isfinite(SMALL.features(clips[:8])).all()


@pytest.mark.parametrize("value", [0.0, 1.0, -0.25, 1e-45, 3e38])
@pytest.mark.parametrize("samples", [1, 22_050])
def test_constant_clips_have_finite_features(value: float, samples: int) -> None:
    features = Mfcc().features(np.full((2, samples), value, np.float32))
    assert np.isfinite(features).all()
    np.testing.assert_array_equal(features[0], features[1])


def test_silence_is_every_band_at_the_lowest_level() -> None:
    # A power of 1e-10 in each of 128 bands is -100 dB, all in the first coefficient.
    features = Mfcc().features(np.zeros((1, 22_050), np.float32))[0, :44, :, 0]
    np.testing.assert_allclose(features[:, 0], -100 * np.sqrt(128), rtol=1e-6)
    np.testing.assert_allclose(features[:, 1:], 0, atol=1e-3)


# Length


def test_a_short_clip_is_padded_at_its_end_with_zeros() -> None:
    features = Mfcc().features(noise(2, 11_025))
    computed = 1 + 11_025 // 512
    assert features.shape == (2, 50, 13, 1)
    assert (features[:, :computed, 0] != 0).all()
    assert not features[:, computed:].any()


def test_a_long_clip_is_cut_at_its_end() -> None:
    clip = noise(1, 60_000)
    longer = Mfcc(frames=118).features(clip)
    assert (longer[:, :, 0] != 0).all()
    np.testing.assert_array_equal(Mfcc().features(clip), longer[:, :50])


def test_a_second_fills_forty_four_frames() -> None:
    features = Mfcc().features(noise(1, 22_050))[0, :, :, 0]
    assert [bool(frame.any()) for frame in features] == [True] * 44 + [False] * 6


# Wrong calls


@pytest.mark.parametrize("shape", [(22_050,), (2, 22_050, 1), (0,), (3, 0), (0, 0)])
def test_samples_of_another_shape_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="samples must be"):
        Mfcc().features(np.zeros(shape, np.float32))


@pytest.mark.parametrize(
    "wrong",
    [
        {"sample_rate": 0},
        {"window_seconds": 0},
        {"window_seconds": 61},
        {"n_fft": 8},
        {"hop_length": 0},
        {"n_mels": 0},
        {"n_mfcc": 0},
        {"n_mfcc": 41, "n_mels": 40},
        {"top_db": 0},
        {"frames": 0},
        {"hop": 512},
    ],
    ids=str,
)
def test_invalid_settings_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Mfcc(**wrong)


def test_settings_are_the_references_and_do_not_change() -> None:
    frontend = Mfcc()
    assert (frontend.sample_rate, frontend.n_fft, frontend.hop_length) == (22_050, 2_048, 512)
    assert (frontend.n_mels, frontend.n_mfcc, frontend.top_db) == (128, 13, 80.0)
    assert (frontend.window, frontend.shape) == (22_050, (50, 13, 1))
    with pytest.raises(ValidationError):
        frontend.frames = 3


def test_the_window_is_in_samples() -> None:
    assert Mfcc(window_seconds=1.5, sample_rate=16_000).window == 24_000


# Peak


def test_the_peak_is_one_and_silence_stays_silence() -> None:
    y = np.array([[0.0, 0.5, -0.25], [0.0, 0.0, 0.0], [1e-30, -4e-30, 0.0]], np.float32)
    scaled = normalise_peak(y)
    assert scaled.dtype == np.float32
    expected = np.array([[0.0, 1.0, -0.5], [0.0, 0.0, 0.0], [0.25, -1.0, 0.0]])
    np.testing.assert_allclose(scaled, expected, rtol=1e-6)
    np.testing.assert_array_equal(normalise_peak(y[0]), scaled[0])


def test_the_samples_are_not_changed() -> None:
    y = noise(2, 100)
    before = y.copy()
    normalise_peak(y)
    SMALL.features(y)
    np.testing.assert_array_equal(y, before)


def test_the_examples_in_the_source_run() -> None:
    result = doctest.testmod(sys.modules[Mfcc.__module__])
    assert result.attempted > 0
    assert result.failed == 0
