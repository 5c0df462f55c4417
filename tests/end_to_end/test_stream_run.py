"""`stapes run` of detectors in a stream alone: every row, and the same bytes after kills."""

from __future__ import annotations

import json
import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import yaml
from tests.end_to_end.command import stapes, stapes_here, stopped
from tests.end_to_end.conftest import StreamRun
from tests.end_to_end.contents import part
from tests.extras import require

from stapes.data.stream.mixing import RATE
from stapes.frontends.registry import STREAMS
from stapes.listen.wake_word import WakeWord
from stapes.system.files import sha256
from stapes.targets.streams import device_outputs
from stapes.techniques.registry import TECHNIQUES, is_stream
from stapes.tflite.read.verify import verify

require(train="tensorflow", micro="pymicro_features")

ROWS = [name for name in TECHNIQUES if is_stream(name)]

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def results(stream_run: StreamRun) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((stream_run.out / "results.json").read_text())
    return document


def test_the_run_folder_has_no_window_model(stream_run: StreamRun) -> None:
    assert {path.name for path in stream_run.out.iterdir()} == {
        *("run.yaml", "stream.keras", "models", "results.json", "results.csv", "report.html"),
        *("where.csv", "log.txt"),
    }
    models = {path.name for path in (stream_run.out / "models").iterdir()}
    assert models == {f"{row}.tflite" for row in ROWS}


def test_every_row_is_made_and_measured_as_it_ships(stream_run: StreamRun, results: Any) -> None:
    assert [row["name"] for row in results["variants"]] == ROWS
    words = results["data"]["splits"]["test"]["positives"]
    for row in results["variants"]:
        assert row["sha256"] == sha256(stream_run.out / row["file"])
        assert f" {row['name']} " in stream_run.printed
        detection = row["detection"]
        assert [condition["name"] for condition in detection["conditions"]] == ["clean", "10 dB"]
        clean = detection["conditions"][0]
        assert clean["words"] == words
        # A device is deaf in the first second of each of the three recordings.
        assert clean["hours"] * 3600 == pytest.approx(60 - 3, abs=0.5)
        assert [source["source"] for source in detection["by_source"] or []] in (
            [],
            ["continuous"],
        )
        assert len(row["scores"]) == row["n_test"] == len(results["clips"])
        assert row["stream"]["stride"] == 3


def test_layers_that_are_not_clustered_are_named(stream_run: StreamRun, results: Any) -> None:
    [row] = [row for row in results["variants"] if row["name"] == "stream_clustered"]
    note = "not clustered: TFMOT leaves depthwise kernels out"
    assert note in [layer["note"] for layer in row["layers"]]
    assert "block_1_depthwise" in stream_run.printed


def test_what_it_was_trained_on_is_described(results: Any) -> None:
    streams = results["streams"]
    sound, baseline = streams["sound"], streams["baseline"]
    assert sound["words"] >= 30
    assert (sound["made_noise"], sound["made_rooms"]) == (False, False)
    assert sound["recordings"] > 5
    # The tone is half a second long, and fades in and out.
    assert 20 <= sound["word_frames"] <= 55
    assert baseline["receptive_field"] >= sound["word_frames"] + 25
    assert set(baseline["history"]) == {"loss", "val_frr"}
    assert len(baseline["history"]["loss"]) == 2


def test_where_it_finds_the_word_is_kept_and_shown(stream_run: StreamRun, results: Any) -> None:
    call = ("data", "check", stream_run.sound / "data", "--word", "rise", "--json")
    done = stapes(*call, "--where", stream_run.out, cache=stream_run.cache)
    where = json.loads(done.stdout)["where"]
    baseline = results["streams"]["baseline"]
    positives = results["data"]["splits"]["train"]["positives"]
    assert len(where["clips"]) == baseline["clips"] == positives
    assert where["not_found"] == baseline["clips_not_found"]
    assert where["not_found"] == sum(clip["score"] < 0.5 for clip in where["clips"])
    scores = [clip["score"] for clip in where["clips"]]
    assert scores == sorted(scores)
    for clip in where["clips"]:
        assert (stream_run.sound / "data" / clip["clip"]).is_file()
        assert 0 <= clip["begin_seconds"] <= clip["end_seconds"]


def test_tflite_micro_computes_the_bits_that_were_measured(results: Any) -> None:
    pytest.importorskip("tflite_micro", reason="the extra `micro` is not installed")
    for row in results["variants"]:
        tflm = row["targets"]["tflm"]
        if row["name"] == "stream_lut":
            continue  # LiteRT does not read its tables, if it has some.
        assert tflm["runs"], tflm["reason"]
        assert tflm["agrees"] is True
        # 60 seconds without the word, and the words.
        assert tflm["n_compared"] > 2_000
        assert tflm["largest_difference"] <= (0 if row["name"] != "stream_float32" else 1e-5)


def test_a_run_that_was_killed_goes_on_to_the_same_bytes(
    stream_run: StreamRun, tmp_path: Path
) -> None:
    """A kill while the sound is made, in training, and after a stage; of two rows."""
    again = tmp_path / "again"
    # The shared run had one worker.
    call = stream_run.call(again, "--jobs", 2, "--techniques", "stream_clustered")
    for file in (
        ".work/stream/train/background-00.npy",
        ".work/stream/training.npz",
        ".work/stream_clustered.keras",
    ):
        assert not any(again.glob(file)), file
        at = f"{again}/{file}"
        end, _ = stopped(*call, cache=stream_run.cache, scratch=tmp_path / "stop", at=at)
        assert end == -signal.SIGKILL
        assert any(again.glob(file)), file
    # What a crash of the machine may leave.
    (again / ".work" / "stream" / "sound.json").write_bytes(b"")
    stapes(*call, cache=stream_run.cache)
    rows = ["stream_float32", "stream_clustered"]
    assert {path.stem for path in (again / "models").iterdir()} == set(rows)
    assert part(again, rows) == part(stream_run.out, rows)


def test_a_run_on_log_mel_features_is_not_for_esphome(
    stream_run: StreamRun, tmp_path: Path
) -> None:
    """One row, from training to the target, export and a microphone."""
    out = tmp_path / "logmel"
    options = ("--jobs", 1, "--techniques", "stream", "--stream-frontend")
    done = stapes(*stream_run.call(out, *options, "logmel"), cache=stream_run.cache)
    assert "on the frontend logmel, have" in " ".join(done.stdout.split())
    results = json.loads((out / "results.json").read_text())
    assert results["streams"]["sound"]["frontend"] == "logmel"
    for row in results["variants"]:
        assert row["stream"]["frontend"] == "logmel"
        assert row["detection"]["conditions"][0]["words"] > 0
        reason = row["targets"]["esphome"]["reason"]
        assert "it takes the features of logmel, and ESPHome computes micro's" in reason
    # The scale of the input is the same, so both trainings differ in the features alone.
    content = (out / "models" / "stream.tflite").read_bytes()
    micro = (stream_run.out / "models" / "stream.tflite").read_bytes()
    scales = [verify(model).graphs[0].tensor(0).quantization.scales for model in (content, micro)]
    assert list(scales[0]) == list(scales[1])
    assert content != micro
    here = {"cache": stream_run.cache, "cwd": tmp_path}
    status, _, message = stapes_here(*stream_run.call(out, *options, "micro"), **here)
    assert status == 2
    assert "its settings.stream.frontend is logmel, not micro" in message
    export = ("export", out, "--to", "esphome", "-o", tmp_path / "device", "--variant", "stream")
    status, _, message = stapes_here(*export, **here)
    assert status == 2
    assert "run it again with --stream-frontend micro" in message
    assert not (tmp_path / "device").exists()
    word = WakeWord(out, variant="stream", cutoff=0.5)
    y, _ = soundfile.read(stream_run.sound / "continuous" / "radio_0.wav", dtype="float32")
    outputs = device_outputs(content, STREAMS["logmel"].stream(y[:RATE]))
    assert [step.score for step in word.steps(y[:RATE])][4:] == pytest.approx(
        np.convolve(outputs / 255, np.ones(5) / 5, "valid")
    )


def test_a_search_of_windows_refuses_detectors_in_a_stream(
    stream_run: StreamRun, tmp_path: Path
) -> None:
    call = ("search", "--word", "rise", "--data", stream_run.sound / "data", "--out", tmp_path)
    here = {"cache": stream_run.cache, "cwd": tmp_path}
    status, _, message = stapes_here(*call, "--techniques", "stream", **here)
    assert status == 2
    assert "search for them with --metric frr@1/h" in message
    assert len(message.splitlines()) == 1


def test_a_window_that_a_deaf_device_cannot_fill_is_refused(
    stream_run: StreamRun, tmp_path: Path
) -> None:
    settings = yaml.safe_load((stream_run.sound / "tiny.yaml").read_text())
    inner = settings["settings"]
    inner["stream"]["stride"], inner["detection"]["sliding_window"] = 5, 33
    (tmp_path / "long.yaml").write_text(yaml.safe_dump(settings))
    call = stream_run.call(tmp_path / "out", "--config", tmp_path / "long.yaml")
    status, _, message = stapes_here(*call, cache=stream_run.cache, cwd=tmp_path)
    assert status == 2
    assert "detection.sliding_window" in message
    assert not (tmp_path / "out").exists()
