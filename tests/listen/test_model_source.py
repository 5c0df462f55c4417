"""The models of a run: the recommended row with its measured threshold, or another."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tests.listen.models import bursts, loud, manifest
from tests.report.results_by_hand import streamed
from tests.report.results_by_hand import whole as windows

from stapes.contracts.measurements import TargetResult
from stapes.contracts.results import read, write
from stapes.errors import ModelError, StapesError, UsageError
from stapes.listen.micro import MicroEngine
from stapes.listen.model_source import model_source
from stapes.listen.wake_word import WakeWord
from stapes.system.files import sha256

pytest.importorskip("pymicro_features", reason="needs the extra `listen`")


def run_folder(path: Path, **changes) -> Path:
    """A run of two detectors in a stream; `changes` are of the first."""
    folder = path / "computer"
    (folder / "models").mkdir(parents=True)
    results = streamed()
    for number, variant in enumerate(results.variants):
        variant.file = f"models/{variant.name}.tflite"
        (folder / variant.file).write_bytes(loud(level=4.0 + number))
        variant.sha256 = sha256(folder / variant.file)
    results.variants[0] = results.variants[0].model_copy(update=changes)
    write(results, folder / "results.json")
    return folder


def test_a_run_gives_its_recommended_row_and_the_measured_threshold(tmp_path):
    word = WakeWord(run_folder(tmp_path))
    assert (word.name, word.wake_word) == ("computer", streamed().word)
    # The cutoff of results.json is 191: the threshold 0.75 is between it and the next.
    assert word.threshold == 191 / 255
    # The ring has five outputs, of 30 ms each.
    assert word.process(bursts(4.0, 2.0))[0].seconds == pytest.approx(2.13, abs=0.03)


def test_a_row_says_which_frontend_it_takes(tmp_path):
    folder = run_folder(tmp_path)
    assert model_source(folder).frontend == "micro"
    form = streamed()["stream"].stream.model_copy(update={"frontend": "logmel"})
    folder = run_folder(tmp_path / "other", stream=form)
    assert model_source(folder).frontend == "logmel"
    y = bursts(3.0, 1.0)
    outputs = MicroEngine((folder / "models" / "stream.tflite").read_bytes(), 0.7, 5, "logmel")
    assert WakeWord(folder).steps(y)[:30] == outputs.process(y)[:30]
    assert model_source(manifest(tmp_path / "file")).frontend == "micro"


def test_a_variant_has_its_own_name(tmp_path):
    folder = run_folder(tmp_path)
    assert WakeWord(folder, variant="stream_qat").name == "computer-stream_qat"
    assert WakeWord(folder, cutoff=0.5).threshold == int(0.5 * 255) / 255


@pytest.mark.parametrize(
    ("variant", "message"),
    [
        ("float32", r"float32\.tflite is a model of windows, .* has stream, stream_qat"),
        ("stream_qt", r"variant: stream_qt is unknown \(did you mean stream_qat\?\)"),
    ],
)
def test_another_row_is_refused_by_name(tmp_path, variant, message):
    with pytest.raises(UsageError, match=message):
        WakeWord(run_folder(tmp_path), variant=variant)


def test_a_file_of_a_run_is_its_row(tmp_path):
    folder = run_folder(tmp_path)
    word = WakeWord(folder / "models" / "stream_qat.tflite")
    assert (word.name, word.threshold) == ("computer-stream_qat", 191 / 255)
    with pytest.raises(UsageError, match=r"float32\.tflite is a model of windows"):
        WakeWord(folder / "models" / "float32.tflite")


def test_a_file_of_a_run_is_known_from_its_own_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(run_folder(tmp_path) / "models")
    assert WakeWord("stream_qat.tflite").threshold == 191 / 255


def test_a_row_that_litert_refuses_is_not_offered(tmp_path):
    refused = TargetResult(runs=False, reason="x")
    folder = run_folder(tmp_path, targets={"litert": refused})
    with pytest.raises(UsageError, match=r"recommends stream, and stapes listen takes stream_qat:"):
        WakeWord(folder)
    with pytest.raises(UsageError, match=r"stream\.tflite runs in TFLite Micro alone, and only"):
        WakeWord(folder, variant="stream")


def test_a_frontend_of_a_newer_version_is_named(tmp_path):
    folder = run_folder(tmp_path)
    results = read(folder / "results.json")
    form = results["stream"].stream
    assert form is not None
    form.frontend = "cochlea"
    write(results, folder / "results.json")
    with pytest.raises(UsageError, match=r"the frontend cochlea is unknown; known are micro"):
        WakeWord(folder)


def test_the_words_of_strangers_have_no_control_characters(tmp_path):
    folder = run_folder(tmp_path)
    results = read(folder / "results.json")
    results.word = "a\x1b[2Jb"
    write(results, folder / "results.json")
    assert WakeWord(folder).wake_word == "a\N{MIDDLE DOT}[2Jb"
    path = manifest(tmp_path)
    path.write_text(path.read_text().replace('"Loud"', r'"Lo\u001bud"'))
    assert WakeWord(path).wake_word == "Lo\N{MIDDLE DOT}ud"


def test_a_row_without_a_threshold_needs_a_cutoff(tmp_path):
    folder = run_folder(tmp_path, detection=None)
    with pytest.raises(UsageError, match=r"stream\.tflite: no manifest and no measured threshold"):
        WakeWord(folder)
    assert WakeWord(folder, cutoff=0.9).threshold == int(0.9 * 255) / 255


def test_a_file_that_the_run_did_not_measure_is_refused(tmp_path):
    folder = run_folder(tmp_path)
    (folder / "models" / "stream.tflite").write_bytes(loud(level=9.0))
    with pytest.raises(ModelError, match=r"is not the file that .* measured"):
        WakeWord(folder)


def test_a_run_that_recommends_no_detector_in_a_stream_lists_them(tmp_path):
    folder = run_folder(tmp_path)
    results = streamed()
    results.recommendation.variant = "float32"
    write(results, folder / "results.json")
    with pytest.raises(UsageError, match=r"recommends float32, and .* takes stream, stream_qat"):
        WakeWord(folder)
    results.recommendation.variant = None
    write(results, folder / "results.json")
    with pytest.raises(UsageError, match=r"recommends no row, and .* takes stream, stream_qat"):
        WakeWord(folder)


def test_a_run_of_windows_does_not_listen(tmp_path):
    write(windows(), tmp_path / "results.json")
    with pytest.raises(UsageError, match="stapes listen takes none of its rows"):
        WakeWord(tmp_path)


def test_a_folder_or_file_that_is_no_run_is_named(tmp_path):
    with pytest.raises(UsageError, match=r"has no results\.json: name the folder of a run"):
        WakeWord(tmp_path)
    (tmp_path / "results.json").write_text("{}")
    with pytest.raises(StapesError, match=r"no results\.json of schema 1"):
        WakeWord(tmp_path)
    (tmp_path / "a.tflite").write_bytes(loud())
    with pytest.raises(UsageError, match="is no folder of a run, which has variants"):
        WakeWord(tmp_path / "a.tflite", variant="stream")


def test_a_manifest_of_another_file_of_the_folder_is_not_used(tmp_path):
    path = manifest(tmp_path)
    path.rename(tmp_path / "other.json")
    (tmp_path / "other.tflite").write_bytes(loud())
    with pytest.raises(UsageError, match=r"other\.tflite: no manifest"):
        WakeWord(tmp_path / "other.tflite")
    assert np.isfinite(WakeWord(tmp_path / "other.json").threshold)
