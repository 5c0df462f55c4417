"""`logmel` is librosa's mel spectrogram in dB below the loudest, at any level, in any batch."""

from __future__ import annotations

import doctest
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray
from pydantic import ValidationError

from stapes.audio import read
from stapes.frontends.logmel import LogMel

Samples = NDArray[np.float32]

SMALL = LogMel(sample_rate=8_000, frame_length=200, hop_length=90, n_fft=256, n_mels=12)


def noise(*shape: int, seed: int = 0) -> Samples:
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def reference(y: Samples, frontend: LogMel) -> Samples:
    """Librosa's, [frames, bins]: it pads a frame on both sides, ours only at the end."""
    librosa = pytest.importorskip("librosa")
    before = (frontend.n_fft - frontend.frame_length) // 2
    after = frontend.n_fft - frontend.frame_length - before
    power = librosa.feature.melspectrogram(
        y=np.pad(y[: frontend.window], (before, after)),
        sr=frontend.sample_rate,
        n_fft=frontend.n_fft,
        win_length=frontend.frame_length,
        hop_length=frontend.hop_length,
        n_mels=frontend.n_mels,
        center=False,
        power=2.0,
        htk=False,
    )
    db = librosa.power_to_db(power, ref=np.max, amin=1e-30, top_db=frontend.top_db)
    scaled: Samples = db.T / frontend.top_db + 1
    return scaled


@pytest.mark.parametrize(
    "frontend",
    [
        LogMel(),
        SMALL,
        LogMel(frame_length=512, hop_length=160, n_mels=64, top_db=40.0),
        LogMel(sample_rate=22_050, n_fft=1_024, frame_length=661, window_seconds=0.7),
    ],
)
def test_it_is_librosas(frontend: LogMel) -> None:
    # The level falls, so that some bands are below `top_db`.
    y = noise(frontend.window) * np.logspace(0, -6, frontend.window).astype(np.float32)
    expected = reference(y, frontend)
    assert expected.min() == 0
    assert expected.shape == frontend.shape[:2]
    np.testing.assert_allclose(frontend.features(y[None])[0, ..., 0], expected, atol=1e-3)


def test_real_clips_are_librosas(speech: Path) -> None:
    for path in sorted(speech.glob("commands/*/*.flac"))[::150]:
        y = read.read(path, 16_000)
        padded = np.pad(y, (0, max(0, 16_000 - len(y))))
        features = LogMel().features(y[None])[0, ..., 0]
        np.testing.assert_allclose(features, reference(padded, LogMel()), atol=1e-3)


def test_a_sine_is_loudest_in_its_band_and_all_frames_are_equal() -> None:
    y = np.sin(2 * np.pi * 1_000 * np.arange(16_000) / 16_000).astype(np.float32)
    features = LogMel().features(y[None])[0, ..., 0]
    # A hop of 20 ms has 20 periods, so all frames have the same samples.
    np.testing.assert_allclose(features, features[:1].repeat(49, axis=0), atol=1e-2)
    assert (features.argmax(axis=1) == features[0].argmax()).all()
    assert features.max() == 1


@given(n=st.integers(1, 9), samples=st.integers(1, 9_000), seed=st.integers(0, 99))
@settings(max_examples=30)
def test_a_batch_has_the_bits_of_each_clip_alone(n: int, samples: int, seed: int) -> None:
    clips = noise(n, samples, seed=seed) * np.logspace(0, -5, n, dtype=np.float32)[:, None]
    alone = np.concatenate([SMALL.features(clip[None]) for clip in clips])
    assert SMALL.features(clips).tobytes() == alone.tobytes()


@given(seed=st.integers(0, 99), power=st.integers(-20, 20))
def test_a_power_of_two_of_the_level_changes_almost_nothing(seed: int, power: int) -> None:
    clip = noise(1, 8_000, seed=seed)
    scaled = SMALL.features(clip * np.float32(2.0**power))
    np.testing.assert_allclose(scaled, SMALL.features(clip), atol=1e-5)


@given(seed=st.integers(0, 99), scale=st.floats(1e-4, 1e4))
def test_the_level_does_not_matter(seed: int, scale: float) -> None:
    clip = noise(1, 8_000, seed=seed) * np.linspace(1e-4, 1, 8_000, dtype=np.float32)
    scaled = SMALL.features(clip * np.float32(scale))
    np.testing.assert_allclose(scaled, SMALL.features(clip), atol=1e-4)


@given(
    hnp.arrays(
        np.float32,
        (2, 1_000),
        elements=st.floats(-1, 1, width=32),
    )
)
def test_features_are_finite_and_from_0_to_1(clips: Samples) -> None:
    features = SMALL.features(clips)
    assert np.isfinite(features).all()
    assert features.min() >= 0
    assert (features.max(axis=(1, 2, 3)) == 1).all()


def test_a_silent_clip_is_the_same_everywhere() -> None:
    np.testing.assert_array_equal(LogMel().features(np.zeros((1, 16_000), np.float32)), 1)


def test_a_short_clip_is_padded_at_its_end_with_silence_and_a_long_one_cut() -> None:
    clip = noise(1, 16_000)
    padded = np.pad(clip[:, :7_000], ((0, 0), (0, 9_000)))
    assert LogMel().features(clip[:, :7_000]).tobytes() == LogMel().features(padded).tobytes()
    assert (LogMel().features(padded)[0, 22:] == 0).all()
    longer = np.concatenate([clip, 100 * noise(1, 99)], axis=1)
    assert LogMel().features(longer).tobytes() == LogMel().features(clip).tobytes()
    assert LogMel().features(clip[:, :1]).shape == (1, 49, 40, 1)


@pytest.mark.parametrize("shape", [(16_000,), (2, 0), (1, 2, 3)])
def test_samples_of_another_shape_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="samples must be"):
        LogMel().features(np.zeros(shape, np.float32))


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"frame_length": 513}, r"must not exceed n_fft \(512 samples\)"),
        ({"window_seconds": 0.02}, r"must not exceed the window \(320 samples\)"),
        ({"hop_length": 0}, "hop_length"),
        ({"top_db": 0}, "top_db"),
        ({"n_mfcc": 13}, "n_mfcc"),
        ({"kind": "mfcc"}, "kind"),
    ],
)
def test_invalid_settings_are_refused(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        LogMel(**wrong)


def test_a_second_has_49_whole_frames() -> None:
    frontend = LogMel()
    assert (frontend.window, frontend.frames, frontend.shape) == (16_000, 49, (49, 40, 1))
    assert 48 * 320 + 480 <= 16_000 < 49 * 320 + 480
    assert LogMel(window_seconds=0.03).frames == 1
    assert LogMel().features(noise(0, 16_000)).shape == (0, 49, 40, 1)


def test_the_examples_in_the_source_run() -> None:
    result = doctest.testmod(sys.modules[LogMel.__module__])
    assert result.attempted > 0
    assert result.failed == 0
