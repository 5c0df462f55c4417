"""Help, report and evaluate answer at once and on a Raspberry Pi: they load no TensorFlow."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from tests.end_to_end.command import STAPES, environment, stapes_here
from tests.export.by_hand import run_folder
from tests.listen.models import manifest
from tests.processes import MOST_SECONDS

# Runs the command line in this process and prints the modules that it left loaded.
WATCH = """
import sys, runpy
sys.argv = ["stapes", *sys.argv[1:]]
from stapes.cli.app import main
try:
    main()
except SystemExit as end:
    status = end.code
heavy = {"tensorflow", "tf_keras", "keras", "scipy", "numpy", "librosa"} & set(sys.modules)
print("LOADED", status, ",".join(sorted(heavy)), file=sys.stderr)
"""


def loaded(*arguments: str, cache: Path) -> set[str]:
    done = subprocess.run(
        [sys.executable, "-c", WATCH, *arguments],
        capture_output=True,
        text=True,
        timeout=MOST_SECONDS,
        env=environment(cache),
    )
    line = done.stderr.strip().splitlines()[-1]
    mark, _, modules = line.split(" ") if line.count(" ") == 2 else (*line.split(" "), "")
    assert mark == "LOADED", done.stderr
    return set(modules.split(",")) - {""}


@pytest.mark.parametrize(
    "arguments",
    [
        ["--help"],
        ["--version"],
        ["run", "--help"],
        ["search", "--help"],
        ["evaluate", "--help"],
        ["report", "--help"],
        ["slim", "--help"],
        ["export", "--help"],
        ["serve", "--help"],
        ["data", "--help"],
        ["listen", "--help"],
        ["data", "synth", "--help"],
        ["data", "label", "--help"],
    ],
)
def test_help_loads_neither_tensorflow_nor_numpy(arguments, tmp_path):
    assert loaded(*arguments, cache=tmp_path) == set()


def test_evaluate_and_check_load_no_tensorflow(tmp_path, models, write_clip):
    for label in ("house", "dog"):
        for number in range(40):
            write_clip(tmp_path / "data" / label / f"{number:08x}_nohash_0.wav")
    data = str(tmp_path / "data")
    model = str(models / "mlperf_tiny_kws.tflite")
    heavy = {"tensorflow", "tf_keras", "keras"}
    assert not loaded("data", "check", data, cache=tmp_path) & heavy
    # The model needs other features: it is refused, after LiteRT has loaded it.
    assert not loaded("evaluate", model, "--data", data, cache=tmp_path) & heavy


def test_a_refused_call_loads_no_scipy(tmp_path):
    call = ("export", str(tmp_path / "none"), "--to", "esphome", "-o", str(tmp_path / "out"))
    assert loaded(*call, cache=tmp_path) <= {"numpy"}


def test_a_service_loads_no_tensorflow(tmp_path):
    pytest.importorskip("wyoming", reason="needs the extra `wyoming`")
    pytest.importorskip("pymicro_features", reason="needs the extra `wyoming`")
    # The address is of another network: the service ends after its words are loaded.
    arguments = ("serve", "--wyoming", "tcp://192.0.2.1:10400", str(manifest(tmp_path)))
    assert not loaded(*arguments, cache=tmp_path) & {"tensorflow", "tf_keras", "keras"}


def test_export_loads_no_tensorflow(tmp_path):
    run = run_folder(tmp_path / "run")
    out = tmp_path / "out"
    call = ("export", str(run), "--to", "esphome", "-o", str(out), "--check")
    heavy = {"tensorflow", "tf_keras", "keras"}
    assert not loaded(*call, cache=tmp_path) & heavy
    assert (out / "house.json").is_file()


def test_every_command_shows_examples(tmp_path):
    for command in (
        ["run"],
        ["evaluate"],
        ["report"],
        ["export"],
        ["serve"],
        ["data", "synth"],
        ["data", "fetch"],
        ["data", "check"],
        ["listen"],
        ["data", "label"],
    ):
        status, printed, _ = stapes_here(*command, "--help", cache=tmp_path, cwd=tmp_path)
        assert status == 0
        assert "Examples:" in printed
        assert f"stapes {' '.join(command)}" in printed.split("Examples:")[1]


def test_json_is_one_document_and_nothing_else(tmp_path, write_clip):
    for number in range(6):
        write_clip(tmp_path / "data" / "house" / f"{number:08x}_nohash_0.wav")
    (tmp_path / "data" / "house" / "broken.wav").write_bytes(b"not a sound")
    done = subprocess.run(
        [STAPES, "data", "check", str(tmp_path / "data"), "--json"],
        capture_output=True,
        text=True,
        check=True,
    )
    document = json.loads(done.stdout)
    assert document["usable"] == 6
    assert [row["file"] for row in document["skipped"]] == ["house/broken.wav"]
