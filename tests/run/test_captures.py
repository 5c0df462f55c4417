"""No capture that a run learns from is of sound that it validates or tests in."""

from __future__ import annotations

import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from tests.data.captures import keep

from stapes.data import corpus as corpora
from stapes.data.clip import SPLITS
from stapes.data.corpus import Corpus
from stapes.errors import UsageError
from stapes.run import captures
from stapes.run.folder import RunFolder
from stapes.run.job import Job
from stapes.run.preparation import digest
from stapes.run.settings import RunSettings
from stapes.system.files import sha256


@pytest.fixture
def corpus(tmp_path, write_clip) -> Corpus:
    for label in ("rise", "fall"):
        for speaker in range(30):
            write_clip(tmp_path / "data" / label / f"{speaker:08x}_nohash_0.wav")
    for speaker in range(10):
        write_clip(tmp_path / "talk" / f"{speaker}-100-0000.wav", seconds=2.5)
    return corpora.load(tmp_path / "data", "rise", negatives=tmp_path / "talk")


def job(tmp_path: Path, **options) -> Job:
    settings = RunSettings(word="rise", captures=tmp_path / "kept", **options)
    return Job(settings, RunFolder(tmp_path / "run", settings))


def learned(corpus: Corpus, job: Job) -> tuple[set[str], dict[str, str]]:
    """The names of the captures that are used, and the reasons of the others."""
    used = captures.with_captures(corpus, job)
    skipped = {clip.file: clip.reason for clip in used.skipped}
    return {labelled.name for labelled in used.captures}, skipped


def test_a_capture_of_held_out_sound_is_not_used(tmp_path, corpus):
    kept = tmp_path / "kept"
    expected: dict[str, bool] = {}
    for split in ("train", "validation", "test"):
        for kind in (corpus.positives(split)[0], corpus.negatives(split)[-1]):
            name = f"{split}-{kind.label.strip('/')}"
            # Cut from it, and the same file.
            keep(kept / "no", name, source_sha256=sha256(kind.path))
            shutil.copy(kind.path, keep(kept / "no", f"{name}-copied"))
            expected |= dict.fromkeys((name, f"{name}-copied"), split == "train")
    used, skipped = learned(corpus, job(tmp_path))
    assert {name: f"no/{name}.wav" in used for name in expected} == expected
    assert len(expected) == 12
    assert set(skipped.values()) == {"it is of sound that validates or tests"}


def test_noise_that_validates_or_tests_is_held_out_too(tmp_path, corpus, write_clip):
    for number in range(10):
        write_clip(tmp_path / "noise" / f"{number}.wav")
        source = sha256(tmp_path / "noise" / f"{number}.wav")
        keep(tmp_path / "kept" / "no", f"{number}", source_sha256=source)
    used, _ = learned(corpus, job(tmp_path, noise=tmp_path / "noise"))
    assert len(used) == 6


def test_recordings_that_captures_were_cut_from_are_known(tmp_path, corpus, write_clip):
    for name in ("one", "two", "renamed"):
        write_clip(tmp_path / "radio" / f"{name}.wav", seconds=2.0)
    shutil.copy(tmp_path / "radio" / "two.wav", tmp_path / "radio" / "renamed.wav")
    source = sha256(tmp_path / "radio" / "two.wav")
    capture = keep(tmp_path / "kept" / "no", "a", source="two.wav", source_sha256=source)
    used = captures.with_captures(corpus, job(tmp_path)).captures
    paths = {clip.path for clip in captures.learned(used, tmp_path / "radio")}
    radio = tmp_path / "radio"
    assert paths == {capture, radio / "two.wav", radio / "renamed.wav"}
    assert {clip.path for clip in captures.learned(used, None)} == {capture}
    assert captures.learned([], tmp_path / "radio") == []


def test_only_labelled_captures_of_the_word_are_used(tmp_path, corpus):
    keep(tmp_path / "kept" / "yes", "a", wake_word="Rise!")
    keep(tmp_path / "kept" / "yes", "b", wake_word="Alexa")
    keep(tmp_path / "kept", "c")
    used, skipped = learned(corpus, job(tmp_path))
    assert used == {"yes/a.wav"}
    assert skipped == {"captures/yes/b.wav": "its label is about the word Alexa"}


def test_labels_and_content_are_a_part_of_the_run(tmp_path, corpus):
    a = keep(tmp_path / "kept" / "yes", "a")
    keep(tmp_path / "kept" / "yes", "b")
    nothing: Any = dict.fromkeys(SPLITS, SimpleNamespace(keys=[], y=[]))

    def now() -> str:
        return digest(nothing, captures.with_captures(corpus, job(tmp_path)).captures)

    hashes = [digest(nothing), now()]
    a.with_suffix(".json").rename(tmp_path / "kept" / "a.json")
    assert now() == hashes[-1]
    (tmp_path / "kept" / "no").mkdir()
    a.rename(tmp_path / "kept" / "no" / "a.wav")
    hashes.append(now())
    keep(tmp_path / "kept" / "yes", "b", seconds=2.0)
    hashes.append(now())
    (tmp_path / "kept" / "no" / "a.wav").write_bytes(b"other")
    hashes.append(now())
    assert len(set(hashes)) == 5


def test_without_a_usable_capture_or_a_detector_the_call_is_wrong(tmp_path):
    keep(tmp_path / "kept", "c")
    settings = job(tmp_path).settings
    keep(tmp_path / "kept" / "no", "d", wake_word="Fall")
    with pytest.raises(UsageError, match=r"no capture of rise has a label \(.* are of Fall\)"):
        captures.check(settings, streams=True)
    with pytest.raises(UsageError, match="only detectors in a stream learn from captures"):
        captures.check(settings, streams=False)
    captures.check(RunSettings(word="rise"), streams=False)
