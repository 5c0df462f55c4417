"""Synthetic corpora have their content, the same bytes each time, and are whole or absent."""

from __future__ import annotations

import csv
import hashlib
import subprocess
import sys
import time
from collections import Counter

import numpy as np
import pytest
import soundfile
import yaml
from tests.recorded import Interrupts, Recorded

from stapes.data.sources import espeak, synthetic, synthetic_plan
from stapes.data.sources.synthetic import make_corpus
from stapes.data.sources.synthetic_plan import SPLITS, label_of, other_words, plan
from stapes.errors import MissingExtraError, UsageError

pytestmark = pytest.mark.slow

pytest.importorskip("espeakng_loader", reason="needs the extra stapes[synth]")

DEFAULTS = {"voices": 160, "takes": 7, "seed": 0}

# One corpus made by a process of its own, so that it can be killed.
SCRIPT = """
import sys
from pathlib import Path
from stapes.data.sources.synthetic import make_corpus
from stapes.system.progress import Progress
class Printed(Progress):
    def update(self, done, total, detail=""):
        print(done, flush=True)
make_corpus("house", Path(sys.argv[1]), voices=int(sys.argv[2]), takes=2, jobs=2,
            progress=Printed())
"""


@pytest.fixture(scope="module", autouse=True)
def _own_cache(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("STAPES_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="module")
def house(tmp_path_factory):
    return make_corpus(
        "house", tmp_path_factory.mktemp("corpora") / "house", voices=6, takes=3, jobs=1
    )


@pytest.fixture(scope="module")
def phrase(tmp_path_factory):
    return make_corpus(
        "Hey  Computer!", tmp_path_factory.mktemp("corpora") / "phrase", voices=3, takes=5, jobs=2
    )


def rows_of(corpus, split):
    with (corpus / f"{split}.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def all_rows(corpus):
    return [row for split in SPLITS for row in rows_of(corpus, split)]


def hashes(corpus):
    return {
        file.relative_to(corpus).as_posix(): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in sorted(corpus.rglob("*"))
        if file.is_file()
    }


def names_next_to(folder):
    return sorted(path.name for path in folder.parent.iterdir())


# ---- the speech ----


def test_an_utterance_does_not_depend_on_earlier_ones():
    # One of each kind that has a state: flutter, breath, Klatt, echo, roughness.
    voices = ("m3", "whisper", "klatt", "croak", "f2")
    alone = [espeak.speak("house", "en", voice).tobytes() for voice in voices]
    for voice in reversed(voices):
        espeak.speak("something else", "en-us", voice, rate=300, pitch=90)
    # espeak-ng seeds itself from the clock, which has whole seconds.
    time.sleep(1.1)
    again = [espeak.speak("house", "en", voice).tobytes() for voice in voices]
    assert again == alone


def test_every_voice_has_its_own_sound():
    sounds = {
        (accent, variant): espeak.speak("house", accent, variant)
        for accent in espeak.accents()
        for variant in espeak.variants()
    }
    assert len(sounds) >= 80
    assert len({sound.tobytes() for sound in sounds.values()}) == len(sounds)
    plain = {espeak.speak("house", accent, "").tobytes() for accent in espeak.accents()}
    for voice, sound in sounds.items():
        loud = np.flatnonzero(np.abs(sound.astype(int)) > np.abs(sound.astype(int)).max() / 50)
        assert 0.2 < (loud[-1] - loud[0]) / espeak.SAMPLE_RATE < 1.5, voice
        assert np.sqrt(np.mean(np.square(sound, dtype=float))) > 300, voice
        assert sound.tobytes() not in plain, voice


def test_rate_and_pitch_change_the_sound():
    slow, fast = (len(espeak.speak("computer", "en", "m3", rate=rate)) for rate in (130, 210))
    assert slow > 1.2 * fast
    low, high = (espeak.speak("computer", "en", "m3", pitch=pitch) for pitch in (30, 70))
    assert low.tobytes() != high.tobytes()


def test_the_new_yorker_is_dropped_as_a_copy_of_the_american():
    assert "en-us-nyc" not in espeak.accents()
    american, new_yorker = (
        espeak.speak("house", accent, "m3") for accent in ("en-us", "en-us-nyc")
    )
    np.testing.assert_array_equal(american, new_yorker)


# ---- the plan ----


@pytest.fixture(scope="module")
def default_plan():
    return plan("house", other_words("house"), **DEFAULTS)


def test_the_default_corpus_has_its_size(default_plan):
    clips = [clip for voice in default_plan for clip in voice.clips]
    positives = sum(clip.label == "house" for clip in clips)
    assert 1000 <= positives <= 1200
    assert len(clips) == 2 * positives
    assert len({voice.speaker for voice in default_plan}) == 160
    assert len({clip.file for clip in clips}) == len(clips)


def test_splits_share_no_voice_and_no_variant(default_plan):
    for what in ("speaker", "variant"):
        sets = [{getattr(v, what) for v in default_plan if v.split == split} for split in SPLITS]
        assert sum(map(len, sets)) == len(set().union(*sets))
    shares = Counter(voice.split for voice in default_plan)
    assert shares["train"] / 160 == pytest.approx(0.6, abs=0.03)
    assert shares["val"] / 160 == pytest.approx(0.2, abs=0.03)
    assert shares["test"] / 160 == pytest.approx(0.2, abs=0.03)


def test_every_split_has_all_other_words_about_as_often(default_plan):
    for split in SPLITS:
        labels = Counter(
            clip.label for voice in default_plan if voice.split == split for clip in voice.clips
        )
        labels.pop("house")
        assert len(labels) >= 35
        assert max(labels.values()) - min(labels.values()) <= 1


@pytest.mark.parametrize("voices", range(3, 12))
def test_every_split_has_a_voice(voices):
    plan_of_few = plan("house", other_words("house"), voices, 1, 0)
    assert {voice.split for voice in plan_of_few} == set(SPLITS)


def test_the_plan_depends_only_on_the_seed(default_plan):
    others = other_words("house")
    assert plan("house", others, **DEFAULTS) == default_plan
    assert plan("house", others, **DEFAULTS | {"seed": 1}) != default_plan


@pytest.mark.parametrize("word", ["house", "HOUSE", "House", "go"])
def test_the_word_is_never_among_the_others(word):
    others = other_words(word)
    assert label_of(word) not in map(label_of, others)
    assert len(set(others)) == len(others) >= 35


def test_parts_of_a_phrase_and_half_phrases_are_others():
    others = Counter(other_words("hey-computer"))
    assert {"hey", "computer", "seven computer", "hey follow"} <= set(others)
    assert others["hey"] == others["hey follow"] == 3 * others["mouse"]
    assert "hey hey" not in map(label_of, other_words("hey hey"))


def test_a_word_that_sounds_the_same_is_no_other_word():
    assert synthetic._sayable("write", ["right", "cat", "..."]) == ["cat"]


def test_a_word_without_sound_is_refused(monkeypatch):
    monkeypatch.setattr(espeak, "speak", lambda *_: np.zeros(100, np.int16))
    with pytest.raises(UsageError, match="cannot say 'ps'"):
        synthetic._sayable("ps", [])


@pytest.mark.parametrize(
    ("word", "label"),
    [
        ("Hey Computer!", "hey_computer"),
        ("../x", "x"),
        ("a/b\\c", "a_b_c"),
        ("..", ""),
        ("C:x", "c_x"),
        ("don't", "don_t"),
        ("Äpfel", "äpfel"),
        ("A\u0308pfel", "äpfel"),
        ("привет", "привет"),
    ],
)
def test_labels_are_safe_names_of_folders(word, label):
    assert label_of(word) == label


# ---- the corpus ----


def test_the_lists_name_every_clip_and_no_other(house):
    rows = all_rows(house)
    named = [row["file"] for row in rows]
    assert sorted(named) == sorted(f.relative_to(house).as_posix() for f in house.rglob("*.wav"))
    assert len(set(named)) == len(named) == 2 * 6 * 3
    assert sum(row["label"] == "house" for row in rows) == 6 * 3
    for row in rows:
        folder, name = row["file"].split("/")
        assert folder == row["label"]
        assert name.split("_nohash_")[0] == row["speaker"]
    for split in SPLITS:
        files = [row["file"] for row in rows_of(house, split)]
        assert files == sorted(files)


def test_no_speaker_is_in_two_splits(house):
    speakers = [{row["speaker"] for row in rows_of(house, split)} for split in SPLITS]
    assert all(speakers)
    assert sum(map(len, speakers)) == len(set().union(*speakers)) == 6


def test_clips_look_recorded(house, phrase):
    for corpus in (house, phrase):
        for row in all_rows(corpus):
            info = soundfile.info(corpus / row["file"])
            assert (info.samplerate, info.channels, info.subtype) == (22_050, 1, "PCM_16")
            assert 1.0 <= info.duration < 2.5
            y, _ = soundfile.read(corpus / row["file"])
            assert -50 < 20 * np.log10(np.sqrt(np.mean(y**2))) < -6
            assert 0.01 < np.abs(y).max() < 1.0


def test_takes_of_a_voice_differ(house):
    takes = Counter(
        hashlib.sha256((house / row["file"]).read_bytes()).hexdigest() for row in all_rows(house)
    )
    assert set(takes.values()) == {1}


def test_a_phrase_has_its_parts_among_the_others(phrase):
    assert (phrase / "hey_computer").is_dir()
    labels = {row["label"] for row in all_rows(phrase)}
    assert labels == {"hey_computer", "hey", "computer", "seven_computer", "hey_follow"}
    assert yaml.safe_load((phrase / "corpus.yaml").read_text())["word"] == "Hey Computer!"


def test_the_settings_are_in_the_corpus(house):
    settings = yaml.safe_load((house / "corpus.yaml").read_text())
    assert settings["synthetic"] is True
    assert "espeak-ng" in settings["engine"]
    assert {key: settings[key] for key in ("word", "label", "voices", "takes", "seed")} == {
        "word": "house",
        "label": "house",
        "voices": 6,
        "takes": 3,
        "seed": 0,
    }
    assert settings["augmentation"]["snr_db"] == [5.0, 35.0]


def test_the_number_of_processes_does_not_change_a_byte(house, tmp_path):
    again = make_corpus("house", tmp_path / "other name", voices=6, takes=3, jobs=2)
    assert hashes(again) == hashes(house)


def test_another_seed_makes_other_clips(house, tmp_path):
    other = make_corpus("house", tmp_path / "x", voices=6, takes=3, jobs=2, seed=1)
    assert not set(hashes(other).values()) & set(hashes(house).values())


def test_progress_counts_clips_up_to_all(tmp_path):
    progress = Recorded()
    make_corpus("on", tmp_path / "x", voices=3, takes=2, progress=progress)
    assert progress.updates == [(4, 12), (8, 12), (12, 12)]


def test_words_cannot_leave_their_folder(tmp_path):
    out = make_corpus("../../x", tmp_path / "deep" / "out", voices=3, takes=1, jobs=1)
    assert names_next_to(out) == ["out"]
    assert names_next_to(tmp_path / "deep") == ["deep"]
    assert len(list((out / "x").glob("*.wav"))) == 3


# ---- whole or absent ----


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"word": ""}, "no letters"),
        ({"word": " \n"}, "no letters"),
        ({"word": "!!!"}, "no letters"),
        ({"word": "12"}, "no letters"),
        ({"word": "a" * 61}, "61 characters"),
        ({"voices": 2}, "voices 2: choose from 3"),
        ({"voices": 10**6}, r"to \d{3}, all that espeak-ng has"),
        ({"takes": 0}, "takes 0"),
        ({"seed": -1}, "seed -1"),
        ({"jobs": 0}, "jobs 0"),
    ],
)
def test_wrong_calls_are_refused_and_write_nothing(tmp_path, change, message):
    out = tmp_path / "parent" / "out"
    with pytest.raises(UsageError, match=message):
        make_corpus(**{"word": "house", "out": out, "voices": 3, **change})
    assert not out.parent.exists()


def test_a_folder_that_holds_something_else_is_refused(tmp_path, house):
    file = tmp_path / "note.txt"
    file.write_text("mine")
    for out in (tmp_path, file, house):
        before = hashes(out)
        with pytest.raises(UsageError, match="holds something else"):
            make_corpus("house", out, voices=3)
        assert hashes(out) == before


def test_an_empty_folder_is_filled(tmp_path):
    make_corpus("on", tmp_path, voices=3, takes=1, jobs=1)
    assert (tmp_path / "corpus.yaml").is_file()


def test_a_corpus_that_is_there_is_not_made_again(house, monkeypatch):
    monkeypatch.setattr(synthetic, "_fill", lambda *_: pytest.fail("made again"))
    assert make_corpus("house", house, voices=6, takes=3, jobs=2) == house


def test_an_error_leaves_nothing(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        make_corpus("on", tmp_path / "out", voices=3, takes=1, jobs=1, progress=Interrupts())
    assert list(tmp_path.iterdir()) == []


def test_the_next_run_removes_files_of_a_killed_one(tmp_path):
    out = tmp_path / "out"
    others = (tmp_path / ".out-2-5.part", tmp_path / ".out-notes")
    for other in others:
        other.mkdir()
    # It waits after the first voice, so that it is at work when it is killed.
    waiting = SCRIPT.replace("flush=True)", "flush=True) or input()")
    process = subprocess.Popen(
        [sys.executable, "-c", waiting, str(out), "100"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "4\n"
    process.kill()
    process.communicate()
    assert any(name.startswith(f".out-{process.pid}") for name in names_next_to(out))
    assert not out.exists()
    make_corpus("house", out, voices=3, takes=2, jobs=1)
    assert names_next_to(out) == sorted(["out", *(other.name for other in others)])


def test_two_processes_that_want_the_same_corpus_both_get_it(tmp_path):
    command = [sys.executable, "-c", SCRIPT, str(tmp_path / "out"), "8"]
    both = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    outputs = [process.communicate(timeout=600)[0] for process in both]
    assert [process.returncode for process in both] == [0, 0]
    assert sorted(map(bool, outputs)) == [False, True]
    assert names_next_to(tmp_path / "out") == ["out"]


def test_without_the_engine_the_extra_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "espeakng_loader", None)
    with pytest.raises(MissingExtraError, match=r"stapes\[synth\]"):
        make_corpus("house", tmp_path / "out")


def test_no_tensorflow_is_imported():
    code = "import sys, stapes.data.sources.synthetic; print([m for m in sys.modules if 'tensorflow' in m])"  # noqa: E501
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_the_words_of_the_plan_exist():
    assert len(synthetic_plan.OTHER_WORDS) == len(set(synthetic_plan.OTHER_WORDS)) >= 40
    assert {"mouse", "horse", "how", "hose", "out", "home"} <= set(synthetic_plan.OTHER_WORDS)
