"""The features of a sliding window are those of each window alone."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from stapes.audio.read import read
from stapes.frontends.frontend import Frontend
from stapes.frontends.logmel import LogMel
from stapes.frontends.mfcc import Mfcc
from stapes.frontends.micro import Micro
from stapes.frontends.numerics import mfcc_sliding

SMALL = Mfcc(sample_rate=8_000, n_fft=256, hop_length=100, n_mels=20, n_mfcc=10, frames=100)


def loop(y: NDArray[np.float32], frontend: Frontend, hop: int) -> NDArray[np.float32]:
    """The features of each window alone."""
    starts = range(0, len(y) - frontend.window + 1, hop * frontend.hop_length)
    return np.concatenate([frontend.features(y[None, at : at + frontend.window]) for at in starts])


def noise(samples: int, seed: int = 0) -> NDArray[np.float32]:
    return np.random.default_rng(seed).normal(0, 0.1, samples).astype(np.float32)


def test_equals_the_loop_on_noise():
    y = noise(60_000)
    expected = loop(y, Mfcc(), 4)
    features = Mfcc().sliding(y, 4)
    assert features.shape == expected.shape == (19, 50, 13, 1)
    np.testing.assert_allclose(features, expected, atol=2e-3)


def test_equals_the_loop_on_real_speech(speech: Path):
    path = sorted((speech / "continuous").glob("*.flac"))[0]
    y = read(path, 22_050)
    features, expected = Mfcc().sliding(y, 4), loop(y, Mfcc(), 4)
    assert len(features) > 90
    # Features are up to 600; this is the rounding of the spectra.
    np.testing.assert_allclose(features, expected, atol=2e-3)


@given(
    n_fft=st.sampled_from([16, 64, 100, 256, 600]),
    hop_length=st.sampled_from([30, 100, 256]),
    window_seconds=st.sampled_from([0.02, 0.05, 0.11]),
    frames=st.sampled_from([3, 20]),
    top_db=st.sampled_from([3.0, 20.0, 80.0]),
    hop=st.integers(1, 7),
    samples=st.integers(0, 4_000),
    seed=st.integers(0, 99),
)
@settings(max_examples=150, deadline=None)
def test_equals_the_loop_for_any_sizes(
    n_fft, hop_length, window_seconds, frames, top_db, hop, samples, seed
):
    frontend = Mfcc(
        sample_rate=8_000,
        n_fft=n_fft,
        hop_length=hop_length,
        n_mels=6,
        n_mfcc=4,
        window_seconds=window_seconds,
        frames=frames,
        top_db=top_db,
    )
    # Parts of different levels, so that peak and floor change from window to window.
    y = noise(samples, seed) * np.repeat(
        np.random.default_rng(seed).choice([0.0, 1e-3, 1.0], samples // 300 + 1), 300
    )[:samples].astype(np.float32)
    features = frontend.sliding(y, hop)
    assert len(features) == frontend.windows_in(samples, hop)
    if len(features):
        np.testing.assert_allclose(features, loop(y, frontend, hop), atol=5e-3)


def test_silence_is_the_same_as_in_a_clip():
    y = np.zeros(3 * 22_050, np.float32)
    np.testing.assert_allclose(Mfcc().sliding(y, 4), loop(y, Mfcc(), 4), atol=2e-3)


def test_a_click_changes_the_peak_of_only_its_windows():
    y = noise(4 * 8_000) * np.float32(0.01)
    y[16_000] = 1.0
    features, expected = SMALL.sliding(y, 2), loop(y, SMALL, 2)
    np.testing.assert_allclose(features, expected, atol=2e-3)
    with_click = (np.arange(len(features)) * 200 <= 16_000) & (
        np.arange(len(features)) * 200 + 8_000 > 16_000
    )
    # The first coefficient is the level, which is lower with a peak of 1.
    level = features[:, :80, 0, 0].mean(axis=1)
    assert level[with_click].max() < level[~with_click].min()


def test_the_number_of_windows_per_step_changes_nothing(monkeypatch):
    y = noise(100_000)
    before = Mfcc().sliding(y, 2)
    monkeypatch.setattr(mfcc_sliding, "_BATCH", 3)
    np.testing.assert_allclose(Mfcc().sliding(y, 2), before, atol=1e-4)


@pytest.mark.parametrize(("samples", "windows"), [(0, 0), (22_049, 0), (22_050, 1), (24_098, 2)])
def test_a_window_lies_wholly_in_the_sound(samples, windows):
    assert Mfcc().windows_in(samples, 4) == windows
    assert Mfcc().sliding(noise(samples), 4).shape == (windows, 50, 13, 1)


def test_other_shapes_and_hops_are_refused():
    with pytest.raises(ValueError, match="y must be"):
        Mfcc().sliding(np.zeros((2, 100), np.float32), 4)
    with pytest.raises(ValueError, match="hop_frames > 0"):
        Mfcc().sliding(np.zeros(100, np.float32), 0)


# The other frontends


@given(
    frame_length=st.sampled_from([64, 100, 200]),
    hop_length=st.sampled_from([40, 100, 230]),
    window_seconds=st.sampled_from([0.03, 0.11]),
    hop=st.integers(1, 7),
    samples=st.integers(0, 4_000),
    seed=st.integers(0, 99),
)
@settings(max_examples=100)
def test_logmel_has_the_bits_of_each_window_alone(
    frame_length, hop_length, window_seconds, hop, samples, seed
):
    frontend = LogMel(
        sample_rate=8_000,
        n_fft=256,
        n_mels=8,
        frame_length=frame_length,
        hop_length=hop_length,
        window_seconds=window_seconds,
    )
    y = noise(samples, seed) * np.linspace(0, 1, samples, dtype=np.float32)
    features = frontend.sliding(y, hop)
    assert features.shape == (frontend.windows_in(samples, hop), *frontend.shape)
    if len(features):
        assert features.tobytes() == loop(y, frontend, hop).tobytes()


def test_logmel_of_real_speech_is_that_of_each_window_alone(speech: Path):
    y = read(sorted((speech / "continuous").glob("*.flac"))[0], 16_000)
    features = LogMel().sliding(y, 4)
    assert len(features) > 90
    np.testing.assert_allclose(features, loop(y, LogMel(), 4), atol=1e-6)


@pytest.mark.parametrize("hops", [1, 2, 3])
def test_the_state_of_micro_continues_from_window_to_window(hops):
    reason = "needs the extra `micro`"
    library = pytest.importorskip("pymicro_features", reason=reason)
    device, y = library.MicroFrontend(), noise(40_000)
    pcm = np.rint(y * 32_768).astype(np.int16).tobytes()
    outputs = [device.process_samples(pcm[k : k + 320]).features for k in range(0, 80_000, 320)]
    # The frame that ends with step k begins 20 ms before it.
    frames = np.array(outputs[2:], np.float32)
    frontend = Micro(hops_per_frame=hops)
    features = frontend.sliding(y, 4)
    assert len(features) == frontend.windows_in(40_000, 4)
    for number, window in enumerate(features):
        at = number * 4 * hops
        expected = frames[at : at + 98 : hops][: frontend.frames]
        np.testing.assert_array_equal(window[..., 0], expected)
    # A device that is switched on at the window has no estimate of the noise yet.
    np.testing.assert_array_equal(features[0], frontend.features(y[None])[0])
    fresh = frontend.features(y[None, 4 * frontend.hop_length :])[0]
    assert features[1].mean() < fresh.mean()


def test_after_warm_up_micro_does_not_depend_on_earlier_sound(speech: Path):
    pytest.importorskip("pymicro_features", reason="needs the extra `micro`")
    paths = sorted((speech / "continuous").glob("*.flac"))[:3]
    y = np.concatenate([read(path, 16_000) for path in paths])
    lead = Micro().warm_up
    assert len(y) > 8_000 + lead + 32_000
    begin = len(y) - lead - 32_000
    begin -= begin % 320
    whole, late = Micro().sliding(y, 1), Micro().sliding(y[begin:], 1)
    np.testing.assert_array_equal(late[lead // 320 :], whole[(begin + lead) // 320 :])
    assert not np.array_equal(late[0], whole[begin // 320])
