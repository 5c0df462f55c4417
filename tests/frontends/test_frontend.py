"""A sliding window's features are those of each window on its own."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from stapes.audio.read import read
from stapes.frontends.logmel import LogMel
from stapes.frontends.mfcc import Mfcc
from stapes.frontends.micro import Micro
from stapes.frontends.numerics import mfcc_sliding

SMALL = Mfcc(sample_rate=8_000, n_fft=256, hop_length=100, n_mels=20, n_mfcc=10, frames=100)


def loop(y: NDArray[np.float32], given: Mfcc, hop: int) -> NDArray[np.float32]:
    """Window by window, through the frontend."""
    step = hop * given.hop_length
    starts = range(0, len(y) - given.window + 1, step)
    return np.concatenate(
        [given.features(y[None, start : start + given.window]) for start in starts]
    )


def noise(samples: int, seed: int = 0) -> NDArray[np.float32]:
    return np.random.default_rng(seed).normal(0, 0.1, samples).astype(np.float32)


def test_equals_the_loop_on_noise():
    y = noise(60_000)
    expected = loop(y, Mfcc(), 4)
    found = Mfcc().sliding(y, 4)
    assert found.shape == expected.shape == (19, 50, 13, 1)
    np.testing.assert_allclose(found, expected, atol=2e-3)


def test_equals_the_loop_on_real_speech(speech: Path):
    path = sorted((speech / "continuous").glob("*.flac"))[0]
    y = read(path, 22_050)
    found, expected = Mfcc().sliding(y, 4), loop(y, Mfcc(), 4)
    assert len(found) > 90
    # Features are up to 600 in size; 1e-3 of them is a rounding of the spectra.
    np.testing.assert_allclose(found, expected, atol=2e-3)


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
    given_settings = Mfcc(
        sample_rate=8_000,
        n_fft=n_fft,
        hop_length=hop_length,
        n_mels=6,
        n_mfcc=4,
        window_seconds=window_seconds,
        frames=frames,
        top_db=top_db,
    )
    # Loud and quiet by turns, so that peak and floor change from window to window.
    y = noise(samples, seed) * np.repeat(
        np.random.default_rng(seed).choice([0.0, 1e-3, 1.0], samples // 300 + 1), 300
    )[:samples].astype(np.float32)
    found = given_settings.sliding(y, hop)
    assert len(found) == given_settings.windows_in(samples, hop)
    if len(found):
        np.testing.assert_allclose(found, loop(y, given_settings, hop), atol=5e-3)


def test_silence_is_as_silent_as_in_a_clip():
    y = np.zeros(3 * 22_050, np.float32)
    np.testing.assert_allclose(Mfcc().sliding(y, 4), loop(y, Mfcc(), 4), atol=2e-3)


def test_a_click_moves_the_peak_of_just_the_windows_that_hold_it():
    y = noise(4 * 8_000) * np.float32(0.01)
    y[16_000] = 1.0
    found, expected = SMALL.sliding(y, 2), loop(y, SMALL, 2)
    np.testing.assert_allclose(found, expected, atol=2e-3)
    holds = (np.arange(len(found)) * 200 <= 16_000) & (np.arange(len(found)) * 200 + 8_000 > 16_000)
    # The first coefficient is the level, which a peak of 1 brings down.
    level = found[:, :80, 0, 0].mean(axis=1)
    assert level[holds].max() < level[~holds].min()


def test_how_windows_are_worked_on_changes_nothing(monkeypatch):
    y = noise(100_000)
    before = Mfcc().sliding(y, 2)
    monkeypatch.setattr(mfcc_sliding, "_TOGETHER", 3)
    np.testing.assert_allclose(Mfcc().sliding(y, 2), before, atol=1e-4)


@pytest.mark.parametrize(("samples", "windows"), [(0, 0), (22_049, 0), (22_050, 1), (24_098, 2)])
def test_a_window_lies_wholly_in_the_sound(samples, windows):
    assert Mfcc().windows_in(samples, 4) == windows
    assert Mfcc().sliding(noise(samples), 4).shape == (windows, 50, 13, 1)


def test_what_is_no_stretch_of_sound_is_refused():
    with pytest.raises(ValueError, match="one stretch"):
        Mfcc().sliding(np.zeros((2, 100), np.float32), 4)
    with pytest.raises(ValueError, match="a hop"):
        Mfcc().sliding(np.zeros(100, np.float32), 0)


# The other frontends


def window_by_window(y: NDArray[np.float32], given: LogMel, hop: int) -> NDArray[np.float32]:
    starts = range(0, len(y) - given.window + 1, hop * given.hop_length)
    return np.concatenate([given.features(y[None, at : at + given.window]) for at in starts])


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
    chosen = LogMel(
        sample_rate=8_000,
        n_fft=256,
        n_mels=8,
        frame_length=frame_length,
        hop_length=hop_length,
        window_seconds=window_seconds,
    )
    y = noise(samples, seed) * np.linspace(0, 1, samples, dtype=np.float32)
    found = chosen.sliding(y, hop)
    assert found.shape == (chosen.windows_in(samples, hop), *chosen.shape)
    if len(found):
        assert found.tobytes() == window_by_window(y, chosen, hop).tobytes()


def test_logmel_of_real_speech_is_that_of_each_window_alone(speech: Path):
    y = read(sorted((speech / "continuous").glob("*.flac"))[0], 16_000)
    found = LogMel().sliding(y, 4)
    assert len(found) > 90
    np.testing.assert_allclose(found, window_by_window(y, LogMel(), 4), atol=1e-6)


@pytest.mark.parametrize("hops", [1, 2, 3])
def test_the_state_of_micro_runs_on_from_window_to_window(hops):
    reason = "needs the extra `micro`"
    library = pytest.importorskip("pymicro_features", reason=reason)
    frontend, y = library.MicroFrontend(), noise(40_000)
    pcm = np.rint(y * 32_768).astype(np.int16).tobytes()
    outputs = [frontend.process_samples(pcm[k : k + 320]).features for k in range(0, 80_000, 320)]
    # The frame that ends with step k begins 20 ms before it.
    frames = np.array(outputs[2:], np.float32)
    chosen = Micro(hops_per_frame=hops)
    found = chosen.sliding(y, 4)
    assert len(found) == chosen.windows_in(40_000, 4)
    for number, window in enumerate(found):
        at = number * 4 * hops
        expected = frames[at : at + 98 : hops][: chosen.frames]
        np.testing.assert_array_equal(window[..., 0], expected)
    # A device that is switched on with the window has not heard the noise yet.
    np.testing.assert_array_equal(found[0], chosen.features(y[None])[0])
    fresh = chosen.features(y[None, 4 * chosen.hop_length :])[0]
    assert found[1].mean() < fresh.mean()


def test_warm_up_is_long_enough_for_micro_to_forget(speech: Path):
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
