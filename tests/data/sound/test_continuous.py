"""The sound that detection is measured in: usable files, skipped files, and embedded words."""

from __future__ import annotations

import doctest
import shutil
from typing import Any

import numpy as np
import pytest
import soundfile

from stapes.audio.levels import active_power, block_powers, power
from stapes.data.clip import Clip
from stapes.data.sound import continuous
from stapes.data.sound.continuous import cyclic, embed, gather_sound
from stapes.errors import UsageError
from stapes.frontends.mfcc import Mfcc

RATE = 8_000
SETTINGS = Mfcc(sample_rate=RATE, n_fft=256, hop_length=100, n_mels=20, n_mfcc=10)


@pytest.fixture
def speech(tmp_path, write_clip):
    """Four recordings of two seconds and more, at several rates."""
    for number, rate in enumerate((8_000, 16_000, 22_050, 44_100)):
        write_clip(tmp_path / "speech" / f"{number}.wav", rate=rate, seconds=2.0 + number)
    return tmp_path / "speech"


def clips(tmp_path, write_clip, label, seconds):
    clips = []
    for number, length in enumerate(seconds):
        path = write_clip(tmp_path / label / f"{number}.wav", rate=RATE, seconds=length)
        clips.append(Clip(f"{label}/{number}.wav", path, label))
    return clips


def gathered(tmp_path, **options):
    out = tmp_path / "sound"
    out.mkdir(exist_ok=True)
    usual: dict[str, Any] = {
        "continuous": None,
        "negatives": [],
        "positives": [],
        "noise": None,
        "known": {},
        "seed": 0,
    }
    return gather_sound(out, SETTINGS, **{**usual, **options})


def test_a_folder_gives_a_recording_for_each_file(tmp_path, speech):
    sound = gathered(tmp_path, continuous=speech)
    assert sound.source == str(speech)
    assert sound.sources == ["speech"] * 4
    assert [samples / RATE for _, samples in sound.recordings] == pytest.approx(
        [2, 3, 4, 5], abs=0.01
    )
    assert sound.background.seconds == pytest.approx(14, abs=0.01)
    for begin, samples in sound.recordings:
        part = np.asarray(sound.background.open()[begin : begin + samples])
        assert active_power(block_powers(part, RATE)) == pytest.approx(power(-26), rel=0.02)


def test_files_that_cannot_be_used_are_skipped_with_their_reasons(tmp_path, speech, write_clip):
    (speech / "text.wav").write_text("no sound")
    (speech / "notes.txt").write_text("no sound either")
    write_clip(speech / "short.wav", rate=RATE, seconds=0.5)
    write_clip(speech / "silent.wav", np.zeros(2 * RATE, np.float32), rate=RATE)
    sound = gathered(tmp_path, continuous=speech)
    assert len(sound.recordings) == 4
    reasons = {row.file: row.reason for row in sound.skipped}
    assert set(reasons) == {
        f"speech/{n}" for n in ("text.wav", "notes.txt", "short.wav", "silent.wav")
    }
    assert "too short (0.50 s; at least 1.00 s)" in reasons["speech/short.wav"]
    assert "silent" in reasons["speech/silent.wav"]


def test_training_clips_and_words_are_omitted_by_path_and_by_content(tmp_path, speech):
    copy = tmp_path / "train" / "copy.wav"
    copy.parent.mkdir()
    shutil.copy(speech / "1.wav", copy)
    known = {
        "its sound was trained on": [Clip("a", speech / "0.wav", "x")],
        "it says the word": [Clip("b", copy, "x")],
    }
    sound = gathered(tmp_path, continuous=speech, known=known)
    assert [piece.name for piece in sound.background.pieces] == ["speech/2.wav", "speech/3.wav"]
    assert {row.file: row.reason for row in sound.skipped} == {
        "speech/0.wav": "its sound was trained on",
        "speech/1.wav": "it says the word",
    }


def test_a_link_that_loops_is_skipped(tmp_path, speech):
    (speech / "loop.wav").symlink_to(speech / "loop.wav")
    known = {"it says the word": [Clip("a", speech / "0.wav", "x")]}
    sound = gathered(tmp_path, continuous=speech, known=known)
    assert len(sound.recordings) == 3
    assert {row.file for row in sound.skipped} == {"speech/loop.wav", "speech/0.wav"}


def test_a_recording_in_which_nothing_could_be_detected_is_too_short(tmp_path, speech):
    sound = gathered(tmp_path, continuous=speech, shortest=round(3.5 * RATE))
    assert len(sound.recordings) == 2
    assert all("at least 3.50 s" in row.reason for row in sound.skipped)


@pytest.mark.parametrize("option", ["continuous", "noise"])
def test_a_folder_without_sound_is_refused(tmp_path, speech, option):
    empty = tmp_path / "empty"
    empty.mkdir()
    (empty / "bad.wav").write_text("no sound")
    options = {"continuous": speech, option: empty}
    with pytest.raises(UsageError, match=rf"{option} .*no sound file in it can be used.*bad\.wav"):
        gathered(tmp_path, **options)
    with pytest.raises(UsageError, match=rf"{option} .*no such folder"):
        gathered(tmp_path, **{**options, option: tmp_path / "missing"})


def test_negative_clips_are_joined_to_one_recording(tmp_path, write_clip):
    negatives = clips(tmp_path, write_clip, "cat", [0.6, 0.6, 0.3])
    sound = gathered(tmp_path, negatives=negatives)
    assert sound.recordings == [(0, round(1.5 * RATE))]
    assert sound.source == "the negative test clips, joined"
    assert sound.sources == ["negative test clips"]


def test_where_sentences_are_spoken_no_clip_is_joined(tmp_path, speech, write_clip):
    negatives = clips(tmp_path, write_clip, "cat", [0.6, 0.6])
    broken = tmp_path / "broken.flac"
    broken.write_text("no sound")
    sound = gathered(
        tmp_path, negatives=negatives, spoken=[speech / "0.wav", broken, speech / "2.wav"]
    )
    first, second = 2 * RATE, 4 * RATE
    assert sound.recordings == [(0, first), (first, second)]
    assert sound.sources == ["spoken sentences", "spoken sentences"]
    assert sound.source == "spoken sentences (synthetic)"
    assert [row.file for row in sound.skipped] == ["broken.flac"]


def test_clips_are_joined_where_no_sentence_can_be_used(tmp_path, write_clip):
    broken = tmp_path / "broken.flac"
    broken.write_text("no sound")
    negatives = clips(tmp_path, write_clip, "cat", [0.6, 0.6, 0.3])
    sound = gathered(tmp_path, negatives=negatives, spoken=[broken])
    assert (sound.recordings, sound.sources) == (
        [(0, round(1.5 * RATE))],
        ["negative test clips"],
    )


def test_joined_clips_shorter_than_a_window_are_no_recording(tmp_path, write_clip):
    assert gathered(tmp_path, negatives=clips(tmp_path, write_clip, "cat", [0.4])).recordings == []


def test_the_loudest_five_seconds_of_a_long_word_are_used(tmp_path):
    y = 0.01 * np.ones(20 * RATE, np.float32)
    y[12 * RATE : 13 * RATE] = 0.5
    soundfile.write(tmp_path / "long.wav", y, RATE)
    sound = gathered(tmp_path, positives=[Clip("long", tmp_path / "long.wav", "word")])
    assert sound.words.seconds == 5.0
    samples = np.asarray(sound.words.open())
    assert (samples > 10 * samples.min()).sum() == RATE


def test_generated_noise_has_no_pauses_and_depends_on_the_seed(tmp_path):
    first = np.array(gathered(tmp_path, seed=1).noise.open())
    again = np.array(gathered(tmp_path, seed=1).noise.open())
    other = np.array(gathered(tmp_path, seed=2).noise.open())
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)
    assert np.mean(np.square(first, dtype=np.float64)) == pytest.approx(power(-26), rel=1e-3)


def test_a_word_is_embedded_and_the_background_continues(tmp_path, speech, write_clip):
    positives = clips(tmp_path, write_clip, "word", [0.7, 0.9])
    sound = gathered(tmp_path, continuous=speech, positives=positives)
    background, words = np.asarray(sound.background.open()), np.asarray(sound.words.open())
    y = embed(sound, 1, 4_000, 3_000, np.random.default_rng(5))
    piece = sound.words.pieces[1]
    assert len(y) == 4_000 + piece.samples + 3_000
    np.testing.assert_array_equal(y[4_000:-3_000], words[piece.begin : piece.begin + piece.samples])
    around = np.concatenate([y[:4_000], y[-3_000:]])
    doubled = np.concatenate([background, background])
    moment = int(np.random.default_rng(5).integers(len(background)))
    start = (moment - 4_000) % len(background)
    np.testing.assert_array_equal(around, doubled[start : start + 7_000])


def test_cyclic_sound_repeats_more_than_once():
    assert cyclic(np.arange(3, dtype=np.float32), 2, 8).tolist() == [2, 0, 1, 2, 0, 1, 2, 0]


def test_examples_run():
    assert doctest.testmod(continuous).failed == 0
