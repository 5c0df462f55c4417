"""Spoken sentences: disjoint voices, the same bytes for the same arguments, whole or absent."""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from tests.recorded import Interrupts, Recorded

from stapes.data.sources import espeak, synthetic_plan
from stapes.data.sources import sentences as spoken
from stapes.data.sources.sentences import SHARES, make_sentences, plan, sentence_files
from stapes.errors import MissingExtraError, UsageError

pytestmark = pytest.mark.slow

pytest.importorskip("espeakng_loader", reason="needs the extra stapes[synth]")

SHORT: dict[str, Any] = {"minutes": 0.2, "jobs": 2}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return make_sentences("house", tmp_path_factory.mktemp("sentences") / "house", **SHORT)


def hashes(folder):
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file()
    }


@pytest.mark.parametrize("seed", [0, 1, 7])
def test_a_variant_has_its_split_of_the_corpus(seed):
    corpus = synthetic_plan.plan("house", ["cat"], 160, 1, seed)
    split_of = {voice.variant: voice.split for voice in corpus}
    planned = plan(66.0, seed)
    assert len({(accent, variant) for accent, variant, _, _ in planned}) == len(planned)
    for _, variant, split, _ in planned:
        assert split_of[variant] == {"validation": "val"}.get(split, split)
    seconds = {split: sum(row[3] for row in planned if row[2] == split) for split in SHARES}
    assert seconds == pytest.approx({"train": 3960, "validation": 1320, "test": 3960})
    # More minutes than voices: each speaks longer.
    assert min(row[3] for row in plan(6000.0, seed)) > 60


def test_recordings_are_as_long_as_asked(folder):
    for split, share in SHARES.items():
        files = sentence_files(folder, split)
        infos = [soundfile.info(path) for path in files]
        assert {(info.samplerate, info.channels) for info in infos} == {(16_000, 1)}
        assert 12 * share <= sum(info.duration for info in infos) <= 12 * share + 8
    for path in folder.glob("*/*.flac"):
        y, _ = soundfile.read(path)
        assert 0.01 < np.abs(y).max() <= 1.0


def test_no_recording_is_in_two_splits_and_all_differ(folder):
    recordings = {name: value for name, value in hashes(folder).items() if name.endswith(".flac")}
    assert len(set(recordings.values())) == len(recordings) == 3


def test_the_number_of_processes_does_not_change_a_byte(folder, tmp_path):
    again = make_sentences("house", tmp_path / "again", minutes=0.2, jobs=1)
    assert hashes(again) == hashes(folder)


def test_another_seed_speaks_other_sentences(folder, tmp_path):
    other = make_sentences("house", tmp_path / "other", **SHORT, seed=1)
    assert not set(hashes(other).values()) & set(hashes(folder).values())


def test_recordings_that_are_there_are_not_made_again(folder, monkeypatch):
    monkeypatch.setattr(spoken, "plan", lambda *_: pytest.fail("made again"))
    progress = Recorded()
    assert make_sentences("house", folder, **SHORT, progress=progress) == folder
    with pytest.raises(UsageError, match="holds something else"):
        make_sentences("mouse", folder, **SHORT)


def test_an_interrupt_leaves_nothing(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        make_sentences("house", tmp_path / "out", **SHORT, progress=Interrupts())
    assert list(tmp_path.iterdir()) == []


def test_words_that_sound_alike_are_not_spoken(monkeypatch):
    sentences = ["He is right.", "A writer slept.", "It rains.", "It is bright."]
    assert list(spoken._without_sound_of("write", "en", iter(sentences))) == ["It rains."]
    monkeypatch.setattr(spoken, "sentences", lambda *_: iter(["That is right."] * 100))
    with pytest.raises(UsageError, match="No sentence is without 'write'"):
        spoken._record(Path(), "write", 0, 0, "en", "m3", "test", 5.0)


def test_phonemes_have_no_stress():
    assert espeak.phonemes(["write", "right", "household", ""]) == ["ɹaɪt", "ɹaɪt", "haʊshəʊld", ""]
    assert espeak.phonemes(["Is it? Yes."]) == ["ɪz ɪt jɛs"]


def test_without_the_engine_the_extra_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "espeakng_loader", None)
    with pytest.raises(MissingExtraError, match=r"stapes\[synth\]"):
        make_sentences("house", tmp_path / "out", **SHORT)
