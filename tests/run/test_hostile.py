"""A model file that loops, crashes or eats memory is an error with a sentence, in every verb."""

from __future__ import annotations

import functools
import sys

import numpy as np
import pytest
from tests.processes import allocate, crash, hang, run_out

from stapes.data.features import FeatureSet
from stapes.errors import ModelError
from stapes.frontends.mfcc import Mfcc
from stapes.model_files import content as contents
from stapes.model_files import inspection, lookup_tables, slimming
from stapes.models import backend
from stapes.run import evaluation, own_model, pipeline, steps
from stapes.run import job as jobs
from stapes.run.feature_files import feature_file, save_features
from stapes.run.folder import RunFolder
from stapes.run.job import Job
from stapes.run.settings import RunSettings
from stapes.system.isolation import Child
from stapes.targets.proof import prove

pytestmark = pytest.mark.slow

linux = pytest.mark.skipif(sys.platform != "linux", reason="memory is limited on Linux alone")
ENDS = pytest.mark.parametrize(
    ("how", "seconds", "reason"),
    [
        (crash, 600, "it crashed"),
        (hang, 1, "it took more than 1 s"),
        (run_out, 600, "it needs more than 6 GiB of memory"),
    ],
)


@pytest.fixture
def hostile(models):
    folder = models / "cases" / "hostile" / "tflite"
    if not folder.is_dir():
        pytest.skip(f"no hostile models at {folder}")
    return folder


@pytest.fixture
def little_memory(monkeypatch):
    """Children have 1 GiB."""
    monkeypatch.setattr(Child.__init__, "__defaults__", (1 << 30,))
    with Child() as child:
        monkeypatch.setattr(steps, "_child", child)
        yield


@pytest.fixture
def features(tmp_path):
    path = tmp_path / "x.npy"
    np.save(path, np.random.default_rng(0).normal(0, 50, (4, 50, 13, 1)).astype(np.float32))
    return path


def evaluate(model, features, seconds):
    content = evaluation._content(model)
    return evaluation._scores(model, content, [features], Mfcc(), seconds)


def test_evaluate_stops_a_model_that_loops(hostile, features):
    with pytest.raises(ModelError, match=r"loop_in_float_model\.tflite.*it took more than 2 s"):
        evaluate(hostile / "loop_in_float_model.tflite", features, 2)


def test_evaluate_refuses_scores_that_are_not_numbers(hostile, features):
    with pytest.raises(ModelError, match=r"outputs_nan\.tflite: .* the kernel w holds NaN"):
        evaluate(hostile / "outputs_nan.tflite", features, 600)


@linux
def test_evaluate_limits_memory(hostile, features, little_memory):
    model = hostile / "needs_2gb.tflite"
    with pytest.raises(ModelError, match=r"needs_2gb\.tflite.*memory"):
        evaluate(model, features, 600)


def test_slim_stops_a_model_that_loops(hostile, tmp_path, monkeypatch):
    monkeypatch.setattr(slimming, "prove", functools.partial(prove, seconds=2))
    model, out = hostile / "loop_in_float_model.tflite", tmp_path / "out.tflite"
    with pytest.raises(
        ModelError, match=r"\.tflite: it was not proven.* in litert, it took more than 2 s"
    ):
        slimming.slim_file(model, out)
    assert not out.exists()


@linux
def test_slim_limits_memory(hostile, tmp_path, little_memory):
    model, out = hostile / "needs_2gb.tflite", tmp_path / "out.tflite"
    with pytest.raises(ModelError, match=r"litert.*memory"):
        slimming.slim_file(model, out)
    assert not out.exists()


@linux
def test_a_proof_holds_no_inputs_in_the_process_of_the_command(hostile, little_memory):
    import resource  # Not on Windows.

    content = (hostile / "slim_input_1gb.tflite").read_bytes()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    proof = prove(content, content, inputs=2)
    assert not proof.interpreters
    # One of its inputs has 1 GiB. Linux counts in KiB.
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss < before + (1 << 18)


@ENDS
def test_the_costs_of_look_up_tables_are_measured_within_limits(how, seconds, reason, monkeypatch):
    monkeypatch.setattr(lookup_tables, "SECONDS", seconds)
    with pytest.raises(ModelError, match=f"TFLite Micro cannot measure it: {reason}"):
        lookup_tables._measured(how, isolate=True)


@ENDS
def test_inspect_converts_a_keras_file_within_limits(how, seconds, reason, tmp_path, monkeypatch):
    monkeypatch.setattr(backend, "require", lambda: None)
    monkeypatch.setattr(contents, "SECONDS", seconds)
    monkeypatch.setattr(contents, "convert_any", how)
    model = tmp_path / "model.keras"
    model.write_bytes(b"PK\3\4 and so on")
    with pytest.raises(ModelError, match=rf"model\.keras cannot be converted: {reason}"):
        inspection.inspect_file(model)


@ENDS
def test_a_run_reads_a_users_model_within_limits(how, seconds, reason, tmp_path, monkeypatch):
    monkeypatch.setattr(pipeline, "SECONDS", seconds)
    monkeypatch.setattr(own_model, "adopt", how)
    model = tmp_path / "mine.tflite"
    model.write_bytes(b"\0\0\0\0TFL3 and so on")
    settings = RunSettings(word="on", model=model, data=tmp_path)
    with pytest.raises(ModelError, match=rf"mine\.tflite cannot be used: {reason}"):
        pipeline.run(Job(settings, RunFolder(tmp_path / "out", settings)))
    assert not (tmp_path / "out").exists()


@linux
def test_workers_have_little_memory_for_a_users_model_alone(tmp_path, monkeypatch):
    monkeypatch.setattr(jobs, "TRAINING_MEMORY", 1 << 29)
    model = tmp_path / "mine.tflite"
    model.write_bytes(b"\0\0\0\0TFL3 and so on")
    for settings in (RunSettings(word="on", model=model), RunSettings(word="on")):
        job = Job(settings, RunFolder(tmp_path, settings))
        with job.workers() as executor:
            future = executor.submit(allocate, 1 << 29)
            assert isinstance(future.exception(), MemoryError) == (settings.model is not None)


@pytest.fixture
def step(tmp_path, monkeypatch):
    """`step(model)` makes float32 of a .tflite, as a run does in a worker."""
    monkeypatch.setattr(steps, "SECONDS", 2)
    monkeypatch.setattr(steps, "SECONDS_A_CLIP", 0)
    for split in ("train", "validation", "test"):
        x = np.zeros((8, 50, 13, 1), np.float32)
        np.save(feature_file(tmp_path, split), x)
        features = FeatureSet(x, np.arange(8, dtype=np.uint8) % 2, [str(n) for n in range(8)])
        save_features(features, tmp_path, split)

    def make(model):
        settings = RunSettings(word="on", model=model)
        return steps.make_variant("float32", settings, tmp_path, model, tmp_path)

    return make


def test_a_technique_stops_a_users_model_that_loops(hostile, step):
    with pytest.raises(ModelError, match="it took more than 2 s"):
        step(hostile / "loop_in_float_model.tflite")


@linux
def test_a_technique_limits_the_memory_of_a_users_model(hostile, step, monkeypatch, little_memory):
    monkeypatch.setattr(steps, "SECONDS", 600)
    row = step(hostile / "needs_2gb.tflite")
    assert row.accuracy is None
    assert "memory" in row.targets["litert"].reason
