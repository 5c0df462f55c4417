"""Captures become training sound: the word is cut where its sidecar says, the rest is no word."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tests.data.captures import RATE, keep

from stapes.data.captures import read_kept
from stapes.data.clip import Skipped
from stapes.data.sound.tape import Tape
from stapes.data.stream.captured import with_captures, word_of
from stapes.data.stream.mixing import Sources
from stapes.errors import AudioError


def sources(folder: Path) -> Sources:
    words, others, background, noise = (Tape(folder / f"{name}.f32", RATE) for name in "wobn")
    return Sources(words, others, background, noise)


def test_the_word_is_cut_before_the_highest_score(tmp_path):
    y = np.zeros(4 * RATE)
    # The word: half a second that ends 0.2 s before the highest score.
    y[round(2.3 * RATE) : round(2.8 * RATE)] = 0.5
    keep(tmp_path / "yes", "a", y, seconds=3.0)
    [labelled] = read_kept(tmp_path).labelled
    word = word_of(labelled, 0.5)
    assert len(word) == round((0.5 + 0.6 + 0.15) * RATE)
    assert (word > 0.4).sum() == RATE // 2


def test_a_word_at_the_begin_of_a_capture_is_as_long_as_there_is_sound(tmp_path):
    keep(tmp_path / "yes", "a", seconds=0.5)
    [labelled] = read_kept(tmp_path).labelled
    assert len(word_of(labelled, 1.0)) == round(0.65 * RATE)


def test_a_sidecar_of_other_sound_is_refused(tmp_path):
    keep(tmp_path / "yes", "a", seconds=4.5)
    [labelled] = read_kept(tmp_path).labelled
    with pytest.raises(AudioError, match=r"ends before its highest score, at 4\.50 s"):
        word_of(labelled, 1.0)


def test_words_follow_the_clips_and_others_have_a_tape(tmp_path):
    before = sources(tmp_path)
    before.words.append("clip", iter([np.full(RATE, 0.1, np.float32)]), power=0.01)
    keep(tmp_path / "yes", "a")
    keep(tmp_path / "yes", "late", seconds=9.0)
    keep(tmp_path / "no", "b")
    skipped: list[Skipped] = []
    captures = read_kept(tmp_path).labelled
    after, words = with_captures(before, captures, 1.0, tmp_path / "captured.f32", skipped)
    assert words == 1
    assert [piece.name for piece in after.words.pieces] == ["clip", "captures/yes/a.wav"]
    assert after.captured is not None
    assert [piece.name for piece in after.captured.pieces] == ["captures/no/b.wav"]
    assert after.captured.seconds == 4.0
    assert [clip.file for clip in skipped] == ["captures/yes/late.wav"]


def test_without_captures_nothing_changes(tmp_path):
    before = sources(tmp_path)
    assert with_captures(before, [], 1.0, tmp_path / "captured.f32", []) == (before, 0)
    assert not (tmp_path / "captured.f32").exists()
