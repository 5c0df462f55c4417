"""`stapes run` as a user calls it: one small run on synthetic speech, and all that it writes."""

from __future__ import annotations

import csv
import json
import shutil
import signal
import subprocess
from pathlib import Path

import pytest
import yaml
from tests.end_to_end.command import speak, stapes, stapes_here, stopped
from tests.end_to_end.contents import contents, part
from tests.extras import require

from stapes.system.files import sha256

require(train="tensorflow", synth="espeakng_loader")

# Rows of each kind: converted, quantized, from a shared stage, trained on it, with fewer filters,
# a student, and one that is chosen on validation clips.
ROWS = [
    *("float32", "uint8", "int16x8", "pruned", "pruned_int8", "pruned_sparse", "pruned_2by4"),
    *("pruned_channels", "pqat", "distilled", "tiny"),
]
SMALL = ["--quick", "--techniques", ",".join(ROWS)]
# Each worker imports TensorFlow, so a run for itself has one.
JOBS = 1

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory, cache: Path) -> Path:
    out = tmp_path_factory.mktemp("corpora") / "house"
    speak("house", out, 10, cache)
    return out


@pytest.fixture(scope="module")
def run(
    tmp_path_factory: pytest.TempPathFactory, cache: Path, corpus: Path
) -> tuple[Path, subprocess.CompletedProcess[str]]:
    out = tmp_path_factory.mktemp("runs") / "house"
    call = ("run", "--data", corpus, "--out", out, *SMALL, "--jobs", 2)
    return out, stapes(*call, cache=cache)


def test_the_run_folder_holds_what_the_design_lists(run):
    out, _ = run
    assert {path.name for path in out.iterdir()} == {
        *("run.yaml", "baseline.keras", "models", "results.json", "results.csv", "report.html"),
        "log.txt",
    }
    assert {path.name for path in (out / "models").iterdir()} == {f"{row}.tflite" for row in ROWS}


def test_the_table_has_every_row_and_a_note_that_the_speech_is_synthetic(run):
    _, done = run
    for row in ROWS:
        assert f" {row} " in done.stdout
    assert "The speech is synthetic" in done.stdout
    assert "without scale and zero point" in done.stdout


def test_every_step_is_printed_to_a_pipe(run):
    _, done = run
    for step in ("Computing features", "Training the baseline", "Making and measuring models"):
        assert step in done.stdout
    assert "\x1b" not in done.stdout


def test_results_json_describes_the_model_files(run):
    out, _ = run
    results = json.loads((out / "results.json").read_text())
    assert results["schema"] == 1
    assert [row["name"] for row in results["variants"]] == ROWS
    assert results["baseline"]["parameters"] == 20_226
    assert results["baseline"]["macs"] == 1_388_164
    assert results["data"]["synthetic"] is True
    for row in results["variants"]:
        content = (out / row["file"]).read_bytes()
        assert row["bytes"] == len(content)
        assert row["sha256"] == sha256(out / row["file"])
        assert row["data_bytes"] < row["bytes"]
        smaller = {"pruned_2by4": 2_646, "pruned_channels": 5_982, "distilled": 3_266, "tiny": 350}
        assert row["parameters"] == smaller.get(row["name"], 20_226)
        confusion = row["confusion"]
        assert sum(confusion.values()) == row["n_test"]
        correct = confusion["true_positives"] + confusion["true_negatives"]
        assert row["accuracy"] == correct / row["n_test"]
        low, high = row["accuracy_ci95"]
        assert low <= row["accuracy"] <= high


def test_every_row_is_tried_on_every_target(run):
    pytest.importorskip("tflite_micro", reason="the extra `micro` is not installed")
    pytest.importorskip("ethosu", reason="the extra `npu` is not installed")
    out, done = run
    rows = {row["name"]: row for row in json.loads((out / "results.json").read_text())["variants"]}
    for row in rows.values():
        assert list(row["targets"]) == ["litert", "tflm", "ethos_u55", "ethos_u85", "esphome"]
        for target in row["targets"].values():
            assert target["runs"] or target["reason"]
        litert = row["targets"]["litert"]
        assert 0 < litert["latency_us_p50"] <= litert["latency_us_p99"]
        tflm = row["targets"]["tflm"]
        if row["name"] == "pruned_sparse":
            assert "DENSIFY" in tflm["reason"]
            continue
        assert tflm["n_compared"] == row["n_test"]
        # Kernels round differently, so a model that learned little may decide two clips otherwise.
        assert tflm["decisions_that_differ"] <= 2
        assert not row["targets"]["esphome"]["runs"]
    # Published for the same converter: 85,768 and 23,664 bytes.
    assert rows["float32"]["targets"]["tflm"]["arena_bytes"] == pytest.approx(85_768, abs=64)
    assert rows["uint8"]["targets"]["ethos_u55"]["runs"]
    assert "Float32" in rows["float32"]["targets"]["ethos_u55"]["reason"]
    assert "On the targets" in done.stdout


def test_models_of_windows_are_measured_in_continuous_sound_where_asked_for(run):
    out, _ = run
    results = json.loads((out / "results.json").read_text())
    assert results["detection"] is None
    assert all(row["detection"] is None for row in results["variants"])
    assert "measure with --detect all" in json.dumps(results["recommendation"])


def test_every_row_is_compared_with_float32_on_the_same_clips(run):
    out, _ = run
    results = json.loads((out / "results.json").read_text())
    clips = results["clips"]
    for row in results["variants"]:
        assert len(row["scores"]) == len(clips) == row["n_test"]
        misses = sum(clips[place]["word"] for place in row["wrong"])
        assert misses == row["confusion"]["false_negatives"]
        assert len(row["wrong"]) - misses == row["confusion"]["false_positives"]
        assert (row["against_float32"] is None) == (row["name"] == "float32")
        assert sum(row["bytes_by_kind"].values()) == row["bytes"]


def test_a_finished_run_recommends_for_another_budget(run, cache, corpus, tmp_path):
    out, done = run
    first = json.loads((out / "results.json").read_text())["recommendation"]
    assert first["sentence"] in done.stdout
    copy = tmp_path / "copy"
    shutil.copytree(out, copy)
    call = ("run", "--data", corpus, "--out", copy, *SMALL, "--max-drop", 100)
    again = stapes(*call, "--budget", "flash=6k,arena=24k", cache=cache)
    assert "Training" not in again.stdout
    second = json.loads((copy / "results.json").read_text())["recommendation"]
    # A few clips, and models that learned little: always the same answer could be as good.
    assert second["variant"] is None
    assert "it decides at chance" in second["sentence"]
    assert second["budget"] == {"flash": 6000, "arena": 24000}
    assert yaml.safe_load((copy / "run.yaml").read_text())["settings"]["max_drop"] == 100
    none = stapes(*call, "--budget", "flash=1k", cache=cache)
    assert "No variant fits flash 1,000 bytes" in none.stdout
    assert "bytes over" in none.stdout
    before, after = contents(out), contents(copy)
    # The table says of each row why it is not recommended.
    changed = {name for name in before if before[name] != after[name]}
    assert changed == {"run.yaml", "results.json", "results.csv"}


def test_models_with_integer_input_have_a_cast_fault(run):
    out, _ = run
    rows = {row["name"]: row for row in json.loads((out / "results.json").read_text())["variants"]}
    integer = {"uint8", "pruned_int8", "pqat", "distilled", "tiny"}
    assert {name for name, row in rows.items() if row["if_cast_unscaled"]} == integer
    fault = rows["uint8"]["if_cast_unscaled"]
    assert sum(fault["confusion"].values()) == rows["uint8"]["n_test"]
    assert any("cast" in note for note in rows["uint8"]["notes"])


def test_results_csv_has_the_rows_of_results_json(run):
    out, _ = run
    rows = list(csv.DictReader((out / "results.csv").open()))
    results = json.loads((out / "results.json").read_text())
    assert [(row["name"], row["bytes"], row["sha256"]) for row in rows] == [
        (row["name"], str(row["bytes"]), row["sha256"]) for row in results["variants"]
    ]


def test_no_speaker_of_the_training_clips_is_in_the_test_clips(run, corpus):
    speakers = {
        name: {row["speaker"] for row in csv.DictReader((corpus / f"{name}.csv").open())}
        for name in ("train", "val", "test")
    }
    assert not speakers["train"] & speakers["test"]
    assert not speakers["train"] & speakers["val"]
    assert not speakers["val"] & speakers["test"]


@pytest.fixture(scope="module")
def logmel(
    tmp_path_factory: pytest.TempPathFactory, cache: Path, corpus: Path
) -> tuple[Path, tuple[object, ...], str]:
    """A small run on another frontend and architecture, its command, and what it printed."""
    out = tmp_path_factory.mktemp("runs") / "logmel"
    options = ("--quick", "--techniques", "float32,uint8", "--frontend", "logmel")
    other = ("--architecture", "bc_resnet", "--jobs", JOBS)
    call = ("run", "--data", corpus, "--out", out, *options, *other)
    return out, call, stapes(*call, cache=cache).stdout


def test_another_architecture_is_the_baseline_without_batch_normalization(logmel):
    out, _, _ = logmel
    results = json.loads((out / "results.json").read_text())
    assert results["baseline"]["parameters"] == 634
    rows = {row["name"]: row for row in results["variants"]}
    assert rows["float32"]["parameters"] == 634
    assert all(row["targets"]["litert"]["runs"] for row in rows.values())
    settings = yaml.safe_load((out / "run.yaml").read_text())["settings"]
    assert (settings["architecture"], settings["sizes"]) == ("bc_resnet", {})


def test_a_run_on_logmel_is_measured_on_logmel(logmel, corpus, cache):
    out, call, _ = logmel
    config = yaml.safe_load((out / "run.yaml").read_text())
    assert config["settings"]["frontend"]["kind"] == "logmel"
    rows = json.loads((out / "results.json").read_text())["variants"]
    assert [row["name"] for row in rows] == ["float32", "uint8"]
    model = out / "models" / "uint8.tflite"
    options = ["--data", corpus, "--word", "house", "--frontend", "logmel", "--json"]
    evaluation = json.loads(stapes("evaluate", model, *options, cache=cache).stdout)
    assert evaluation["confusion"] == rows[1]["confusion"]
    # The same command again makes nothing.
    again = stapes(*call, cache=cache)
    assert "Training the baseline" not in again.stdout


def test_evaluate_measures_what_the_run_measured(run, cache):
    out, _ = run
    rows = {row["name"]: row for row in json.loads((out / "results.json").read_text())["variants"]}
    for name in ("float32", "uint8", "int16x8"):
        model = out / "models" / f"{name}.tflite"
        call = ("evaluate", model, "--config", out / "run.yaml", "--json")
        status, printed, _ = stapes_here(*call, cache=cache, cwd=out)
        assert status == 0
        evaluation = json.loads(printed)
        for key in ("confusion", "accuracy", "data_bytes"):
            assert evaluation[key] == rows[name][key]


def test_report_shows_the_same_table_from_results_json_alone(run, cache, tmp_path):
    out, done = run
    (tmp_path / "results.json").write_bytes((out / "results.json").read_bytes())
    report = stapes("report", tmp_path, cache=cache)
    assert report.stdout.strip() in done.stdout
    assert (tmp_path / "results.csv").read_bytes() == (out / "results.csv").read_bytes()


def test_the_same_command_in_a_finished_folder_changes_nothing(run, cache, corpus):
    out, _ = run
    before = contents(out)
    done = stapes("run", "--data", corpus, "--out", out, *SMALL, cache=cache)
    assert "Training" not in done.stdout
    assert contents(out) == before


def test_another_seed_gives_other_models_and_is_refused_in_the_same_folder(run, cache, corpus):
    out, _ = run
    before = contents(out)
    call = ("run", "--data", corpus, "--out", out, *SMALL, "--seed", 1)
    status, _, message = stapes_here(*call, cache=cache, cwd=out)
    assert status == 2
    assert "seed" in message
    assert contents(out) == before


STOPPED = ["float32", "pruned"]


@pytest.fixture(scope="module")
def stopped_run(
    run: tuple[Path, subprocess.CompletedProcess[str]],
    tmp_path_factory: pytest.TempPathFactory,
    cache: Path,
) -> tuple[Path, list[object]]:
    """The folder and the command of a run that was stopped twice, and continued."""
    out, _ = run
    again, scratch = tmp_path_factory.mktemp("runs") / "again", tmp_path_factory.mktemp("stop")
    # The first run had two workers, and more rows.
    call = ["run", "--config", out / "run.yaml", "--out", again, "--jobs", JOBS]
    call += ["--techniques", ",".join(STOPPED)]

    def stop(file: str, by: signal.Signals) -> tuple[int, str]:
        assert not any(again.glob(file))
        end = stopped(*call, cache=cache, scratch=scratch, at=f"{again}/{file}", by=by)
        assert any(again.glob(file))
        return end

    # Ctrl-C in training, then a kill after a stage and a model.
    assert stop(".work/training.json", signal.SIGINT) == (
        130,
        "stapes: Stopped. What was finished is kept: the same command continues from here.\n",
    )
    end, _ = stop("models/pruned.tflite", signal.SIGKILL)
    assert end == -signal.SIGKILL
    assert (again / ".work/pruned.keras").is_file()
    stapes(*call, cache=cache)
    return again, call


def test_a_stopped_run_of_run_yaml_with_other_jobs_ends_with_the_same_bytes(run, stopped_run):
    out, _ = run
    again, _ = stopped_run
    assert {path.stem for path in (again / "models").iterdir()} == set(STOPPED)
    assert part(again, STOPPED) == part(out, STOPPED)


def test_a_damaged_baseline_is_made_again(stopped_run, cache):
    out, call = stopped_run
    before = contents(out)
    (out / "baseline.keras").write_bytes(b"spoilt")
    again = stapes(*call, cache=cache)
    assert "Training the baseline" in again.stdout
    assert contents(out) == before


def test_run_yaml_has_all_settings_and_versions(run):
    out, _ = run
    config = yaml.safe_load((out / "run.yaml").read_text())
    assert config["settings"]["train"]["epochs"] == 3
    assert config["settings"]["seed"] == 0
    assert {"python", "stapes", "tensorflow", "ai-edge-litert", "numpy"} <= set(config["versions"])


def test_the_rows_have_the_weights_of_their_technique(run):
    out, _ = run
    results = json.loads((out / "results.json").read_text())
    rows = {row["name"]: row for row in results["variants"]}
    zeros = {name: [layer["zeros"] for layer in row["layers"]] for name, row in rows.items()}
    assert zeros["pruned"] == [230, 14_746, 1_126]
    for name in ("pruned_int8", "pruned_sparse", "pqat"):
        assert all(now >= then for now, then in zip(zeros[name], zeros["pruned"], strict=True))
    layers = rows["pruned_2by4"]["layers"]
    assert [layer["compliance_2by4"] for layer in layers] == [None, None, 1.0]
    assert [bool(layer["note"]) for layer in layers] == [True, True, False]
    assert "2:4 not applied: 2 input channels" in layers[1]["note"]
    assert rows["pruned"]["bytes"] == rows["float32"]["bytes"]
    assert rows["pruned"]["gzip_bytes"] < rows["float32"]["gzip_bytes"] / 2
    assert rows["pruned_sparse"]["bytes"] < rows["float32"]["bytes"] / 2
    assert rows["pruned_channels"]["bytes"] < rows["float32"]["bytes"] / 2
    assert rows["tiny"]["bytes"] <= 6_000
    assert any("validation clips" in note for note in rows["tiny"]["notes"])
