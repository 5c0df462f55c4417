"""Where models come from: rows of a run, manifests, and .tflite files."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.export.by_hand import device_model, known, run_folder, streamed

from stapes.contracts.results import write
from stapes.errors import ModelError, StapesError, UsageError
from stapes.model_files.sources import file_source, measured, row_source, run_of


def in_stream(row) -> bool:
    return row.stream is not None


def test_the_recommended_row_that_fits_is_read(tmp_path):
    run = run_folder(tmp_path / "run")
    source = row_source(run, None, in_stream, "A device")
    assert (source.row.name, source.content) == ("stream", device_model())
    assert source.path == run / "models" / "stream.tflite"
    # A name is not asked whether it fits: who asked says why not, in its own words.
    assert row_source(run, "float32", in_stream, "A device").row.name == "float32"


def test_without_a_row_that_fits_it_says_what_does(tmp_path):
    document = streamed()
    run = run_folder(tmp_path / "run", document)
    with pytest.raises(UsageError, match="recommends stream, and A device takes float32: name"):
        row_source(run, None, lambda row: row.name == "float32", "A device")
    with pytest.raises(UsageError, match="A device takes none of its rows: `stapes run"):
        row_source(run, None, lambda row: False, "A device")
    known(document.recommendation).variant = None
    write(document, run / "results.json")
    with pytest.raises(UsageError, match="recommends no row, and A device takes stream, stream_q"):
        row_source(run, None, in_stream, "A device")


def test_a_hostile_run_does_not_lead_out_of_its_folder(tmp_path):
    document = streamed()
    run = run_folder(tmp_path / "run", document)
    (tmp_path / "stream.tflite").write_bytes(device_model(1))
    document["stream"].file = "models/../../stream.tflite"
    write(document, run / "results.json")
    assert measured(run, document["stream"]) == device_model()
    (run / "models" / "stream.tflite").write_bytes(device_model(1))
    with pytest.raises(ModelError, match=r"is not the file that .*results\.json measured"):
        measured(run, document["stream"])


@pytest.fixture
def model(tmp_path: Path) -> Path:
    (tmp_path / "a.tflite").write_bytes(device_model())
    micro = {"probability_cutoff": 0.9, "sliding_window_size": 5}
    manifest = {"type": "micro", "wake_word": "A", "model": "a.tflite", "micro": micro}
    (tmp_path / "a.json").write_text(json.dumps(manifest))
    return tmp_path / "a.tflite"


def test_a_model_and_its_manifest_are_found_by_either(model):
    for path in (model, model.with_suffix(".json")):
        source = file_source(path)
        assert (source.path, source.content) == (model, device_model())
        assert known(source.manifest).wake_word == "A"


def test_a_manifest_beside_a_model_of_another_file_or_kind_is_not_its(model):
    manifest = json.loads(model.with_suffix(".json").read_text())
    for change in ({"model": "b.tflite"}, {"type": "openWakeWord"}):
        model.with_suffix(".json").write_text(json.dumps({**manifest, **change}))
        assert file_source(model).manifest is None
    # A broken one may have been meant.
    model.with_suffix(".json").write_text('{"type": "micro"}')
    with pytest.raises(StapesError, match=r"a\.json is no manifest of a microWakeWord model"):
        file_source(model)


def test_the_run_of_a_file_is_known_from_anywhere(tmp_path, model, monkeypatch):
    run = run_folder(tmp_path / "run")
    assert run_of(model) is None
    (tmp_path / "link.tflite").symlink_to(run / "models" / "stream.tflite")
    monkeypatch.chdir(run / "models")
    for path in ("stream.tflite", "../models/stream.tflite", tmp_path / "link.tflite"):
        assert run_of(Path(path)) == run.resolve()
