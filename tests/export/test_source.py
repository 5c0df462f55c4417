"""What is exported: a run's row, a .tflite with or without a manifest, or a manifest."""

from __future__ import annotations

import importlib.util
import shutil

import pytest
from tests.export.by_hand import device_model, known, run_folder, streamed
from tests.tflite.windows import Layer, window_model

from stapes.contracts import manifest as manifests
from stapes.contracts.measurements import TargetResult
from stapes.contracts.results import write
from stapes.errors import MissingExtraError, ModelError, StapesError, UsageError
from stapes.export.settings import ExportSettings
from stapes.export.source import source
from stapes.system.files import sha256
from stapes.targets.esphome import obstacles
from stapes.targets.tflm import PACKAGE
from stapes.targets.tflm_cost import arena_bytes

needs_tflm = pytest.mark.skipif(
    importlib.util.find_spec(PACKAGE) is None, reason="needs the extra `micro`"
)


def of(path, **options):
    return source(path, ExportSettings(**options), "esphome")


@pytest.fixture
def run(tmp_path):
    return run_folder(tmp_path / "run")


def test_a_run_gives_its_recommended_row(run):
    result = of(run)
    assert known(result.row).name == "stream"
    assert (result.wake_word, result.content) == ("house", device_model())
    assert (result.point.cutoff, result.arena_bytes, result.step_ms) == (191, 11_000, 10)
    assert (result.languages, result.author, result.website) == ((), "", None)


def test_options_say_what_a_run_does_not_know(run):
    options = {"name": "My House", "languages": "en", "author": "I", "website": "https://x.org/"}
    result = of(run, variant="stream_qat", **options)
    assert known(result.row).name == "stream_qat"
    assert (result.wake_word, result.languages, result.author) == ("My House", ("en",), "I")
    assert result.website == "https://x.org/"


@pytest.mark.parametrize(
    ("recommended", "begin"), [(None, "recommends no row"), ("float32", "recommends float32")]
)
def test_without_a_recommended_row_it_says_which_the_device_takes(tmp_path, recommended, begin):
    document = streamed()
    known(document.recommendation).variant = recommended
    run = run_folder(tmp_path / "run", document)
    with pytest.raises(UsageError) as error:
        of(run)
    assert f"{begin}, and ESPHome takes stream, stream_qat: name one with --variant." in str(
        error.value.typed
    )
    for one in document.variants:
        one.targets["esphome"] = TargetResult(runs=False, reason="x")
    write(document, run / "results.json")
    with pytest.raises(UsageError, match="ESPHome takes none of its rows: `stapes run"):
        of(run)


def test_a_row_that_litert_refuses_is_exported_only_by_its_name(tmp_path):
    """Programs on a Raspberry Pi take the same files, and run them in LiteRT."""
    document = streamed()
    document["stream"].targets["litert"] = TargetResult(runs=False, reason="zero points")
    run = run_folder(tmp_path / "run", document)
    with pytest.raises(UsageError, match=r"recommends stream, and ESPHome takes stream_qat: name"):
        of(run)
    assert known(of(run, variant="stream").row).name == "stream"
    document["stream"].targets["litert"] = TargetResult(runs=False, tried=False, reason="absent")
    write(document, run / "results.json")
    assert known(of(run).row).name == "stream"


def test_detectors_on_features_that_the_device_does_not_compute_are_refused(tmp_path):
    document = streamed()
    for row in document.variants:
        if row.stream is not None:
            row.stream.frontend = "logmel"
    run = run_folder(tmp_path / "run", document)
    sentence = (
        "its model takes the features of logmel, and ESPHome computes micro's; run it again with "
        "--stream-frontend micro and another --out"
    )
    file = {"name": "Hey", "cutoff": 0.5, "window": 5}
    for path, options in (
        (run, {}),
        (run, {"variant": "stream_qat"}),
        (run / "models" / "stream.tflite", file),
    ):
        with pytest.raises(UsageError) as error:
            of(path, **options)
        assert str(error.value.typed) == f"{run}: {sentence}."


def test_an_unknown_row_is_refused_with_the_nearest(run):
    with pytest.raises(UsageError, match="did you mean stream_qat"):
        of(run, variant="stream_qta")


def test_a_file_that_was_not_measured_is_refused(run):
    (run / "models" / "stream.tflite").write_bytes(device_model(1))
    with pytest.raises(StapesError, match=r"is not the file that .*results.json measured"):
        of(run)


def test_a_row_that_the_device_does_not_run_is_refused_with_every_reason(tmp_path):
    document = streamed()
    run = run_folder(tmp_path / "run", document)
    path = run / "models" / "float32.tflite"
    path.write_bytes(window_model([Layer(4)]))
    document["float32"].sha256 = sha256(path)
    write(document, run / "results.json")
    with pytest.raises(ModelError, match=r"float32.tflite: ESPHome does not run it: its input is"):
        of(run, variant="float32")


@needs_tflm
def test_a_file_has_the_words_of_the_manifest_beside_it(tmp_path):
    (tmp_path / "hey.tflite").write_bytes(device_model())
    document = {
        "type": "micro",
        "wake_word": "Hey",
        "author": "They",
        "model": "hey.tflite",
        "trained_languages": ["de"],
        "micro": {"probability_cutoff": 0.9, "sliding_window_size": 4, "feature_step_size": 20},
    }
    manifests.write(manifests.Manifest.model_validate(document), tmp_path / "hey.json")
    for path in (tmp_path / "hey.tflite", tmp_path / "hey.json"):
        result = of(path)
        assert (result.wake_word, result.author, result.languages) == ("Hey", "They", ("de",))
        assert (result.point.probability_cutoff, result.point.sliding_window) == (0.9, 4)
        assert (result.step_ms, result.row) == (20, None)
    changed = of(tmp_path / "hey.json", name="Ho", languages="", author="I", cutoff=0.5)
    assert (changed.wake_word, changed.languages, changed.author) == ("Ho", (), "I")
    assert changed.point.probability_cutoff == 0.5


@needs_tflm
def test_the_arena_of_a_file_is_measured(tmp_path):
    path = tmp_path / "hey.tflite"
    path.write_bytes(device_model())
    result = of(path, name="Hey", cutoff=0.5, window=5)
    assert result.arena_bytes == arena_bytes(device_model())


def test_without_tflite_micro_the_error_names_the_extra(tmp_path, monkeypatch):
    monkeypatch.setattr("stapes.targets.tflm.available", lambda: False)
    path = tmp_path / "hey.tflite"
    path.write_bytes(device_model())
    with pytest.raises(MissingExtraError, match=r"stapes\[micro\]"):
        of(path, name="Hey", cutoff=0.5, window=5)


def test_a_file_without_a_manifest_needs_a_name_and_a_cutoff(tmp_path):
    path = tmp_path / "hey.tflite"
    path.write_bytes(device_model())
    with pytest.raises(UsageError, match="name"):
        of(path, cutoff=0.5, window=5)
    with pytest.raises(UsageError, match="cutoff"):
        of(path, name="Hey")


def test_a_file_in_a_run_folder_is_named_by_its_run(run, tmp_path):
    with pytest.raises(UsageError, match=r"is of a run, which knows its cutoff: name the folder"):
        of(run / "models" / "stream.tflite")
    shutil.copy(run / "models" / "stream.tflite", tmp_path / "free.tflite")
    with pytest.raises(UsageError, match="name"):
        of(tmp_path / "free.tflite")


def test_what_is_not_there_or_no_model_is_refused(tmp_path):
    with pytest.raises(UsageError, match="cannot be read"):
        of(tmp_path / "none.tflite")
    with pytest.raises(UsageError, match=r"results.json cannot be read"):
        of(tmp_path)
    (tmp_path / "broken.tflite").write_bytes(b"TFL3" * 8)
    with pytest.raises(ModelError, match=r"broken.tflite: ESPHome does not run it"):
        of(tmp_path / "broken.tflite", name="x")
    with pytest.raises(UsageError, match="variant"):
        of(tmp_path / "broken.tflite", variant="stream")


def test_an_openwakeword_model_is_named():
    content = window_model([Layer(4)], bins=96, frames=16, dense=True, kind="float32")
    assert "its input is float32 [1, 16, 96], as of an openWakeWord model, not int8" in " ".join(
        obstacles(content)
    )


def test_published_models_keep_their_words_and_cutoffs(models):
    pytest.importorskip(PACKAGE, reason="needs the extra `micro`")
    result = of(models / "hey_jarvis.tflite")
    assert (result.wake_word, result.point.cutoff, result.point.sliding_window) == (
        "Hey Jarvis",
        247,
        5,
    )
    # What the package needs, by the manifest's own margin.
    assert result.arena_bytes < 22_860
