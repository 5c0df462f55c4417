"""A check counts the clips that a run would use, and names the others."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from tests.recorded import Recorded

from stapes.contracts.evaluation import LabelCount
from stapes.contracts.measurements import SkippedFile
from stapes.data.cache import open_cache
from stapes.data.check import check
from stapes.data.corpus import load
from stapes.data.features import choose
from stapes.frontends.mfcc import Mfcc

WriteClip = Callable[..., Path]

SETTINGS = Mfcc(sample_rate=8_000, n_fft=256, hop_length=128, n_mels=16, n_mfcc=8, frames=63)


@pytest.fixture
def root(tmp_path: Path, write_clip: WriteClip) -> Path:
    """Twelve clips of five speakers in three splits, listed; four of them cannot be used."""
    rows = {
        "train.csv": "ann yes 1, ann no 1, bob yes 2, bob no 2, bob up 1, bob no 3",
        "val.csv": "cyd yes 3, cyd no 4",
        "test.csv": "dan yes 4, eve no 5, dan yes 5, eve yes 6",
    }
    folder = tmp_path / "corpus"
    for name, clips in rows.items():
        lines = ["file,label,speaker"]
        for clip in clips.split(", "):
            speaker, label, number = clip.split()
            write_clip(folder / label / f"{number}.wav", rate=8_000)
            lines.append(f"{label}/{number}.wav,{label},{speaker}")
        (folder / name).write_text("\n".join(lines) + "\n", encoding="utf-8")
    (folder / "no/2.wav").write_bytes(b"no sound")
    write_clip(folder / "up/1.wav", np.zeros(8_000, np.float32))
    (folder / "yes/6.wav").unlink()
    shutil.copy(folder / "no/5.wav", folder / "no/3.wav")
    return folder


def test_usable_clips_are_counted_by_label_split_and_speaker(root: Path) -> None:
    report = check(load(root, None), SETTINGS)
    assert report.data == str(root)
    assert report.usable == 8
    assert report.labels == [
        LabelCount(label="no", train=1, validation=1, test=1),
        LabelCount(label="yes", train=2, validation=1, test=2),
    ]
    assert report.speakers == {"train": 2, "validation": 1, "test": 2}
    assert report.split_rule == "as train.csv, val.csv and test.csv say"
    assert not report.synthetic


def test_skipped_files_are_named_in_order_with_the_reason(root: Path) -> None:
    assert check(load(root, None), SETTINGS).skipped == [
        SkippedFile(file="no/2.wav", reason="does not decode (Format not recognised)"),
        SkippedFile(file="no/3.wav", reason="the same file as no/5.wav"),
        SkippedFile(file="up/1.wav", reason="silent (every sample is zero)"),
        SkippedFile(file="yes/6.wav", reason="missing: the table lists it"),
    ]


def test_a_file_that_two_splits_list_counts_once_for_the_test(root: Path) -> None:
    with (root / "train.csv").open("a", encoding="utf-8") as file:
        file.write("yes/4.wav,yes,dan\nyes/1.wav,yes,ann\n")
    report = check(load(root, None), SETTINGS)
    assert report.usable == 8
    assert LabelCount(label="yes", train=2, validation=1, test=2) in report.labels
    assert [row.reason for row in report.skipped if row.file.startswith("yes/")] == [
        "the same file as yes/1.wav",
        "the same file as yes/4.wav",
        "missing: the table lists it",
    ]


@pytest.mark.parametrize("word", [None, "yes", "no"])
def test_a_check_finds_what_a_run_uses(
    root: Path, tmp_path: Path, write_clip: WriteClip, word: str | None
) -> None:
    write_clip(tmp_path / "talk/a.wav", rate=8_000, seconds=3.5)
    write_clip(tmp_path / "talk/b.wav", rate=8_000, seconds=0.5)
    shutil.copy(root / "yes/1.wav", tmp_path / "talk/c.wav")
    corpus = load(root, word, negatives=tmp_path / "talk")
    report = check(corpus, SETTINGS)
    with open_cache(tmp_path / "cache", SETTINGS) as cache:
        chosen, skipped = choose(corpus, SETTINGS, cache)
    assert report.usable == 8 + 3 + 1
    assert report.usable == sum(
        part.positives + part.available_negatives for part in chosen.values()
    )
    assert {(row.file, row.reason) for row in report.skipped} == {
        (row.file, row.reason) for row in (*skipped, *corpus.skipped)
    }
    for split, part in chosen.items():
        counted = {row.label: getattr(row, split) for row in report.labels}
        assert (counted.get(word, 0) if word else 0) == part.positives


def test_speakers_are_not_counted_where_one_is_unknown(root: Path) -> None:
    for name in ("train.csv", "val.csv", "test.csv"):
        text = (root / name).read_text("utf-8")
        (root / name).write_text(text.replace(",cyd", ","), encoding="utf-8")
    report = check(load(root, None), SETTINGS)
    assert report.speakers == {"train": 2, "validation": None, "test": 2}


def test_the_order_of_names_is_that_of_the_labels(tmp_path: Path, write_clip: WriteClip) -> None:
    for label in ("zero", "Apple", "émile", "bed"):
        write_clip(tmp_path / label / "a.wav", rate=8_000)
    report = check(load(tmp_path, None), SETTINGS)
    assert [row.label for row in report.labels] == ["Apple", "bed", "zero", "émile"]
    assert sum(row.train + row.validation + row.test for row in report.labels) == 4
    assert "speakers may be shared" in report.split_rule


def test_progress_rises_to_its_end(root: Path, write_clip: WriteClip) -> None:
    lines = ["file,label,speaker"]
    for number in range(100):
        write_clip(root / f"down/{number}.wav", rate=8_000, seconds=0.1 + 0.01 * (number % 3))
        lines.append(f"down/{number}.wav,down,ann")
    (root / "val.csv").write_text("\n".join(lines), encoding="utf-8")
    corpus = load(root, "yes")
    progress = Recorded()
    report = check(corpus, SETTINGS, progress)
    calls = progress.updates
    every = sum(len(clips) for clips in corpus.splits.values())
    done = [call[0] for call in calls]
    assert report.labels[0] == LabelCount(label="down", train=0, validation=100, test=0)
    assert done == sorted(done)
    assert len(done) > 3
    assert calls[-1] == (every, every)


def test_the_real_commands_can_all_be_used(speech: Path) -> None:
    report = check(load(speech / "commands", "yes"), Mfcc())
    assert report.usable == 3_000
    assert report.skipped == []
    assert report.speakers == {"train": 18, "validation": 6, "test": 6}
    assert len(report.labels) == 10
    assert all((row.train, row.validation, row.test) == (180, 60, 60) for row in report.labels)


def test_the_real_wake_words_have_14_files_that_do_not_decode(speech: Path) -> None:
    report = check(load(speech / "wakewords", "alexa"), Mfcc())
    totals = {row.label: row.train + row.validation + row.test for row in report.labels}
    assert totals == {"alexa": 329 - 14, "computer": 411, "jarvis": 384}
    assert len(report.skipped) == 14
    assert all(row.file.startswith("alexa/") for row in report.skipped)
    assert all("does not decode" in row.reason for row in report.skipped)
    assert report.speakers == {"train": None, "validation": None, "test": None}


def test_a_recorder_for_each_label_is_reported(tmp_path: Path, write_clip: WriteClip) -> None:
    for number in range(12):
        rng = np.random.default_rng(number)
        write_clip(tmp_path / f"yes/{number}.wav", rng.normal(0, 0.1, 4_000), rate=8_000)
        write_clip(tmp_path / f"no/{number}.wav", rng.normal(0, 0.1, 8_000), rate=16_000)
    report = check(load(tmp_path, "yes"), SETTINGS)
    assert report.shortcuts is not None
    assert report.shortcuts.too_easy
    assert "the sample rate [Hz]" in [part.what for part in report.shortcuts.properties]
    assert check(load(tmp_path, None), SETTINGS).shortcuts is None


def test_long_recordings_of_the_word_are_reported(tmp_path: Path, write_clip: WriteClip) -> None:
    rng = np.random.default_rng(0)
    write_clip(tmp_path / "yes/long.wav", rng.normal(0, 0.1, 6 * 8_000), rate=8_000)
    write_clip(tmp_path / "yes/short.wav", rng.normal(0, 0.1, 8_000), rate=8_000)
    write_clip(tmp_path / "no/long.wav", rng.normal(0, 0.1, 7 * 8_000), rate=8_000)
    advice = check(load(tmp_path, "yes"), SETTINGS).long_words
    assert advice is not None
    assert advice.startswith("Of 1 clip of the word that last over 5 s")
    (tmp_path / "yes/long.wav").unlink()
    assert check(load(tmp_path, "yes"), SETTINGS).long_words is None
