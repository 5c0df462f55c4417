"""Calls that are wrong: one sentence, exit status 2, and nothing written."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
from tests.end_to_end.command import stapes, stapes_here


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    """A folder with 30 clips of `house`, 30 of `dog` and 2 of `rare`, without speakers."""
    rng = np.random.default_rng(0)
    for label, count in (("house", 30), ("dog", 30), ("rare", 2)):
        (tmp_path / "data" / label).mkdir(parents=True)
        for number in range(count):
            y = 0.1 * rng.standard_normal(16_000)
            soundfile.write(tmp_path / "data" / label / f"{number}.wav", y, 16_000)
    return tmp_path / "data"


def call(*arguments: object, cwd: Path) -> tuple[int, str, str]:
    return stapes_here(*arguments, cwd=cwd, cache=cwd / "cache")


def files(folder: Path) -> set[Path]:
    return {path for path in folder.rglob("*") if "cache" not in path.parts}


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["--word", "absent"], "absent"),
        (["--word", "rare"], "rare"),
        (["--word", "house", "--data", "nowhere"], "nowhere"),
        (
            ["--word", "house", "--techniques", "float32,int9"],
            "--techniques: int9 is unknown (did you mean int8?)",
        ),
        (["--word", "house", "--preset", "fast"], "fast"),
        (
            ["--word", "house", "--architecture", "vgg"],
            "--architecture: vgg is unknown; known are reference_cnn",
        ),
        (
            ["--word", "house", "--frontend", "mel"],
            "--frontend: mel is unknown (did you mean logmel?); known are mfcc",
        ),
        (
            ["--word", "house", "--stream-frontend", "mfcc"],
            "--stream-frontend: mfcc is unknown; known are micro, logmel",
        ),
        (["--model", "m.keras", "--architecture", "ds_cnn"], "--architecture: a --model"),
        (["--word", "house", "--config", "absent.yaml"], "absent.yaml"),
        (["--word", "house", "--negatives", "nowhere"], "nowhere"),
        (["--word", "house", "--continuous", "nowhere"], "nowhere: there is no such folder"),
        (["--word", "house", "--continuous", "file.txt"], "file.txt: there is no such folder"),
        (["--word", "house", "--noise", "nowhere"], "nowhere: there is no such folder"),
        (["--word", "house", "--target-fa-per-hour", "0"], "--target-fa-per-hour: "),
        (["--word", "house", "--target-fa-per-hour", "inf"], "--target-fa-per-hour: "),
        (["--word", "house", "--budget", "flash=lots"], "--budget: flash=lots"),
        (["--word", "house", "--budget", "ram=3k"], "--budget: ram=3k"),
        (["--word", "house", "--max-drop", "-1"], "--max-drop: "),
        (["--word", "house", "--max-drop", "nan"], "--max-drop: "),
        (["--word", "house", "--ratio", "-1"], "--ratio: "),
        (["--word", "house", "--seed", "-1"], "seed"),
        (["--word", "house", "--out", "taken"], "taken"),
        (["--word", "house", "--out", "file.txt"], "file.txt"),
        (["--word", "house", "--out", "file.txt/below"], "file.txt"),
        (["--word", "house", "--out", "/proc/stapes"], "/proc/stapes"),
    ],
)
def test_a_wrong_run_is_one_sentence_with_status_2_and_writes_nothing(
    corpus, tmp_path, arguments, named
):
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "thesis.txt").write_text("mine")
    (tmp_path / "file.txt").write_text("mine")
    before = files(tmp_path)
    data = [] if "--data" in arguments else ["--data", corpus]
    out = [] if "--out" in arguments else ["--out", tmp_path / "out"]
    status, _, stderr = call("run", *arguments, *data, *out, cwd=tmp_path)
    assert status == 2
    assert named in stderr
    assert stderr.startswith("stapes: ")
    assert stderr.count("\n") == 1
    assert files(tmp_path) == before


def test_a_config_with_an_unknown_setting_is_named(corpus, tmp_path):
    (tmp_path / "run.yaml").write_text("settings: {epocs: 3}\n")
    status, _, stderr = call("run", "--config", "run.yaml", "--data", corpus, cwd=tmp_path)
    assert status == 2
    assert "epocs" in stderr


def test_a_config_that_would_make_objects_is_refused(corpus, tmp_path):
    (tmp_path / "run.yaml").write_text("!!python/object/apply:os.system ['touch file']\n")
    status, _, _ = call("run", "--config", "run.yaml", "--data", corpus, cwd=tmp_path)
    assert status == 2
    assert not (tmp_path / "file").exists()


@pytest.mark.parametrize(
    "content",
    [b"", b"TFL3", b"\x1c\x00\x00\x00TFL3", b"\x1c\x00\x00\x00TFL3" + b"\xff" * 400, b"no model"],
)
def test_a_broken_model_is_refused_in_one_sentence(corpus, tmp_path, content):
    (tmp_path / "m.tflite").write_bytes(content)
    status, _, stderr = call(
        *("evaluate", "m.tflite", "--data", corpus, "--word", "house"), cwd=tmp_path
    )
    assert status == 1
    assert "m.tflite" in stderr
    assert stderr.count("\n") == 1


def test_evaluate_names_the_frontends_where_the_model_needs_other_features(
    corpus, tmp_path, models
):
    model = models / "mlperf_tiny_kws.tflite"
    options = ["--data", corpus, "--word", "house", "--frontend", "logmel"]
    status, _, stderr = call("evaluate", model, *options, cwd=tmp_path)
    assert status == 1
    last = stderr.splitlines()[-1]
    assert "its input is [49, 10, 1], and the frontend logmel gives [49, 40, 1]" in last
    assert "mfcc gives [50, 13, 1], logmel [49, 40, 1], micro [49, 40, 1]" in last


def test_evaluate_names_an_absent_model(corpus, tmp_path):
    status, _, stderr = call("evaluate", "m.tflite", "--data", corpus, cwd=tmp_path)
    assert status == 2
    assert "m.tflite" in stderr


def test_report_of_a_folder_without_a_run_names_the_file(tmp_path):
    status, _, stderr = call("report", tmp_path, cwd=tmp_path)
    assert status == 2
    assert "results.json" in stderr


def test_report_of_two_runs_draws_neither(tmp_path):
    status, _, stderr = call("report", "a", "b", "--plot", "c.svg", cwd=tmp_path)
    assert status == 2
    assert "--plot" in stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("run --wrod house", "--wrod: there is no such option (did you mean --word?)."),
        ("run --zzz", "--zzz: there is no such option."),
        ("rnu", "No such command 'rnu'. Did you mean 'run'?"),
        ("run --jobs 0", "--jobs: Input should be greater than or equal to 1."),
        ("data synth --word", "Option '--word' requires an argument."),
        ("data synth --word a", "Missing option '--out'."),
        ("data check nowhere", "nowhere: there is no such folder."),
    ],
)
def test_a_call_that_no_command_has_is_one_sentence(tmp_path, arguments, message):
    status, output, errors = call(*arguments.split(), cwd=tmp_path)
    assert (status, output, errors) == (2, "", f"stapes: {message}\n")


def test_no_arguments_show_the_help(tmp_path):
    for arguments in ([], ["data"]):
        status, _, errors = call(*arguments, cwd=tmp_path)
        assert status == 2
        assert errors.startswith("Usage: ")
        assert "Commands:" in errors


def test_a_status_reaches_the_shell(tmp_path):
    assert stapes("run", "--wrod", cwd=tmp_path, status=2).stdout == ""
    assert stapes("--version", cwd=tmp_path).stdout.startswith("stapes ")
