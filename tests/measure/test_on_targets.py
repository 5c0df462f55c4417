"""Every target has a result for a model, and no target stops the others."""

from __future__ import annotations

import importlib.util
import os
import sys
from dataclasses import replace

import numpy as np
import pytest
from tests.processes import crash, hang, run_out
from tests.tflite.models_by_hand import OP, model, op, tensor
from tests.tflite.windows import Layer, window_model

from stapes.contracts.measurements import TargetResult
from stapes.measure import on_targets
from stapes.measure.on_targets import (
    compared,
    largest_difference,
    latency_of,
    targets_of,
)
from stapes.system.isolation import Child
from stapes.targets.registry import TARGETS
from stapes.targets.target import Tried, refused
from stapes.tflite.edit.streaming import streaming
from stapes.tflite.edit.write import write
from stapes.tflite.read.verify import verify

needs_tflm = pytest.mark.skipif(
    importlib.util.find_spec("tflite_micro") is None, reason="needs the extra `micro`"
)
X = np.random.default_rng(0).normal(0, 60, (20, 30)).astype(np.float32)


@pytest.fixture(scope="module")
def content(dense_model):
    weights = np.random.default_rng(1).integers(-127, 128, (3, 30)).astype(np.int8)
    return dense_model(weights)


@pytest.fixture(scope="module")
def child():
    with Child() as one:
        yield one


def scores(*rows):
    return np.array(rows, np.float32)


@needs_tflm
def test_a_model_is_tried_on_every_target(content, child):
    results = targets_of(content, X, child=child)
    assert list(results) == list(TARGETS)
    litert, tflm = latency_of(content, results["litert"], child=child), results["tflm"]
    assert litert.runs
    assert litert.latency_us_p50 is not None
    assert litert.latency_us_p99 is not None
    assert 0 < litert.latency_us_p50 <= litert.latency_us_p99
    assert "one thread" in (litert.configuration or "")
    assert tflm.runs
    assert tflm.arena_bytes
    assert (tflm.agrees, tflm.decisions_that_differ, tflm.largest_difference) == (True, 0, 0)
    assert tflm.n_compared == 20
    assert "its input is int8 [1, 30]" in (results["esphome"].reason or "")


def test_without_clips_nothing_is_compared(content, child):
    for clips in (None, X[:0]):
        results = targets_of(content, clips, child=child, names=("litert", "tflm"))
        assert results["litert"] == TargetResult(runs=True)
        assert results["tflm"].agrees is None
        assert results["tflm"].n_compared is None


def test_the_child_loads_no_tensorflow(content, child):
    targets_of(content, X, child=child, names=("litert", "tflm"))
    loaded = child.run(60, _loaded)
    assert "ai_edge_litert" in loaded
    assert not loaded & {"tensorflow", "tf_keras", "keras"}


def _loaded():
    return {name.partition(".")[0] for name in sys.modules}


@pytest.mark.skipif(os.name != "posix", reason="signals are POSIX's here")
@pytest.mark.parametrize(
    ("attempt", "seconds", "reason"),
    [
        (crash, 60, "it crashed"),
        (hang, 1, "it took more than 1 s"),
        (run_out, 60, "it needs more than 6 GiB of memory"),
    ],
)
def test_a_target_that_breaks_its_process_is_a_reason_of_that_target(
    content, monkeypatch, attempt, seconds, reason
):
    monkeypatch.setattr(on_targets, "SECONDS_A_CLIP", 0)
    bad = replace(TARGETS["tflm"], attempt=attempt, package="")
    monkeypatch.setitem(TARGETS, "tflm", bad)
    with Child() as child:
        with monkeypatch.context() as limited:
            limited.setattr(on_targets, "_SECONDS", seconds)
            results = targets_of(content, X, child=child, names=("tflm",))
        assert results["tflm"] == TargetResult(runs=False, reason=reason)
        # The same child serves the next target.
        after = targets_of(content, child=child, names=("esphome",))["esphome"]
        assert "its input is int8" in (after.reason or "")


def test_a_missing_extra_is_a_reason_and_needs_no_process(content, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda package: None)
    with Child() as child:
        results = targets_of(content, X, child=child, names=("tflm", "ethos_u55", "ethos_u85"))
        assert child._executor is None
    reasons = {name: result.reason for name, result in results.items()}
    assert reasons == {
        "tflm": "not tried: install stapes[micro]",
        "ethos_u55": "not tried: install stapes[npu]",
        "ethos_u85": "not tried: install stapes[npu]",
    }


def test_a_broken_file_reaches_no_target(content):
    with Child() as child:
        results = targets_of(content[:200], X, child=child)
        assert child._executor is None
    assert list(results) == list(TARGETS)
    assert all("broken" in (result.reason or "") for result in results.values())


@needs_tflm
def test_a_target_runs_no_model_of_a_frontend_that_it_lacks(child):
    layers = [Layer(6), Layer(None, 5, 3), Layer(6)]
    streamed = streaming(window_model(layers, bins=40, device=True))
    names = ("litert", "esphome")
    for frontend in (None, "micro", "logmel"):
        results = targets_of(streamed, child=child, names=names, frontend=frontend)
        assert results["litert"].runs
        assert results["esphome"].runs == (frontend != "logmel")
    assert results["esphome"].reason == (
        "it takes the features of logmel, and ESPHome computes micro's"
    )


def test_esphome_does_not_run_what_its_interpreter_refuses(content, child):
    root = verify(content).table
    root["operator_codes"][0].fields.update(builtin_code=124, deprecated_builtin_code=124)
    results = targets_of(write(root), child=child, names=("tflm", "esphome"))
    assert results["tflm"].reason == "Didn't find op for builtin opcode 'DENSIFY'"
    assert (results["esphome"].reason or "").startswith("DENSIFY is not among its ops; ")
    assert (results["esphome"].reason or "").endswith("; TFLite Micro does not run it")


def test_a_model_that_litert_does_not_run_is_not_timed(child):
    unknown = model([tensor((1, 4)), tensor((1, 4))],
                    [op(OP.CUSTOM, (0,), (1,), custom=b"MINE")], (0,), (1,))  # fmt: skip
    result = targets_of(unknown, child=child, names=("litert",))["litert"]
    assert not result.runs
    assert latency_of(unknown, result, child=child) == result
    late = latency_of(unknown, TargetResult(runs=True), child=child)
    assert late.runs
    assert (late.reason or "").startswith("not timed: ")
    assert late.latency_us_p50 is None


def test_differences_are_counted_in_steps_of_the_output():
    litert = Tried(TargetResult(runs=True), scores([0, 1], [0.5, 0.5]), 1 / 256)
    tflm = Tried(TargetResult(runs=True, arena_bytes=7), scores([0, 1], [0.25, 0.75]), 1 / 256)
    assert compared(tflm, litert) == TargetResult(
        runs=True,
        arena_bytes=7,
        agrees=False,
        decisions_that_differ=1,
        largest_difference=64,
        n_compared=2,
    )
    assert compared(tflm, litert, positive=0).decisions_that_differ == 1
    assert compared(litert, litert).agrees


def test_differences_of_floats_have_no_steps():
    assert largest_difference(scores([0.5]), scores([0.75])) == 0.25
    assert largest_difference(scores([0.5]), scores([0.75]), 0.1) == 2
    assert largest_difference(scores(), scores()) == 0


def test_a_target_without_scores_is_not_compared():
    ran = Tried(TargetResult(runs=True), scores([0, 1]), None)
    not_run = refused("it crashed")
    assert compared(not_run, ran) == not_run.result
    assert compared(ran, not_run) == ran.result


def test_outputs_of_other_shapes_and_a_wrong_positive_are_errors():
    ran = Tried(TargetResult(runs=True), scores([0, 1]), None)
    with pytest.raises(ValueError, match="of shape"):
        compared(ran, Tried(TargetResult(runs=True), scores([0, 1, 2]), None))
    with pytest.raises(ValueError, match="none of them is 2"):
        compared(ran, ran, positive=2)


@needs_tflm
def test_published_models_agree_in_every_decision(models, child):
    content = (models / "mlperf_tiny_kws.tflite").read_bytes()
    clips = np.random.default_rng(0).normal(0, 60, (10, 49, 10, 1)).astype(np.float32)
    result = targets_of(content, clips, child=child, names=("litert", "tflm"))["tflm"]
    assert (result.agrees, result.n_compared) == (True, 10)
    assert result.largest_difference == round(result.largest_difference or 0)
