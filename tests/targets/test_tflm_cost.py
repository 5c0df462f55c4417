"""The arena is the smallest in which a model starts, and times are of one inference."""

from __future__ import annotations

import importlib.util

import numpy as np
import pytest

from stapes.errors import ModelError
from stapes.targets.litert import LiteRT
from stapes.targets.tflm import TFLM
from stapes.targets.tflm_cost import arena_bytes, attempt, invoke_seconds
from stapes.tflite.edit.write import write
from stapes.tflite.read.verify import verify

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("tflite_micro") is None, reason="needs the extra `micro`"
)


def test_a_model_starts_in_its_arena_and_in_none_smaller(dense_model, capfd):
    model = dense_model(np.ones((8, 500), np.int8))
    arena = arena_bytes(model)
    # More than input and output, and less than the weights, which stay in flash.
    assert 508 < arena < 4000
    assert capfd.readouterr().err == ""
    TFLM(model, arena_bytes=arena)
    with pytest.raises(ModelError, match="refuses the model"):
        TFLM(model, arena_bytes=arena - 16)


def test_a_streaming_model_needs_more_to_start_than_to_run(models):
    model = (models / "hey_jarvis.tflite").read_bytes()
    TFLM(model, arena_bytes=arena_bytes(model))


def test_a_model_of_more_work_takes_longer(dense_model):
    small, large = (dense_model(np.ones((n, 2000), np.int8)) for n in (1, 200))
    times = invoke_seconds([small, large], 3)
    assert len(times) == 2
    assert min(times) > 0


def test_a_file_that_is_no_model_is_refused():
    with pytest.raises(ModelError, match="broken"):
        arena_bytes(b"\x1c\0\0\0TFL3" + bytes(100))


def test_an_attempt_gives_the_arena_and_the_scores_with_their_step(dense_model):
    weights = np.random.default_rng(1).integers(-127, 128, (3, 30)).astype(np.int8)
    model = dense_model(weights)
    clips = np.random.default_rng(0).normal(0, 60, (5, 30)).astype(np.float32)
    outcome = attempt(model, clips)
    assert outcome.result.runs
    assert outcome.result.arena_bytes == arena_bytes(model)
    assert outcome.step == 8
    np.testing.assert_array_equal(outcome.scores, LiteRT(model).predict(clips))
    assert attempt(model).scores is None


def test_a_model_that_runs_and_does_not_fit_the_clips_is_not_compared(dense_model):
    outcome = attempt(dense_model(np.ones((3, 30), np.int8)), np.zeros((2, 29), np.float32))
    assert outcome.result.runs
    assert outcome.result.arena_bytes
    assert outcome.scores is None
    assert (outcome.result.reason or "").startswith("not compared: The model's input is [30]")


def test_a_refusal_is_a_result_in_the_interpreters_words(dense_model):
    root = verify(dense_model(np.ones((3, 30), np.int8))).table
    root["operator_codes"][0].fields.update(builtin_code=124, deprecated_builtin_code=124)
    outcome = attempt(write(root))
    assert not outcome.result.runs
    assert outcome.result.reason == "Didn't find op for builtin opcode 'DENSIFY'"


@pytest.mark.skipif(importlib.util.find_spec("tf_keras") is None, reason="needs the extra `train`")
def test_the_reference_cnn_in_int8_needs_the_arena_from_before():
    """The arena depends on shapes and types alone, so untrained weights do."""
    from stapes.models.architectures import reference_cnn
    from stapes.techniques.post_training import convert_int8

    rng = np.random.default_rng(0)
    baseline = reference_cnn((50, 13, 1))
    # Biases of zero, as before training, need 32 bytes less.
    weights = [w if w.ndim > 1 else rng.normal(size=w.shape) for w in baseline.get_weights()]
    baseline.set_weights(weights)
    calibration = rng.normal(0, 60, (8, 50, 13, 1)).astype(np.float32)
    assert arena_bytes(convert_int8(baseline, calibration)) == 23_664
