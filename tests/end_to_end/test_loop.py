"""The loop: a run learns from labelled captures, and is compared with the run before."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import yaml
from tests.data.captures import keep
from tests.end_to_end import toy_word
from tests.end_to_end.command import stapes, stapes_here
from tests.end_to_end.conftest import StreamRun
from tests.extras import require

from stapes.contracts.results import read
from stapes.report import before
from stapes.system.files import sha256

require(train="tensorflow", micro="pymicro_features")

pytestmark = pytest.mark.slow


@dataclass(frozen=True)
class Loop:
    """A run that learned from captures.

    kept : the folder of captures
    learned : the recording of `--continuous` that some were cut from
    """

    kept: Path
    out: Path
    learned: Path
    call: tuple[object, ...]
    printed: str
    results: Any


def learn(stream_run: StreamRun, folder: Path) -> Loop:
    """Make captures of every kind, and learn from them."""
    rng = np.random.default_rng(7)
    kept = folder / "kept"
    learned = min((stream_run.sound / "continuous").glob("*.wav"))
    y, _ = soundfile.read(learned)
    for number in range(3):
        parts = [rng.normal(0, 0.003, 36_000), toy_word.tone(rng, rises=True)]
        keep(kept / "yes", f"missed-{number}", np.concatenate([*parts, np.zeros(16_000)]))
        accept = y[number * 64_000 :][:64_000]
        source = {"source": learned.name, "source_sha256": sha256(learned)}
        keep(kept / "no", f"accepted-{number}", accept, kind="detection", **source)
    keep(kept / "no", "of-another-word", y[:64_000], wake_word="Alexa")
    keep(kept, "unlabelled", y[:64_000])
    # A clip of the test, which a person put there.
    tested = json.loads((stream_run.out / "results.json").read_text())["clips"][0]["name"]
    keep(kept / "yes", "tested")
    shutil.copy(stream_run.sound / "data" / tested, kept / "yes" / "tested.wav")
    out = folder / "run"
    options = ("--captures", kept, "--techniques", "stream", "--jobs", 1)
    call = (*stream_run.call(out, *options), "--before", stream_run.out)
    done = stapes(*call, cache=stream_run.cache)
    results = json.loads((out / "results.json").read_text())
    return Loop(kept, out, learned, call, done.stdout, results)


@pytest.fixture(scope="module")
def loop(stream_run: StreamRun, tmp_path_factory: pytest.TempPathFactory) -> Loop:
    return learn(stream_run, tmp_path_factory.mktemp("loop"))


def test_captures_are_learned_from_and_others_are_left_out_with_a_reason(loop: Loop) -> None:
    sound = loop.results["streams"]["sound"]
    assert (sound["captured_words"], sound["captured_others"]) == (3, 3)
    skipped = {row["file"]: row["reason"] for row in loop.results["data"]["skipped"]}
    assert skipped["captures/no/of-another-word.wav"] == "its label is about the word Alexa"
    assert skipped["captures/yes/tested.wav"] == "it is of sound that validates or tests"
    assert f"1 capture in {loop.kept} without a label is not used" in loop.printed
    assert "6 captures (3 of the word)" in " ".join(loop.printed.split())
    where = (loop.out / "where.csv").read_text()
    assert [f"captures/yes/missed-{number}.wav" in where for number in range(3)] == [True] * 3


def test_a_recording_that_was_learned_from_is_not_counted_in(loop: Loop) -> None:
    detection = loop.results["detection"]
    skipped = {Path(row["file"]).name: row["reason"] for row in detection["skipped"]}
    assert skipped[loop.learned.name] == "its sound was trained on"
    assert detection["files"] == 2


def test_before_and_after_are_compared_in_the_same_sound(stream_run: StreamRun, loop: Loop) -> None:
    earlier, compared = read(stream_run.out / "results.json"), loop.results["before"]
    assert compared["run"] == str(stream_run.out)
    assert compared["sha256"] == earlier[compared["variant"]].sha256
    assert compared["sound_sha256"] == loop.results["detection"]["sha256"]
    assert compared["same_data"] is True
    [row] = [row for row in loop.results["variants"] if row["name"] == compared["after"]]
    assert compared["after_sha256"] == row["sha256"]
    chosen, shipped = row["detection"]["chosen"], compared["as_shipped"]
    for name in ("threshold", "cutoff", "misses", "false_accepts", "fa_per_hour"):
        assert shipped["after"][name] == chosen[name]
    detection = earlier[compared["variant"]].detection
    assert detection is not None
    assert shipped["before"]["threshold"] == detection.threshold
    words = shipped["words"]
    assert words["n"] == loop.results["data"]["splits"]["test"]["positives"]
    apart = words["only_this_wrong"] - words["only_other_wrong"]
    assert apart == shipped["after"]["misses"] - shipped["before"]["misses"]


def test_the_terminal_and_the_page_show_both(loop: Loop) -> None:
    results = read(loop.out / "results.json")
    assert results.before is not None
    page = (loop.out / "report.html").read_text("utf-8")
    assert '<section id="before">' in page
    for name, _ in before.rows(results.before):
        assert name in loop.printed
        assert name in page
    for sentence in before.sentences(results):
        assert sentence in loop.printed


def test_a_run_belongs_to_its_captures(loop: Loop, stream_run: StreamRun, tmp_path: Path) -> None:
    described = yaml.safe_load((loop.out / "run.yaml").read_text())
    assert described["settings"]["captures"] == str(loop.kept)
    changed = loop.kept / "no" / "accepted-0.wav"
    original = changed.read_bytes()
    try:
        changed.write_bytes((loop.kept / "no" / "accepted-1.wav").read_bytes())
        status, _, errors = stapes_here(*loop.call, cache=stream_run.cache, cwd=tmp_path)
    finally:
        changed.write_bytes(original)
    assert status == 2
    assert "began with other clips" in errors


def test_wrong_calls_are_one_sentence(stream_run: StreamRun, loop: Loop, tmp_path: Path) -> None:
    keep(tmp_path / "unlabelled", "a")
    keep(tmp_path / "others" / "no", "a", wake_word="Alexa")
    out = tmp_path / "out"
    calls = {
        ("--captures", tmp_path / "none"): "there is no such folder",
        ("--captures", tmp_path / "unlabelled"): "no capture of rise has a label",
        ("--captures", tmp_path / "others"): "no capture of rise has a label",
        ("--captures", loop.kept, "--techniques", "int8"): "only detectors in a stream learn",
        ("--before", tmp_path): "results.json cannot be read",
        ("--before", out): "is this run's own folder",
        ("--before", stream_run.out, "--word", "fall"): "its word is rise, not fall",
    }
    for options, message in calls.items():
        call = stream_run.call(out, *options)
        status, _, errors = stapes_here(*call, cache=stream_run.cache, cwd=tmp_path)
        assert (status, len(errors.splitlines())) == (2, 1), errors
        assert message in errors
    assert not out.exists()
    call = ("search", "--word", "rise", "--config", loop.out / "run.yaml", "--out", out)
    status, _, errors = stapes_here(*call, cache=stream_run.cache, cwd=tmp_path)
    assert (status, "a search does not learn from captures" in errors) == (2, True)
