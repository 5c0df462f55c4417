"""Frames are those that ESPHome computes and quantizes; words have the length of their sound."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stapes.audio.levels import SPEECH_DB, power
from stapes.data.sound.tape import Tape
from stapes.data.stream import frames
from stapes.data.stream.mixing import RANGES, RATE, Mixed, Sources
from stapes.frontends.numerics.micro import quantized
from stapes.frontends.numerics.stream import LARGEST, real
from stapes.frontends.registry import STREAMS

pytest.importorskip("pymicro_features", reason="needs the extra `micro`")

MICRO = STREAMS["micro"]


def tapes(folder: Path, **pieces: list[np.ndarray]) -> Sources:
    """Sources with these pieces on their tapes."""
    made = {}
    for name in ("words", "others", "background", "noise"):
        made[name] = Tape(folder / f"{name}.f32", RATE)
        for number, y in enumerate(pieces.get(name, [])):
            made[name].append(f"{name}-{number}", iter([y]), power=power(SPEECH_DB))
    return Sources(made["words"], made["others"], made["background"], made["noise"])


def noise(seconds: float, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return rng.normal(0, 0.1, round(seconds * RATE)).astype(np.float32)


@given(st.lists(st.integers(0, 2**16 - 1), min_size=1, max_size=50))
def test_integers_are_quantized_as_esphome_does(integers: list[int]) -> None:
    """`micro_wake_word.cpp`: ((value * 256) + (666 / 2)) / 666 + INT8_MIN, clamped."""
    steps = quantized(np.array(integers, np.float32) * np.float32(0.0390625))
    for value, step in zip(integers, steps.tolist(), strict=True):
        assert step == max(-128, min(127, (value * 256 + 666 // 2) // 666 - 128))


def test_real_features_are_those_of_the_models_input_scale() -> None:
    assert real(np.array([-128, 127], np.int8)).tolist() == pytest.approx([0.0, LARGEST])
    every = np.arange(-128, 128).astype(np.int8)
    assert np.rint(real(every) / (LARGEST / 255) - 128).astype(np.int8).tolist() == every.tolist()


@pytest.mark.parametrize("samples", [0, 1, 479, 480, 639, 640, 641, 16_000])
def test_a_frame_comes_after_30_ms_and_then_every_10_ms(samples: int) -> None:
    x = MICRO.stream(noise(1)[:samples])
    assert x.shape == (max(0, samples // 160 - 2), 40)
    assert x.dtype == np.int8


def test_a_frame_depends_on_the_sound_until_its_end() -> None:
    """Frame `f` covers the samples from `160 f` to `160 f + 480`: `LATE_SECONDS` has the 20 ms."""
    y = noise(1)
    changed = y.copy()
    at = 50 * 160
    changed[at:] = -changed[at:] * 0.1
    first = np.flatnonzero((MICRO.stream(y) != MICRO.stream(changed)).any(axis=1))[0]
    assert first == 48
    assert (first + 1) * 0.01 + frames.LATE_SECONDS == pytest.approx(at / RATE + 0.01)


def test_long_sound_has_the_frames_of_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    y = noise(3)[: 3 * RATE - 77]
    whole = MICRO.stream(y)
    monkeypatch.setattr("stapes.frontends.numerics.stream._TOGETHER", 7)
    np.testing.assert_array_equal(MICRO.stream(y), whole)


def test_a_device_that_is_switched_on_again_adapts_anew(tmp_path: Path) -> None:
    y, start = noise(3), 1 * RATE + 77
    mixed = Mixed(y, np.zeros((0, 3), np.int64), [0, start, len(y)])
    x = frames.frames_of_mixed(mixed, MICRO)
    first = start // 160
    assert x.shape == MICRO.stream(y).shape
    np.testing.assert_array_equal(x[:first], MICRO.stream(y)[:first])
    np.testing.assert_array_equal(x[first:], MICRO.stream(y[first * 160 :]))
    assert (x[first:] != MICRO.stream(y)[first:]).any()


@pytest.mark.parametrize("samples", [0, 100, 479, 480, 700])
def test_short_mixed_sound_has_the_frames_of_a_recording(samples: int) -> None:
    y = noise(1)[:samples]
    x = frames.frames_of_mixed(Mixed(y, np.zeros((0, 3), np.int64), [0, 160]), MICRO)
    assert x.shape == MICRO.stream(y).shape


def test_words_are_where_their_marks_say(tmp_path: Path) -> None:
    """A word is far louder than what is around it, so its frames are too."""
    sources = tapes(tmp_path, words=[noise(1, n) for n in range(5)], noise=[noise(5, 9)])
    path = tmp_path / "words-00.npy"
    frames.write_words(sources, MICRO, [0, 6, 0, 0], RANGES, path)
    words = frames.read_words(path)
    assert sorted(words.marks[:, 2]) == [0, 1, 2, 3, 4]
    assert (np.diff(words.marks[:, 0]) > 0).all()
    assert words.marks[-1, 1] < len(words.x)
    energy = words.x.astype(float).mean(axis=1)
    for begin, end, _ in words.marks:
        assert energy[begin + 5 : end - 5].mean() > energy[begin - 60 : begin - 5].mean()
    again = tmp_path / "again.npy"
    frames.write_words(sources, MICRO, [0, 6, 0, 0], RANGES, again)
    assert again.read_bytes() == path.read_bytes()


def test_sound_is_written_whole(tmp_path: Path) -> None:
    background = [noise(3, 1), noise(2, 2)]
    sources = tapes(tmp_path, others=[noise(1)], background=background, noise=[noise(5, 9)])
    frames.write_background(sources, MICRO, None, RANGES, tmp_path / "plain.npy")
    frames.write_background(sources, MICRO, [1], RANGES, tmp_path / "changed.npy")
    frames.write_others(sources, MICRO, [1], RANGES, tmp_path / "others.npy")
    frames.write_noise(sources, MICRO, tmp_path / "noise.npy")
    plain = frames.read_frames(tmp_path / "plain.npy")
    np.testing.assert_array_equal(plain, MICRO.stream(sources.background.open()))
    assert len(frames.read_frames(tmp_path / "noise.npy")) == 498
    changed = frames.read_frames(tmp_path / "changed.npy")
    assert 0.8 * len(plain) < len(changed) < 1.4 * len(plain)
    assert len(frames.read_frames(tmp_path / "others.npy")) > 250
    assert sorted(path.suffix for path in tmp_path.iterdir()) == [".f32"] * 4 + [".npy"] * 4


def test_the_length_of_a_word_is_that_of_its_sound(tmp_path: Path) -> None:
    clips = []
    for seconds in np.linspace(0.3, 0.6, 20):
        y = 0.001 * noise(2)
        y[8_000 : 8_000 + round(seconds * RATE)] += noise(seconds)
        clips.append(y)
    length = frames.word_frames(tapes(tmp_path, words=clips))
    assert 0.9 * 57 <= length <= 60


def test_a_word_as_long_as_its_clip_has_the_clips_length(tmp_path: Path) -> None:
    tone = (0.1 * np.sin(np.arange(16_000) / 5)).astype(np.float32)
    assert 1 <= frames.word_frames(tapes(tmp_path, words=[tone])) <= 100
