"""When a run speaks sentences, for which splits, and in which voices."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest
from tests.recorded import Recorded

from stapes.data.corpus import Corpus
from stapes.data.sources import sentences
from stapes.run import spoken
from stapes.run.folder import RunFolder
from stapes.run.job import Job
from stapes.run.settings import RunSettings

ALL = {"train", "validation", "test"}


@pytest.fixture
def calls(monkeypatch):
    """The arguments of each making of sentences, of which there are two a split."""
    made = []

    def make(word, out, **options):
        made.append({"word": word, "name": out.name, **options})
        return out

    monkeypatch.setattr(sentences, "make_sentences", make)
    monkeypatch.setattr(sentences, "sentence_files", lambda _, split: [Path(split)] * 2)
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: True)
    return made


def spoken_of(tmp_path, progress=None, *, synthetic=False, windows=False, streams=True, **options):
    settings = RunSettings(word="hey computer", seed=3, **options)
    job = Job(settings, RunFolder(tmp_path / "run", settings), progress=progress or Recorded())
    corpus = Corpus(tmp_path, "hey computer", {}, "", False, synthetic, ())
    return spoken.spoken_sentences(job, corpus, windows=windows, streams=streams)


@pytest.mark.parametrize(
    ("options", "splits"),
    [
        ({}, ALL),
        ({"negatives": "n"}, {"test"}),
        ({"continuous": "c"}, {"train", "validation"}),
        ({"negatives": "n", "continuous": "c"}, set()),
        ({"streams": False}, set()),
        ({"streams": False, "windows": True}, {"test"}),
        ({"streams": False, "windows": True, "continuous": "c"}, set()),
    ],
)
def test_sentences_stand_for_the_recordings_that_a_run_lacks(tmp_path, calls, options, splits):
    assert spoken_of(tmp_path, **options) == {split: [Path(split)] * 2 for split in splits}
    assert len(calls) == bool(splits)


def test_a_note_says_what_they_are_worth(tmp_path, calls):
    progress = Recorded()
    spoken_of(tmp_path, progress, negatives="n", data="d")
    [note] = progress.notes
    assert note.startswith("Without --continuous, sentences that espeak-ng speaks stand for")
    assert "Real speech fools a detector more often" in note
    assert "give hours of recordings" in note


def test_without_the_engine_there_is_a_note_and_no_sentence(tmp_path, calls, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    progress = Recorded()
    assert spoken_of(tmp_path, progress) == {}
    assert not calls
    assert "without the extra `synth` nothing speaks it" in progress.notes[0]


@pytest.mark.parametrize(
    ("content", "synthetic", "seed"),
    [("seed: 5", True, 5), ("seed: 5", False, 3), ("seed: x", True, 3), ("seed: [", True, 3)],
)
def test_voices_are_split_as_those_of_a_synthetic_corpus(tmp_path, calls, content, synthetic, seed):
    (tmp_path / "corpus.yaml").write_text(content)
    spoken_of(tmp_path, synthetic=synthetic)
    assert (calls[0]["seed"], calls[0]["minutes"]) == (seed, 66.0)
    assert calls[0]["name"].startswith(f"hey_computer-sentences-66min-seed{seed}-")
