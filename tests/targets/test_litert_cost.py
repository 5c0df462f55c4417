"""A latency is of as many inferences as requested, or as the time allows."""

from __future__ import annotations

import gc

import numpy as np
import pytest
from tests.tflite.models_by_hand import OP, model, op, tensor
from tests.tflite.windows import Layer, window_model

from stapes.errors import ModelError
from stapes.targets.litert import LiteRT
from stapes.targets.litert_cost import Latency, attempt, latency, processor
from stapes.targets.streams import Runtime, outputs
from stapes.tflite.edit.streaming import streaming

RUNTIMES: tuple[Runtime, Runtime] = ("reference", "litert")
WEIGHTS = np.random.default_rng(1).integers(-127, 128, (3, 30)).astype(np.int8)


def test_it_times_as_many_inferences_as_requested(dense_model):
    timed = latency(dense_model(WEIGHTS), runs=40, seconds=60)
    assert timed.runs == 40
    assert 0 < timed.us_p50 <= timed.us_p99
    assert gc.isenabled()


def test_without_time_ten_are_timed(dense_model):
    assert latency(dense_model(WEIGHTS), seconds=1e-9).runs == 10
    assert latency(dense_model(WEIGHTS), runs=3, seconds=1e-9).runs == 3


def test_only_the_inferences_are_timed(dense_model, monkeypatch):
    """The clock advances by one microsecond at each reading."""
    looks = iter(range(0, 10**9, 1000))
    monkeypatch.setattr("stapes.targets.litert_cost.time.perf_counter_ns", lambda: next(looks))
    timed = latency(dense_model(WEIGHTS), runs=20, seconds=1e-3)
    assert (timed.us_p50, timed.us_p99, timed.runs) == (1, 1, 20)


def test_a_float_model_is_timed_too():
    values = np.ones((3, 4), np.float32)
    tensors = [tensor((1, 4)), tensor((3, 4), values=values), tensor((1, 3))]
    content = model(tensors, [op(OP.FULLY_CONNECTED, (0, 1, -1), (2,))], (0,), (2,))
    assert latency(content, runs=5, seconds=1e-9).runs == 5


def test_the_configuration_names_the_thread_the_processor_and_the_number():
    text = Latency(1.0, 2.0, 1234).configuration
    assert text == f"one thread of {processor()}, 1,234 inferences"
    assert processor()


def test_an_attempt_gives_the_scores_with_their_step(dense_model):
    clips = np.random.default_rng(0).normal(0, 60, (5, 30)).astype(np.float32)
    content = dense_model(WEIGHTS)
    outcome = attempt(content, clips)
    assert outcome.result.runs
    assert outcome.step == 8
    np.testing.assert_array_equal(outcome.scores, LiteRT(content).predict(clips))
    assert attempt(content).scores is None


def test_a_refusal_is_a_result_and_a_model_that_does_not_run_is_not_timed():
    unknown = model([tensor((1, 4)), tensor((1, 4))],
                    [op(OP.CUSTOM, (0,), (1,), custom=b"MINE")], (0,), (1,))  # fmt: skip
    result = attempt(unknown).result
    assert not result.runs
    assert "MINE" in (result.reason or "")
    with pytest.raises(ModelError, match="MINE"):
        latency(unknown)


@pytest.mark.parametrize("kind", ["int8", "float32"])
def test_a_stream_is_scored_with_the_kernels_that_its_detection_is_measured_with(kind):
    """Those of XNNPACK give other bits."""
    differ = 0
    for seed in range(3):
        layers = [Layer(6), Layer(None, 5, 3), Layer(None, 4), Layer(6)]
        content = streaming(window_model(layers, seed=seed, kind=kind))
        frames = np.random.default_rng(seed).uniform(-6, 6, (900, 4)).astype(np.float32)
        scores = attempt(content, frames.reshape(300, 3, 4)).scores
        expected, other = (outputs(content, frames, runtime) for runtime in RUNTIMES)
        assert scores is not None
        steps = np.rint(256 * scores[:, 0] - 128) if kind == "int8" else scores[:, 0]
        np.testing.assert_array_equal(steps, expected)
        differ += int((other != expected).any())
    assert differ
