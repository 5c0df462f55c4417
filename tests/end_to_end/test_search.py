"""`stapes search` as a user calls it: one small search, and all that it writes."""

from __future__ import annotations

import hashlib
import json
import shutil
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.end_to_end.command import require, speak, stapes, stopped

from stapes.targets import tflm

require(train="tensorflow", synth="espeakng_loader", search="optuna")

SMALL = ["--quick", "--frontends", "logmel,mfcc", "--techniques", "int8,clustered_lut"]

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
    assert len(trained) == 4
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


def test_a_killed_search_ends_the_same(search, corpus, cache, tmp_path):
    out, _ = search
    again = tmp_path / "again"
    call = ["search", "--data", corpus, "--out", again, *SMALL, "--jobs", "1"]
    at = f"{again}/trials/[0-9]*.tflite"
    end, _ = stopped(*call, cache=cache, scratch=tmp_path / "stop", at=at)
    assert end == -signal.SIGKILL
    assert not (again / "report.html").exists()
    stapes(*call, cache=cache)
    assert untimed(again) == untimed(out)
    for path in (out / "trials").iterdir():
        assert (again / "trials" / path.name).read_bytes() == path.read_bytes()


@pytest.mark.thorough
def test_more_trials_continue_the_search(search, corpus, cache, tmp_path):
    out, _ = search
    more = tmp_path / "more"
    shutil.copytree(out, more)
    call = ("search", "--data", corpus, "--out", more, *SMALL, "--trials", 5, "--jobs", 1)
    stapes(*call, cache=cache)
    before, after = (results(folder)["search"]["trials"] for folder in (out, more))
    for old, new in zip(before, after, strict=False):
        assert {**old, "variant": None, "front": None} == {**new, "variant": None, "front": None}
    assert sum(trial["frr"] is not None for trial in after) == 5
    assert yaml.safe_load((more / "run.yaml").read_text())["settings"]["trials"] == 5


def test_another_command_is_refused_in_its_folder(search, corpus, cache):
    out, _ = search
    other = stapes(
        "search", "--data", corpus, "--out", out, *SMALL, "--seed", 1, cache=cache, status=2
    )
    assert "holds another run (its settings.seed is 0, not 1)" in other.stderr
    run = stapes("run", "--data", corpus, "--out", out, "--quick", cache=cache, status=2)
    assert "is the folder of a stapes search" in run.stderr


@pytest.fixture(scope="module")
def two_words(tmp_path_factory: pytest.TempPathFactory, cache: Path, corpus: Path) -> Path:
    """The corpus with the clips of another word in it, by the same voices."""
    other = tmp_path_factory.mktemp("corpora") / "mouse"
    speak("jarvis", other, 20, cache)
    shutil.copytree(corpus / "house", other / "house", dirs_exist_ok=True)
    for split in ("train", "val", "test"):
        lines, house = (
            (folder / f"{split}.csv").read_text().splitlines() for folder in (other, corpus)
        )
        lines += [line for line in house if ",house," in line and line not in lines]
        (other / f"{split}.csv").write_text("\n".join(lines) + "\n")
    return other


@pytest.mark.thorough
def test_many_words_have_a_folder_each_and_one_page(two_words, cache, tmp_path):
    done = stapes(
        *("search", "--data", two_words, "--words", "house,jarvis", "--out", tmp_path, "--quick"),
        *("--frontends", "logmel", "--trials", 1, "--techniques", "int8", "--json", "--jobs", 1),
        cache=cache,
    )
    by_word = json.loads(done.stdout)
    assert list(by_word) == ["house", "jarvis"]
    page = (tmp_path / "report.html").read_text()
    for word in by_word:
        assert results(tmp_path / word)["word"] == word
        assert (tmp_path / word / "models/best.tflite").is_file()
        assert f"./{word}/report.html" in page
    missing = ("--data", two_words, "--words", "house,nothing", "--out", tmp_path / "missing")
    refused = stapes("search", *missing, cache=cache, status=2)
    assert "nothing" in refused.stderr
    assert not (tmp_path / "missing").exists()
    twice = ("--data", two_words, "--words", "house,house", "--out", tmp_path / "twice")
    refused = stapes("search", *twice, cache=cache, status=2)
    assert "--words: give different words" in refused.stderr


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
    done = stapes("search", "--data", corpus, "--out", out, *options, cache=cache, status=2)
    assert message in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert not out.exists()
