"""A tape has all the sound of a file, at one rate and level, or none."""

from __future__ import annotations

import numpy as np
import pytest
import soundfile

from stapes.audio.levels import active_power, block_powers, power
from stapes.data import layouts
from stapes.data.sound import tape as tapes
from stapes.data.sound.tape import Tape, decoded
from stapes.errors import AudioError

RATE = 8_000
LEVEL = power(-26.0)


def sine(seconds: float, amplitude: float = 0.3) -> np.ndarray:
    n = round(seconds * RATE)
    return (amplitude * np.sin(2 * np.pi * 500 * np.arange(n) / RATE)).astype(np.float32)


def test_pieces_follow_each_other_at_one_level(tmp_path):
    tape = Tape(tmp_path / "tape", RATE)
    tape.append("soft", iter([sine(1, 0.01)]), power=LEVEL)
    tape.append("loud", iter([sine(0.5, 0.9), sine(0.5, 0.9)]), power=LEVEL)
    assert [(p.name, p.begin, p.samples) for p in tape.pieces] == [
        ("soft", 0, RATE),
        ("loud", RATE, RATE),
    ]
    samples = tape.open()
    assert len(samples) == tape.samples == 2 * RATE
    assert tape.seconds == 2.0
    for piece in tape.pieces:
        part = np.asarray(samples[piece.begin : piece.begin + piece.samples])
        assert active_power(block_powers(part, RATE)) == pytest.approx(LEVEL, rel=1e-3)
    # The shape of the sound is as it was.
    ratio = np.asarray(samples[10:100]) / sine(1)[10:100]
    assert np.ptp(ratio[np.isfinite(ratio)]) < 1e-3


@pytest.mark.parametrize(
    ("sound", "reason"),
    [
        ([np.zeros(RATE, np.float32)], "silent"),
        ([sine(1), np.full(RATE, np.nan, np.float32)], "not finite"),
        ([sine(0.01)], r"too short \(0.01 s; at least 0.12 s\)"),
        ([], "too short"),
    ],
)
def test_unusable_sound_leaves_nothing(tmp_path, sound, reason):
    tape = Tape(tmp_path / "tape", RATE)
    tape.append("before", iter([sine(1)]), power=LEVEL)
    with pytest.raises(AudioError, match=reason):
        tape.append("bad", iter(sound), power=LEVEL, shortest=1000)
    assert tape.samples == RATE
    assert [piece.name for piece in tape.pieces] == ["before"]


def test_a_truncated_file_leaves_nothing(tmp_path):
    def breaking():
        yield sine(1)
        raise AudioError("file", "does not decode")

    tape = Tape(tmp_path / "tape", RATE)
    with pytest.raises(AudioError, match="does not decode"):
        tape.append("file", breaking(), power=LEVEL)
    assert tape.samples == 0
    assert len(tape.open()) == 0


def test_long_files_are_decoded_in_pieces_and_are_the_same_sound(tmp_path, monkeypatch):
    y = np.random.default_rng(0).uniform(-0.5, 0.5, 5 * 16_000)
    soundfile.write(tmp_path / "long.wav", y, 16_000, subtype="FLOAT")
    whole = np.concatenate(list(decoded(tmp_path / "long.wav", 16_000)))
    monkeypatch.setattr(tapes, "PIECE_SECONDS", 1.0)
    pieces = list(decoded(tmp_path / "long.wav", 16_000))
    assert len(pieces) == 5
    np.testing.assert_array_equal(np.concatenate(pieces), whole)
    np.testing.assert_allclose(whole, y, atol=1e-6)


def test_a_file_longer_than_a_day_is_refused(tmp_path, monkeypatch):
    soundfile.write(tmp_path / "long.wav", np.ones(8_000), 8_000)
    monkeypatch.setattr(layouts, "LONGEST_SECONDS", 0.5)
    with pytest.raises(AudioError, match="longer than 24 hours"):
        list(decoded(tmp_path / "long.wav", 8_000))


def test_a_file_without_sound_is_refused(tmp_path):
    (tmp_path / "text.wav").write_text("no sound")
    with pytest.raises(AudioError, match="does not decode"):
        list(decoded(tmp_path / "text.wav", 8_000))
