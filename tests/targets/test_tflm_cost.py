"""The arena is found by starting in it, and times are of one inference."""

from __future__ import annotations

import importlib.util

import numpy as np
import pytest

from stapes.errors import ModelError
from stapes.targets.tflm import TFLM
from stapes.targets.tflm_cost import arena_bytes, invoke_seconds

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("tflite_micro") is None, reason="needs the extra `micro`"
)


def test_a_model_starts_in_its_arena_and_in_none_smaller(dense_model, capfd):
    model = dense_model(np.ones((8, 500), np.int8))
    arena = arena_bytes(model)
    # Input and output, and less than what its weights take, which stay in flash.
    assert 508 < arena < 4000
    assert capfd.readouterr().err == ""
    TFLM(model, arena_bytes=arena)
    with pytest.raises(ModelError, match="refuses the model"):
        TFLM(model, arena_bytes=arena - 16)


def test_a_streaming_model_needs_more_to_be_laid_out_than_to_run(models):
    model = (models / "hey_jarvis.tflite").read_bytes()
    TFLM(model, arena_bytes=arena_bytes(model))


def test_a_model_of_more_work_takes_longer(dense_model):
    small, large = (dense_model(np.ones((n, 2000), np.int8)) for n in (1, 200))
    times = invoke_seconds([small, large], 3)
    assert len(times) == 2
    assert min(times) > 0


def test_a_model_that_is_none_is_refused():
    with pytest.raises(ModelError, match="TFLite Micro refuses"):
        arena_bytes(b"\x1c\0\0\0TFL3" + bytes(100))
