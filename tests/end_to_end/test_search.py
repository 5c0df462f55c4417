"""`stapes search` as a user calls it: one small search, and all that it writes."""

from __future__ import annotations

import hashlib
import json
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.end_to_end.command import speak, stapes, stapes_here, stopped
from tests.extras import require
from tests.report import results_by_hand

from stapes.search import pipeline
from stapes.targets import tflm

require(train="tensorflow", synth="espeakng_loader", search="optuna")

SMALL = [
    *("--quick", "--trials", 2, "--frontends", "logmel,mfcc"),
    *("--techniques", "int8,clustered_lut"),
]

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not tflm.available(), reason="needs the extra `micro`"),
]


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory, cache: Path) -> Path:
    out = tmp_path_factory.mktemp("corpora") / "house"
    speak("house", out, 20, cache)
    return out


@pytest.fixture(scope="module")
def search(
    tmp_path_factory: pytest.TempPathFactory, cache: Path, corpus: Path
) -> tuple[Path, subprocess.CompletedProcess[str]]:
    out = tmp_path_factory.mktemp("searches") / "house"
    return out, stapes("search", "--data", corpus, "--out", out, *SMALL, cache=cache)


def results(folder: Path) -> Any:
    return json.loads((folder / "results.json").read_text())


def untimed(folder: Path) -> Any:
    """results.json without times, which are never the same twice."""
    content = results(folder)
    for trial in content["search"]["trials"]:
        del trial["seconds"]
    for row in content["variants"]:
        for name in ("latency_us_p50", "latency_us_p99", "configuration"):
            row["targets"]["litert"].pop(name)
    return content


def test_the_folder_holds_the_study_the_trials_and_the_files_of_a_run(search):
    out, _ = search
    assert {path.name for path in out.iterdir()} == {
        *("run.yaml", "baseline.keras", "models", "results.json", "results.csv", "report.html"),
        *("log.txt", "study.db", "trials"),
    }
    trained = [trial for trial in results(out)["search"]["trials"] if trial["frr"] is not None]
    assert len(trained) == 2
    for trial in trained:
        content = (out / trial["file"]).read_bytes()
        assert trial["bytes"] == len(content)
        assert trial["sha256"] == hashlib.sha256(content).hexdigest()


def test_the_best_fits_the_budget_and_is_measured_on_test_clips(search):
    out, _ = search
    content = results(out)
    assert [row["name"] for row in content["variants"]][:2] == ["float32", "best"]
    best = content["variants"][1]
    trial = content["search"]["trials"][content["search"]["best"]]
    assert trial["variant"] == "best"
    assert (out / "models/best.tflite").read_bytes() == (out / trial["file"]).read_bytes()
    assert best["bytes"] <= 6000
    assert best["targets"]["tflm"]["runs"]
    assert best["targets"]["tflm"]["arena_bytes"] == trial["arena_bytes"] <= 12_000
    assert best["n_test"] == len(content["clips"]) == len(best["scores"])
    fitting = [
        one["frr"]
        for one in content["search"]["trials"]
        if one["frr"] is not None and one["bytes"] <= 6000 and one["arena_bytes"] <= 12_000
    ]
    assert trial["frr"] == min(fitting)
    assert best["misses"]["against_float32"]["p"] <= 1
    assert content["recommendation"]["variant"] == "best"


def test_the_front_and_the_recommendation_are_printed(search):
    out, done = search
    assert "The front of the search" in done.stdout
    assert "Ship best" in done.stdout
    assert "trial 0: " in done.stdout
    page = (out / "report.html").read_text()
    assert "The search" in page
    assert "stapes search --config run.yaml" in page
    again = stapes("report", out, cache=out.parent / "cache")
    assert "The front of the search" in again.stdout


def test_a_killed_search_ends_the_same_as_one_of_more_trials(search, corpus, cache, tmp_path):
    out, _ = search
    again = tmp_path / "again"
    call = ["search", "--data", corpus, "--out", again, *SMALL, "--jobs", "1"]
    at, scratch = f"{again}/trials/[0-9]*.tflite", tmp_path / "stop"
    end, _ = stopped(*call, "--trials", 1, cache=cache, scratch=scratch, at=at)
    assert end == -signal.SIGKILL
    assert not (again / "report.html").exists()
    stapes(*call, cache=cache)
    assert untimed(again) == untimed(out)
    for path in (out / "trials").iterdir():
        assert (again / "trials" / path.name).read_bytes() == path.read_bytes()
    assert yaml.safe_load((again / "run.yaml").read_text())["settings"]["trials"] == 2


def test_another_command_is_refused_in_its_folder(search, corpus, cache):
    out, _ = search
    call = ("--data", corpus, "--out", out)
    here = {"cache": cache, "cwd": out}
    status, _, message = stapes_here("search", *call, *SMALL, "--seed", 1, **here)
    assert status == 2
    assert "holds another run (its settings.seed is 0, not 1)" in message
    status, _, message = stapes_here("run", *call, "--quick", **here)
    assert status == 2
    assert "is the folder of a stapes search" in message


def test_many_words_have_a_folder_each_and_one_page(tmp_path, write_clip, monkeypatch):
    data, out, searched = tmp_path / "data", tmp_path / "out", []
    for word in ("house", "jarvis"):
        write_clip(data / word / "00000000_nohash_0.wav")

    def fake(job):
        """A search of a word, without its work."""
        searched.append((job.settings.word, job.settings.data, job.folder.path))
        job.folder.path.mkdir(parents=True)
        return results_by_hand.searched(word=job.settings.word)

    monkeypatch.setattr(pipeline, "search", fake)

    def call(words, folder):
        arguments = ("search", "--data", data, "--words", words, "--out", folder, "--json")
        return stapes_here(*arguments, cache=tmp_path / "cache", cwd=tmp_path)

    status, printed, _ = call("house,jarvis", out)
    assert status == 0
    assert searched == [(word, data, out / word) for word in ("house", "jarvis")]
    by_word = json.loads(printed)
    assert [(name, part["word"]) for name, part in by_word.items()] == [
        ("house", "house"),
        ("jarvis", "jarvis"),
    ]
    page = (out / "report.html").read_text()
    for word in by_word:
        assert f"./{word}/report.html" in page
    status, _, message = call("house,nothing", tmp_path / "missing")
    assert status == 2
    assert "nothing" in message
    status, _, message = call("house,house", tmp_path / "twice")
    assert status == 2
    assert "--words: give different words" in message
    assert len(searched) == 2
    assert not (tmp_path / "missing").exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--budget", "latency=5"], "leave latency out"),
        (["--metric", "accuracy"], "give frr@P"),
        (["--architectures", "transformer"], "transformer is unknown"),
        (["--frontends", "wavelet"], "known are mfcc, logmel, micro"),
        (["--techniques", "float32"], "float32 is unknown"),
        (["--word", "a", "--words", "a,b"], "omit --word"),
        (["--words", ","], "--words"),
        (["--trials", "0"], "trials"),
    ],
)
def test_a_wrong_call_is_one_sentence_and_writes_nothing(corpus, cache, tmp_path, options, message):
    out = tmp_path / "out"
    call = ("search", "--data", corpus, "--out", out, *options)
    status, _, printed = stapes_here(*call, cache=cache, cwd=tmp_path)
    assert status == 2
    assert message in printed
    assert len(printed.strip().splitlines()) == 1
    assert not out.exists()
