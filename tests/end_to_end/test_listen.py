"""`stapes listen` as a user calls it: pipes, Ctrl-C, JSON, without TensorFlow, and on a run."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from tests.end_to_end.command import STAPES, stapes, stapes_here
from tests.end_to_end.conftest import StreamRun
from tests.extras import require
from tests.listen.models import RATE, bursts, manifest
from tests.processes import MOST_SECONDS

from stapes.listen.wake_word import WakeWord
from stapes.measure.device import HIGHEST

require(listen="pymicro_features")

# Nothing that trains or plots may be there: as on a Raspberry Pi.
BLOCKED = """
import sys
for name in "tensorflow tf_keras keras tflite_micro pandas librosa ray optuna".split():
    sys.modules[name] = None
sys.argv = ["stapes", *sys.argv[1:]]
from stapes.cli.app import main
main()
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`loud.json`, and `rec/a.wav` with sudden sound at 2, 5 and 8 seconds."""
    folder = tmp_path_factory.mktemp("listen")
    manifest(folder)
    (folder / "rec").mkdir()
    soundfile.write(folder / "rec" / "a.wav", bursts(10.0, 2.0, 5.0, 8.0), RATE)
    return folder


def piped(folder: Path, content: bytes, *options: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [STAPES, "listen", "loud.json", "-", *options],
        input=content,
        capture_output=True,
        timeout=MOST_SECONDS,
        cwd=folder,
    )


def raw() -> bytes:
    return bursts(10.0, 2.0, 5.0, 8.0).astype("<i2").tobytes()


def test_raw_sound_on_standard_input_gives_an_event_a_line(folder):
    # A byte that is no sample comes last.
    done = piped(folder, raw() + b"\0", "--json")
    assert (done.returncode, done.stderr) == (0, b"")
    *events, summary = map(json.loads, done.stdout.splitlines())
    assert [event["event"] for event in events] == ["detection"] * 3
    assert [round(event["seconds"]) for event in events] == [2, 5, 8]
    assert all(event["score"] > event["threshold"] for event in events)
    assert summary["event"] == "summary"
    assert summary["hours"] == pytest.approx(10 / 3600)
    assert summary["models"][0]["detections"] == 3


def test_without_json_people_read_it(folder):
    done = piped(folder, raw())
    text = done.stdout.decode()
    assert re.search(
        r"^0:02\.06  loud: detection, score 0\.\d{3} \(threshold 0\.600\)$", text, re.M
    )
    assert "Listening to standard input for Loud (loud); Ctrl-C ends." in done.stderr.decode()
    # A meter is for a terminal.
    assert "\r" not in done.stderr.decode()
    assert "3" in next(line for line in text.splitlines() if "│ loud" in line)


def test_a_sound_file_on_standard_input_is_refused(folder):
    done = piped(folder, (folder / "rec" / "a.wav").read_bytes())
    assert done.returncode == 1
    assert b"Standard input is a WAV file: name the file in place of -" in done.stderr
    assert b"Traceback" not in done.stderr


def test_who_reads_the_output_may_leave(folder):
    process = subprocess.Popen(
        [STAPES, "listen", "loud.json", "-", "--json"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=folder,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdin.write(raw())
    process.stdin.flush()
    assert json.loads(process.stdout.readline())["event"] == "detection"
    process.stdout.close()
    # It may have ended already, at its second event.
    with contextlib.suppress(BrokenPipeError):
        process.stdin.write(raw())
    with contextlib.suppress(BrokenPipeError):
        process.stdin.close()
    assert process.wait(MOST_SECONDS) == 0
    assert process.stderr.read() == b""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_and_sigterm_end_with_the_summary(folder, number):
    process = subprocess.Popen(
        [STAPES, "listen", "loud.json", "-", "--json"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=folder,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(raw())
    process.stdin.flush()
    lines = [json.loads(process.stdout.readline()) for _ in range(3)]
    process.send_signal(number)
    rest, errors = process.communicate(timeout=MOST_SECONDS)
    assert (process.returncode, errors) == (0, b"")
    [summary] = map(json.loads, rest.splitlines())
    assert len(lines) == summary["models"][0]["detections"] == 3
    assert summary["stopped"]


def test_it_runs_without_tensorflow_and_heavy_packages(folder):
    done = subprocess.run(
        [sys.executable, "-c", BLOCKED, "listen", "loud.json", "rec", "--page", "heard.html"],
        capture_output=True,
        text=True,
        timeout=MOST_SECONDS,
        cwd=folder,
        env={**os.environ},
    )
    assert done.returncode == 0, done.stderr
    assert "rec/a.wav" in done.stdout
    assert (folder / "heard.html").read_text("utf-8").count("<audio ") >= 3


def test_recordings_have_a_table_with_the_rate(folder, tmp_path):
    status, output, _ = stapes_here(
        *(
            "listen",
            "loud.json",
            "rec",
            "--keep",
            tmp_path / "kept",
            "--labels",
            tmp_path / "tracks",
        ),
        cwd=folder,
        cache=tmp_path,
    )
    assert status == 0
    assert "a.wav" in output
    assert "Where the word is not in the sound, detections are false accepts." in output
    assert len(list((tmp_path / "kept").glob("*.wav"))) == 3
    assert (tmp_path / "tracks" / "rec" / "a.wav.txt").read_text().count("loud") == 3


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        ([], 2, "Missing argument 'MODEL|SOUND'"),
        (["rec"], 2, "rec: name a model first"),
        (["absent.json", "rec"], 2, "absent.json cannot be read"),
        (["loud.json", "absent"], 2, "absent: there is no such file or folder"),
        (["loud.json", "rec", "--data", "rec"], 2, "names the sound already; omit one"),
        (["loud.json", "rec", "--near", "2"], 2, "--near: "),
        (["loud.json", "rec", "--cutoff", "x"], 2, "--cutoff"),
        (["loud.tflite", "rec", "--variant", "stream"], 2, "--variant stream: no folder of a run"),
    ],
)
def test_a_wrong_call_is_one_sentence(folder, tmp_path, arguments, status, message):
    done = stapes_here("listen", *arguments, cwd=folder, cache=tmp_path)
    assert done[0] == status
    assert message in done[2]
    assert done[2].count("\n") == 1


@pytest.mark.slow
def test_every_row_of_a_run_listens_or_says_why_not(stream_run: StreamRun, tmp_path):
    require(train="tensorflow")
    results: dict[str, Any] = json.loads((stream_run.out / "results.json").read_text())
    heard = {}
    for row in results["variants"]:
        name, device = row["name"], row["detection"]["device"]
        sound = stream_run.sound / "continuous" / "radio_0.wav"
        done = stapes(
            *("listen", stream_run.out, sound, "--variant", name, "--json"),
            *(["--cutoff", 0.5] if row["detection"]["threshold"] is None else []),
            status=None,
        )
        if name == "stream_lut" and done.returncode:
            # TFLite Micro alone runs it, with tables or without zero points.
            assert re.search(
                r"stream_lut\.tflite(: it has look-up tables| runs in TFLite Micro alone)",
                done.stderr,
            )
            continue
        assert done.returncode == 0, done.stderr
        heard[name] = json.loads(done.stdout.splitlines()[-1])["models"][0]
        assert heard[name]["name"] == f"run-{name}"
        if device is not None:
            assert heard[name]["threshold"] == device["cutoff"] / HIGHEST
    assert {"stream", "stream_float32", "stream_int16x8", "stream_qat"} <= set(heard)


@pytest.mark.slow
def test_a_row_scores_clips_as_its_run_did(stream_run: StreamRun):
    """The outputs of LiteRT's reference kernels, by which the run measured its rows."""
    from stapes.frontends.registry import STREAMS
    from stapes.targets.streams import device_outputs

    y, _ = soundfile.read(stream_run.sound / "continuous" / "radio_1.wav", dtype="float32")
    content = (stream_run.out / "models" / "stream.tflite").read_bytes()
    outputs = device_outputs(content, STREAMS["micro"].stream(y)).astype(np.float64)
    word = WakeWord(stream_run.out, variant="stream", cutoff=1.0)
    means = np.convolve(outputs, np.full(5, 1 / 5))[: len(outputs)]
    scores = [step.score for step in word.steps(y)]
    np.testing.assert_allclose(scores, means / HIGHEST, atol=1e-9)
