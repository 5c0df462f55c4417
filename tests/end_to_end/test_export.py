"""`stapes export` of a run: its files, its checks in the run's own sound, and what it refuses."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import yaml
from tests.end_to_end.command import stapes, stapes_here
from tests.end_to_end.conftest import StreamRun
from tests.extras import require
from tests.processes import MOST_SECONDS

require(train="tensorflow", micro="pymicro_features")

pytestmark = pytest.mark.slow


def export(stream_run: StreamRun, run: Path, out: Path, *options: object, status: int | None = 0):
    call = ("export", run, "--to", "esphome", "-o", out, "--languages", "en", *options)
    return stapes(*call, cache=stream_run.cache, status=status)


def checks(printed: str) -> dict[str, Any]:
    return {check["name"]: check for check in json.loads(printed)["checks"]}


@pytest.fixture(scope="module")
def exported(stream_run: StreamRun, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Any]:
    pytest.importorskip("tflite_micro", reason="the extra `micro` is not installed")
    out = tmp_path_factory.mktemp("exported") / "rise"
    done = export(stream_run, stream_run.out, out, "--variant", "stream", "--check", "--json")
    return out, json.loads(done.stdout)


def test_the_files_are_those_of_the_row_and_its_point(stream_run, exported):
    out, document = exported
    assert sorted(path.name for path in out.iterdir()) == sorted(document["files"])
    row = next(
        row
        for row in json.loads((stream_run.out / "results.json").read_text())["variants"]
        if row["name"] == "stream"
    )
    assert (out / "rise.tflite").read_bytes() == (stream_run.out / row["file"]).read_bytes()
    micro = json.loads((out / "rise.json").read_text())["micro"]
    chosen = row["detection"]["chosen"]
    assert int(micro["probability_cutoff"] * 255) == chosen["cutoff"] == document["cutoff"]
    assert micro["sliding_window_size"] == row["detection"]["sliding_window"]
    arena = row["targets"]["tflm"]["arena_bytes"]
    assert 1.25 * arena <= micro["tensor_arena_size"] < 1.25 * arena + 16
    assert document["point"]["misses"] == chosen["misses"]


def test_tflite_micro_decides_as_results_json_claims(exported):
    check = {check["name"]: check for check in exported[1]["checks"]}["TFLite Micro"]
    assert check["passed"], check["detail"]
    assert check["detail"].endswith("results.json has the same")


def test_pymicro_wakeword_decides_as_a_device(exported):
    pytest.importorskip("pymicro_wakeword", reason="pymicro-wakeword is not installed")
    check = {check["name"]: check for check in exported[1]["checks"]}["pymicro-wakeword"]
    assert check["passed"], check["detail"]
    assert "wrap round where a device clamps" in check["detail"]


def test_a_check_without_its_program_does_not_pass(exported):
    check = {check["name"]: check for check in exported[1]["checks"]}["esphome config"]
    installed = shutil.which("esphome") or Path(sys.executable).with_name("esphome").is_file()
    assert check["passed"] is (True if installed else None)


def test_a_claim_that_does_not_hold_fails_with_both_counts(stream_run, exported, tmp_path):
    run = copy_of(stream_run, tmp_path)
    results = json.loads((run / "results.json").read_text())
    for row in results["variants"]:
        row["detection"]["chosen"]["misses"] -= 1
    (run / "results.json").write_text(json.dumps(results))
    options = ("--variant", "stream", "--check", "--json")
    check = checks(export(stream_run, run, tmp_path / "out", *options, status=1).stdout)
    assert check["TFLite Micro"]["passed"] is False
    assert "results.json has " in check["TFLite Micro"]["detail"]
    assert "the same" not in check["TFLite Micro"]["detail"]


def test_without_its_recordings_nothing_is_checked_in_sound(stream_run, exported, tmp_path):
    run = copy_of(stream_run, tmp_path)
    settings = yaml.safe_load((run / "run.yaml").read_text())
    for folder, reason in (("talk", "not those that the run was tested with"), ("gone", "gone")):
        settings["settings"]["continuous"] = str(stream_run.sound / folder)
        (run / "run.yaml").write_text(yaml.safe_dump(settings))
        options = ("--variant", "stream", "--check", "--json")
        check = checks(export(stream_run, run, tmp_path / "out", *options).stdout)
        for name in ("TFLite Micro", "pymicro-wakeword"):
            assert check[name]["passed"] is None
            assert reason in check[name]["detail"]


def test_a_window_that_a_deaf_device_cannot_fill_is_not_checked(stream_run, exported, tmp_path):
    options = ("--variant", "stream", "--cutoff", "0.5", "--window", "50", "--check", "--json")
    check = checks(export(stream_run, stream_run.out, tmp_path / "out", *options).stdout)
    assert check["TFLite Micro"]["passed"] is None
    assert "a sliding window of 50 outputs" in check["TFLite Micro"]["detail"]


def test_a_file_of_others_has_no_sound_to_be_checked_in(stream_run, exported, tmp_path):
    options = (exported[0] / "rise.json", tmp_path / "out", "--check", "--json")
    check = checks(export(stream_run, *options).stdout)
    for name in ("TFLite Micro", "pymicro-wakeword"):
        assert check[name]["passed"] is None
        assert check[name]["detail"] == "a file has no test sound; the folder of a run has"


def test_pymicro_wakeword_s_own_command_detects_with_the_files(stream_run, exported, tmp_path):
    package = pytest.importorskip("pymicro_wakeword", reason="pymicro-wakeword is not installed")
    sounds = sorted((stream_run.sound / "continuous").glob("*.wav"))
    pcm = np.concatenate([soundfile.read(path, dtype="int16")[0] for path in sounds]).tobytes()

    def scores(manifest: Path) -> list[float]:
        model = package.MicroWakeWord.from_config(manifest)
        features = package.MicroWakeWordFeatures().process_streaming(pcm)
        return [score for part in features if (score := model.process_streaming_prob(part))]

    # A cutoff that half of the steps are above: hardly trained, it detects nothing at its own.
    cutoff = round(float(np.median(scores(exported[0] / "rise.json"))), 3)
    options = ("--variant", "stream", "--cutoff", cutoff, "--window", 5)
    export(stream_run, stream_run.out, tmp_path / "low", *options)
    manifest = tmp_path / "low" / "rise.json"
    done = subprocess.run(
        [sys.executable, "-m", "pymicro_wakeword", "--config", str(manifest)],
        input=pcm,
        capture_output=True,
        timeout=MOST_SECONDS,
    )
    assert done.returncode == 0, done.stderr
    expected = [score > cutoff for score in scores(manifest)]
    assert done.stdout.decode().split() == ["rise"] * sum(expected)
    assert 0 < sum(expected) < len(expected)


def test_the_text_names_the_files_and_the_figures(stream_run, tmp_path):
    done = export(stream_run, stream_run.out, tmp_path / "out", "--variant", "stream")
    assert "Written: rise.tflite, README.md, rise.yaml, rise.json" in done.stdout
    assert "Measured there: it misses" in done.stdout
    assert "Tensor arena: " in done.stdout


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (("--variant", "stream_float32"), "stream_float32.tflite: ESPHome does not run it"),
        (("--variant", "stream", "--cutoff-for", "0.5"), "--cutoff-for: not resolvable"),
        (("--variant", "stream", "--cutoff", "2"), "--cutoff: "),
        (("--variant", "strem"), "--variant: strem is unknown (did you mean stream?)"),
        (("--to", "espresso"), "--to: espresso is unknown"),
    ],
)
def test_a_refusal_is_one_sentence_and_writes_nothing(stream_run, tmp_path, options, sentence):
    call = ("export", stream_run.out, "--to", "esphome", "-o", tmp_path / "out", *options)
    status, _, message = stapes_here(*call, cache=stream_run.cache, cwd=tmp_path)
    assert status in (1, 2)
    assert sentence in message
    assert len(message.splitlines()) == 1
    assert not (tmp_path / "out").exists()


def copy_of(stream_run: StreamRun, folder: Path) -> Path:
    return Path(shutil.copytree(stream_run.out, folder / "run"))
