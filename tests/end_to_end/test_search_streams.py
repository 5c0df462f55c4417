"""`stapes search --metric frr@R/h` as a user calls it: a few small detectors in a stream."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.end_to_end.command import speak, stapes, stapes_here, stopped
from tests.extras import require

from stapes.system.files import sha256
from stapes.targets import tflm

require(train="tensorflow", synth="espeakng_loader", search="optuna", micro="pymicro_features")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not tflm.available(), reason="needs the extra `micro`"),
]

MINUTE = {
    "stream": {
        "width": 6,
        "blocks": 2,
        "kernel": 3,
        "epochs": 1,
        "steps": 4,
        "words": 8,
        "others": 8,
        "embedded_words": 12,
        "negative_hours": 0.02,
    },
    "detection": {"snr_db": []},
    "synthetic": {"sentence_minutes": 0.5},
    "calibration_clips": 8,
    "budget": {"flash": 30_000, "arena": 30_000},
    "trials": 1,
    "together": 2,
    "epochs": 1,
    "front": 0,
    "techniques": "stream,stream_clustered",
}


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory, cache: Path) -> Path:
    out = tmp_path_factory.mktemp("corpora") / "house"
    speak("house", out, 12, cache)
    return out


@pytest.fixture(scope="module")
def call(tmp_path_factory: pytest.TempPathFactory, corpus: Path) -> list[object]:
    config = tmp_path_factory.mktemp("settings") / "run.yaml"
    config.write_text(yaml.safe_dump({"settings": MINUTE}), "utf-8")
    options = ("--data", corpus, "--config", config, "--metric", "frr@120/h", "--max-frr", 100)
    return ["search", *options]


@pytest.fixture(scope="module")
def search(
    tmp_path_factory: pytest.TempPathFactory, cache: Path, call: list[object]
) -> tuple[Path, subprocess.CompletedProcess[str]]:
    """A search that was killed when its first trial was stored, and called again."""
    out = tmp_path_factory.mktemp("searches") / "house"
    options = (*call, "--out", out)
    at = f"{out}/trials/[0-9]*.tflite"
    scratch = tmp_path_factory.mktemp("stop")
    end, _ = stopped(*options, "--jobs", 1, cache=cache, scratch=scratch, at=at)
    assert end == -signal.SIGKILL
    assert not (out / "report.html").exists()
    return out, stapes(*options, "--jobs", 1, cache=cache)


def results(folder: Path) -> Any:
    return json.loads((folder / "results.json").read_text())


def test_the_trials_are_detectors_in_a_stream_and_the_best_is_measured_in_sound(search):
    out, done = search
    content = results(out)
    check_best(out, 1)
    assert content["search"]["validation_hours"] > 0
    assert content["variants"][0]["detection"]["chosen"]["target_fa_per_hour"] == 120
    assert content["detection"]["target_fa_per_hour"] == 120
    assert "FRR at 120 false accepts an hour in validation sound" in done.stdout
    assert content["recommendation"]["max_frr"] == 100
    assert content["recommendation"]["sentence"] in done.stdout.replace("\n", " ")
    assert "in validation sound" in (out / "report.html").read_text()


def check_best(out: Path, count: int) -> None:
    """Check the trials that were trained, `count` of them, and the rows of the table."""
    content = results(out)
    trials = [trial for trial in content["search"]["trials"] if trial["frr"] is not None]
    assert len(trials) == count
    for trial in trials:
        assert trial["candidate"]["architecture"] == "stream_cnn"
        assert trial["bytes"] == len((out / trial["file"]).read_bytes())
    assert [row["name"] for row in content["variants"]] == ["stream_float32", "best"]
    _, best = content["variants"]
    chosen = content["search"]["trials"][content["search"]["best"]]
    assert chosen["frr"] == min(trial["frr"] for trial in trials)
    assert (out / "models/best.tflite").read_bytes() == (out / chosen["file"]).read_bytes()
    assert best["stream"]["stride"] == chosen["candidate"]["sizes"]["stride"]
    assert best["targets"]["tflm"]["arena_bytes"] == chosen["arena_bytes"]
    assert best["detection"]["conditions"][0]["words"] > 0


def test_without_recordings_sentences_are_spoken_to_train_and_to_count_in(search):
    out, done = search
    content = results(out)
    assert content["streams"]["sound"]["spoken"] == 1
    assert content["detection"]["spoken_hours"] > 0
    # A detector that learned little may have no threshold, so no rate.
    parts = [part for row in content["variants"] for part in row["detection"]["by_source"] or []]
    assert {part["source"] for part in parts} <= {"spoken sentences"}
    assert "Real speech fools a detector more often" in done.stdout
    assert "sentences that espeak-ng speaks stand for running speech" in done.stdout


def test_trials_are_made_again_and_continue_with_any_number_of_workers(
    search, call, cache, tmp_path
):
    out, _ = search
    more = tmp_path / "more"
    shutil.copytree(out, more)
    [trial] = results(out)["search"]["trials"]
    (more / trial["file"]).unlink()
    stapes(*call, "--out", more, "--trials", 2, "--jobs", 2, cache=cache)
    assert sha256(more / trial["file"]) == trial["sha256"]
    check_best(more, 2)
    after = results(more)
    assert sha256(more / "stream.keras") == sha256(out / "stream.keras")
    assert after["streams"] == results(out)["streams"]
    reference, before = (run["variants"][0] for run in (after, results(out)))
    assert reference["sha256"] == before["sha256"]
    assert reference["detection"] == before["detection"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            ["--metric", "frr@0.5"],
            "makes detectors in a stream; search for them with --metric frr@1/h",
        ),
        (
            ["--techniques", "int8"],
            "makes models of windows; search for them with --metric frr@0.5",
        ),
        (["--architectures", "ds_cnn"], "a detector in a stream has one, stream_cnn"),
        (["--cluster", "ray"], "--cluster"),
    ],
)
def test_a_wrong_call_is_one_sentence_and_writes_nothing(call, cache, tmp_path, options, message):
    out = tmp_path / "out"
    status, _, printed = stapes_here(*call, *options, "--out", out, cache=cache, cwd=tmp_path)
    assert status == 2
    assert message in printed
    assert len(printed.strip().splitlines()) == 1
    assert not out.exists()
