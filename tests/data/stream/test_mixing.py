"""Training sound has each word once, where it says, and follows its seed alone."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tests.data.stream.test_frames import noise, tapes

from stapes.data.sound.tape import Piece, Tape
from stapes.data.stream import mixing
from stapes.data.stream.mixing import RANGES, RATE, Ranges, Sources

PLAIN = replace(
    RANGES,
    speed=(1.0, 1.0),
    room_probability=0.0,
    noise_probability=0.0,
    silence_probability=1.0,
    word_db=(0.0, 0.0),
    gain_db=(0.0, 0.0),
)
"""Words between silence, as they are."""


def sources(folder: Path, rooms: tuple[np.ndarray, ...] = ()) -> Sources:
    made = tapes(
        folder,
        words=[noise(0.5 + 0.1 * n, n) for n in range(4)],
        others=[noise(0.4, 10)],
        background=[noise(4, 20), noise(1, 21)],
        noise=[noise(7, 30)],
    )
    return replace(made, rooms=rooms)


def embedded(made: Sources, seed: int, ranges: Ranges) -> tuple[np.ndarray, np.ndarray]:
    mixed = mixing.words_in_sound(made, np.random.default_rng(seed), ranges)
    return mixed.samples, mixed.marks


def test_plain_words_are_between_silence(tmp_path: Path) -> None:
    made = sources(tmp_path)
    y, marks = embedded(made, 0, PLAIN)
    assert sorted(marks[:, 2]) == [0, 1, 2, 3]
    tape = made.words.open()
    silence = np.ones(len(y), bool)
    for begin, end, number in marks:
        piece = made.words.pieces[number]
        assert end - begin == piece.samples
        word = tape[piece.begin : piece.begin + piece.samples]
        np.testing.assert_allclose(y[begin:end], word, rtol=1e-3, atol=1e-6)
        silence[begin:end] = False
    assert not y[silence].any()
    gaps = np.diff([0, *marks[:, :2].ravel(), len(y)])[::2]
    assert ((gaps >= RATE) & (gaps <= 2.5 * RATE)).all()


def test_speed_changes_the_length(tmp_path: Path) -> None:
    made = sources(tmp_path)
    _, marks = embedded(made, 0, replace(PLAIN, speed=(1.25, 1.25)))
    for begin, end, number in marks:
        assert (end - begin) * 1.25 == pytest.approx(made.words.pieces[number].samples, abs=2)


def test_a_room_lengthens_a_word_and_keeps_its_level(tmp_path: Path) -> None:
    room = np.zeros(RATE, np.float32)
    room[[0, RATE // 2]] = 0.8, 0.6
    made = sources(tmp_path, (room,))
    y, marks = embedded(made, 0, replace(PLAIN, room_probability=1.0))
    for begin, end, number in marks:
        assert end - begin == made.words.pieces[number].samples + RATE // 4
        assert y[begin:end].std() > 0


@pytest.mark.parametrize("rooms", [(), (np.eye(1, 50, dtype=np.float32)[0],)])
def test_the_same_seed_gives_the_same_sound(tmp_path: Path, rooms: tuple[np.ndarray, ...]) -> None:
    made = sources(tmp_path, rooms)
    one, marks = embedded(made, 5, RANGES)
    again, marks_again = embedded(made, 5, RANGES)
    other, _ = embedded(made, 6, RANGES)
    np.testing.assert_array_equal(one, again)
    np.testing.assert_array_equal(marks, marks_again)
    assert len(other) != len(one) or (other != one).any()
    assert one.dtype == np.float32
    assert np.abs(one).max() <= 1.0


def test_all_recordings_are_in_the_changed_background(tmp_path: Path) -> None:
    made = sources(tmp_path)
    ranges = replace(PLAIN, background_db=(0.0, 0.0))
    y = mixing.changed_background(made, np.random.default_rng(0), ranges).samples
    assert len(y) == made.background.samples
    tape = made.background.open()
    assert np.sort(np.abs(y))[-100:] == pytest.approx(np.sort(np.abs(tape))[-100:], rel=0.02)


def test_sound_without_recordings_has_silent_gaps(tmp_path: Path) -> None:
    made = tapes(tmp_path, words=[noise(0.5)], others=[noise(0.3)], noise=[noise(1)])
    y, marks = embedded(made, 0, replace(PLAIN, silence_probability=0.0))
    assert not y[: marks[0, 0]].any()
    assert mixing.others_in_sound(made, np.random.default_rng(0)).samples.any()


def test_noise_is_added_at_the_drawn_ratio(tmp_path: Path) -> None:
    made = sources(tmp_path)
    ranges = replace(PLAIN, noise_probability=1.0, snr_db=(20.0, 20.0))
    y, marks = embedded(made, 0, ranges)
    clean = made.noise.open()
    gap = y[: marks[0, 0]]
    assert gap.std() == pytest.approx(0.1 * clean.std(), rel=0.05)


def test_a_device_is_switched_on_before_words_and_recordings(tmp_path: Path) -> None:
    made, rng = sources(tmp_path), np.random.default_rng
    always = replace(PLAIN, restart_before_word=1.0, restart_before_recording=1.0)
    words = mixing.words_in_sound(made, rng(0), always)
    assert words.starts == [0, *words.marks[:-1, 1].tolist()]
    assert mixing.changed_background(made, rng(0), always).starts in ([0, RATE], [0, 4 * RATE])
    steady = replace(always, restart_before_word=0.0, restart_before_recording=0.0)
    assert not mixing.words_in_sound(made, rng(0), steady).starts
    assert not mixing.changed_background(made, rng(0), steady).starts


def test_made_noise_is_milder_than_recorded_noise(tmp_path: Path) -> None:
    recorded = sources(tmp_path)
    samples = recorded.noise.samples
    pieces = [Piece("pink", 0, samples // 2), Piece("white", samples // 2, samples // 2)]
    generated = replace(recorded, noise=Tape.written(recorded.noise.path, RATE, pieces))
    assert generated.made_noise
    assert not recorded.made_noise
    assert generated.ranges.snr_db[0] > recorded.ranges.snr_db[0]
    assert generated.ranges.noise_probability < recorded.ranges.noise_probability
    assert recorded.ranges == RANGES
    assert not recorded.steady.restart_before_word
    assert not recorded.steady.restart_before_recording
