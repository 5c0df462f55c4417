"""The frames of every frontend follow its window."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from pydantic import ValidationError

from stapes.frontends.frontend import Frontend
from stapes.frontends.logmel import LogMel
from stapes.frontends.mfcc import Mfcc
from stapes.frontends.micro import Micro
from stapes.frontends.registry import FRONTENDS


def noise(samples: int, seed: int = 0) -> NDArray[np.float32]:
    return np.random.default_rng(seed).normal(0, 0.1, samples).astype(np.float32)


def features(frontend: Frontend, y: NDArray[np.float32]) -> NDArray[np.float32]:
    if frontend.package:
        pytest.importorskip("pymicro_features", reason="needs the extra `micro`")
    return frontend.features(y[None])[0, :, :, 0]


@pytest.mark.parametrize(
    ("kind", "seconds", "shape"),
    [
        ("mfcc", 0.5, (30, 13, 1)),
        ("mfcc", 1.0, (50, 13, 1)),
        ("mfcc", 1.5, (70, 13, 1)),
        ("mfcc", 2.0, (90, 13, 1)),
        ("logmel", 1.0, (49, 40, 1)),
        ("logmel", 1.5, (74, 40, 1)),
        ("logmel", 2.0, (99, 40, 1)),
        ("micro", 1.0, (49, 40, 1)),
        ("micro", 1.5, (74, 40, 1)),
        ("micro", 2.0, (99, 40, 1)),
    ],
)
def test_the_shape_is_that_of_the_window(kind, seconds, shape):
    assert FRONTENDS[kind](window_seconds=seconds).shape == shape
    assert FRONTENDS[kind]().with_window(seconds).shape == shape


@pytest.mark.parametrize("kind", FRONTENDS)
@pytest.mark.parametrize("seconds", [1.5, 2.0])
def test_sound_at_the_end_of_a_window_is_in_its_last_frames(kind, seconds):
    frontend = FRONTENDS[kind](window_seconds=seconds)
    y = noise(frontend.window)
    changed = y.copy()
    changed[-frontend.sample_rate // 10 :] *= 0.1
    differ = (features(frontend, y) != features(frontend, changed)).any(axis=1)
    last = int(np.flatnonzero(differ).max())
    # The last frame that is no padding.
    ends = frontend.frames - 1 if kind != "mfcc" else frontend.window // 512
    assert last == ends
    assert last * frontend.hop_length / frontend.sample_rate > seconds - 0.06


def test_mfcc_has_each_frame_of_other_rates_and_steps():
    frontend = Mfcc(sample_rate=16_000, hop_length=160, window_seconds=1.5)
    assert frontend.frames == 160
    filled = features(frontend, noise(24_000)).any(axis=1)
    assert filled.tolist() == [True] * 151 + [False] * 9


def test_frames_that_are_given_stay():
    assert Mfcc(frames=50, window_seconds=2.0).frames == 50
    assert Mfcc(frames=50, window_seconds=2.0).with_window(1.5).frames == 70


@pytest.mark.parametrize("kind", FRONTENDS)
def test_a_window_is_in_what_is_written(kind):
    frontend = FRONTENDS[kind](window_seconds=1.5)
    assert FRONTENDS[kind].model_validate(frontend.model_dump()) == frontend
    assert frontend.with_window(1.0) == FRONTENDS[kind]()
    assert frontend.with_window(1.0).model_dump() == FRONTENDS[kind]().model_dump()


def test_other_settings_stay_in_another_window():
    frontend = LogMel(n_mels=20, top_db=60.0).with_window(1.5)
    assert (frontend.n_mels, frontend.top_db, frontend.shape) == (20, 60.0, (74, 20, 1))


@pytest.mark.parametrize("seconds", [0, -1, 61, float("nan")])
def test_a_window_that_no_frontend_has_is_refused(seconds):
    for frontend in FRONTENDS.values():
        with pytest.raises(ValidationError):
            frontend().with_window(seconds)


@pytest.mark.parametrize("wrong", [{"window_seconds": 0}, {"hop_length": 0}, {"sample_rate": "x"}])
def test_a_wrong_setting_is_the_reason_and_not_the_frames(wrong):
    with pytest.raises(ValidationError) as caught:
        Mfcc(**wrong)
    assert caught.value.errors()[0]["loc"] == tuple(wrong)


@pytest.mark.parametrize("kind", ["mfcc", "logmel"])
@given(
    window_seconds=st.floats(0.1, 2.2),
    hop=st.integers(1, 9),
    samples=st.integers(0, 30_000),
    seed=st.integers(0, 99),
)
@settings(max_examples=40, deadline=None)
def test_sliding_has_the_features_of_each_window(kind, window_seconds, hop, samples, seed):
    small: dict[str, Any] = {"sample_rate": 8_000, "n_fft": 256, "hop_length": 200, "n_mels": 8}
    small |= {"n_mfcc": 5} if kind == "mfcc" else {"frame_length": 200}
    frontend = FRONTENDS[kind](window_seconds=window_seconds, **small)
    y = noise(samples, seed)
    step = hop * frontend.hop_length
    starts = range(0, samples - frontend.window + 1, step)
    rows = frontend.sliding(y, hop)
    assert rows.shape == (len(starts), *frontend.shape)
    for row, start in zip(rows, starts, strict=True):
        alone = frontend.features(y[None, start : start + frontend.window])[0]
        np.testing.assert_allclose(row, alone, atol=5e-3)


@given(window_seconds=st.floats(0.03, 2.2), hop=st.integers(1, 9), samples=st.integers(0, 40_000))
@settings(max_examples=15, deadline=None)
def test_sliding_of_micro_begins_with_the_first_window(window_seconds, hop, samples):
    pytest.importorskip("pymicro_features", reason="needs the extra `micro`")
    frontend = Micro(window_seconds=window_seconds)
    y = noise(samples)
    rows = frontend.sliding(y, hop)
    assert rows.shape == (frontend.windows_in(samples, hop), *frontend.shape)
    if len(rows):
        np.testing.assert_array_equal(rows[0], frontend.features(y[None])[0])
