"""`micro` is TFLite Micro's frontend bit for bit: pymicro-features is the oracle."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from pydantic import ValidationError

from stapes.audio import read
from stapes.errors import MissingExtraError
from stapes.frontends.micro import Micro

Samples = NDArray[np.float32]


@pytest.fixture
def maker() -> Any:
    """The library's own class."""
    reason = "needs the extra `micro`"
    return pytest.importorskip("pymicro_features", reason=reason).MicroFrontend


def by_hand(maker: Any, pcm: NDArray[np.int16]) -> Samples:
    """All frames of the library, one every 10 ms: [frames, 40]."""
    frontend, content, frames = maker(), pcm.tobytes(), []
    while len(content) >= 320:
        output = frontend.process_samples(content)
        content = content[2 * output.samples_read :]
        if output.features:
            frames.append(output.features)
    return np.array(frames, np.float32).reshape(-1, 40)


def pcm(samples: int, seed: int = 0) -> NDArray[np.int16]:
    return np.random.default_rng(seed).integers(-20_000, 20_000, samples).astype(np.int16)


def floats(samples: NDArray[np.int16]) -> Samples:
    return (samples / 32_768).astype(np.float32)


def test_every_second_frame_of_a_clip_is_the_librarys(maker: Any) -> None:
    sound = pcm(16_000)
    expected = by_hand(maker, sound)
    assert expected.shape == (98, 40)
    assert expected.max() > 10
    features = Micro().features(floats(sound)[None])
    assert features.shape == (1, 49, 40, 1)
    assert features[0, ..., 0].tobytes() == expected[::2].tobytes()
    all_frames = Micro(hops_per_frame=1).features(floats(sound)[None])
    assert all_frames[0, ..., 0].tobytes() == expected.tobytes()


def test_real_recordings_have_the_librarys_features(maker: Any, speech: Path) -> None:
    soundfile = pytest.importorskip("soundfile")
    for path in sorted(speech.glob("commands/*/*.flac"))[::300]:
        sound, rate = soundfile.read(path, dtype="int16")
        assert rate == 16_000
        expected = by_hand(maker, np.pad(sound, (0, max(0, 16_000 - len(sound))))[:16_000])[::2]
        features = Micro().features(read.read(path, 16_000)[None])
        assert features[0, ..., 0].tobytes() == expected.tobytes()


def test_the_scale_is_microwakewords(maker: Any) -> None:
    steps = Micro().features(floats(pcm(16_000))[None]) / np.float32(0.0390625)
    np.testing.assert_array_equal(steps, np.rint(steps))
    assert 0 <= steps.min() < steps.max() < 670


@given(seed=st.integers(0, 99), hops=st.integers(1, 5), seconds=st.floats(0.03, 1.5))
@settings(max_examples=20)
def test_features_of_any_window_and_step_have_the_shape_of_the_settings(
    seed: int, hops: int, seconds: float
) -> None:
    pytest.importorskip("pymicro_features", reason="needs the extra `micro`")
    frontend = Micro(hops_per_frame=hops, window_seconds=seconds)
    features = frontend.features(floats(pcm(frontend.window, seed))[None])
    assert features.shape == (1, *frontend.shape)
    assert np.isfinite(features).all()


def test_each_clip_of_a_batch_begins_in_the_first_state(maker: Any) -> None:
    clips = np.stack([floats(pcm(16_000, seed)) for seed in range(3)])
    alone = np.concatenate([Micro().features(clip[None]) for clip in clips])
    assert Micro().features(clips).tobytes() == alone.tobytes()
    assert Micro().features(clips[::-1])[::-1].tobytes() == alone.tobytes()


def test_samples_are_rounded_and_clipped(maker: Any) -> None:
    y = np.random.default_rng(0).uniform(-1.5, 1.5, 16_000).astype(np.float32)
    expected = np.clip(np.rint(y.astype(np.float64) * 32_768), -32_768, 32_767).astype(np.int16)
    assert Micro().features(y[None])[0, ..., 0].tobytes() == by_hand(maker, expected)[::2].tobytes()


def test_the_level_matters(maker: Any) -> None:
    y = floats(pcm(16_000))[None]
    assert not np.array_equal(Micro().features(y), Micro().features(np.float32(0.25) * y))


def test_silence_is_zero(maker: Any) -> None:
    np.testing.assert_array_equal(Micro().features(np.zeros((1, 16_000), np.float32)), 0)


def test_a_short_clip_is_padded_at_its_end_with_silence_and_a_long_one_cut(maker: Any) -> None:
    y = floats(pcm(20_000))[None]
    padded = np.pad(y[:, :9_000], ((0, 0), (0, 7_000)))
    assert Micro().features(y[:, :9_000]).tobytes() == Micro().features(padded).tobytes()
    assert Micro().features(y).tobytes() == Micro().features(y[:, :16_000]).tobytes()


def test_sound_of_less_than_30_ms_has_no_frame(maker: Any) -> None:
    frontend = Micro(window_seconds=0.03)
    assert frontend.sliding(np.zeros(479, np.float32), 1).shape == (0, 1, 40, 1)
    assert frontend.sliding(np.zeros(480, np.float32), 1).shape == (1, 1, 40, 1)


def test_a_missing_package_is_one_sentence_with_the_fix(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pymicro_features", None)
    with pytest.raises(MissingExtraError) as caught:
        Micro().features(np.zeros((1, 16_000), np.float32))
    assert str(caught.value) == "The frontend micro needs an extra: install stapes[micro]."


def test_samples_of_another_shape_are_refused() -> None:
    with pytest.raises(ValueError, match="samples must be"):
        Micro().features(np.zeros(16_000, np.float32))


@pytest.mark.parametrize(
    "wrong",
    [
        {"sample_rate": 22_050},
        {"window_seconds": 0.02},
        {"hops_per_frame": 0},
        {"hop_length": 320},
        {"kind": "mfcc"},
    ],
)
def test_settings_that_the_library_lacks_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Micro(**wrong)


def test_a_second_has_49_frames_of_40() -> None:
    frontend = Micro()
    assert (frontend.window, frontend.hop_length, frontend.shape) == (16_000, 320, (49, 40, 1))
    assert Micro(hops_per_frame=1).frames == 98
