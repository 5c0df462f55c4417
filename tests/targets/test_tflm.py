"""TFLite Micro runs what a microcontroller runs, and says so where it does not."""

from __future__ import annotations

import importlib.util

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter

from stapes.errors import MissingExtraError, ModelError
from stapes.targets import tflm
from stapes.targets.tflm import TFLM

needs_tflm = pytest.mark.skipif(
    importlib.util.find_spec("tflite_micro") is None, reason="needs the extra `micro`"
)


@needs_tflm
@pytest.mark.parametrize("name", ["micro_speech_quantized", "mlperf_tiny_kws"])
def test_it_agrees_with_litert_but_for_the_last_steps(models, name):
    model = (models / f"{name}.tflite").read_bytes()
    litert = Interpreter(model_content=model)
    litert.allocate_tensors()
    [given], [wanted] = litert.get_input_details(), litert.get_output_details()
    micro = TFLM(model)
    rng = np.random.default_rng(0)
    for _ in range(10):
        x = rng.integers(-128, 128, given["shape"]).astype(np.int8)
        litert.set_tensor(given["index"], x)
        litert.invoke()
        micro.set_input(x)
        micro.invoke()
        # Softmax takes one step of a logit up to tens of steps of the score.
        expected = litert.get_tensor(wanted["index"])
        assert np.argmax(micro.output()) == np.argmax(expected)


@needs_tflm
def test_a_tensor_inside_can_be_read(models):
    model = (models / "mlperf_tiny_kws.tflite").read_bytes()
    micro = TFLM(model, keep_tensors=True)
    micro.set_input(np.zeros((1, 49, 10, 1), np.int8))
    micro.invoke()
    # The last tensor of the file is what its softmax gives.
    np.testing.assert_array_equal(micro.tensor(34), micro.output())
    assert micro.tensor(22).shape == (1, 25, 5, 64)


@needs_tflm
def test_a_model_that_it_refuses_is_refused_with_a_reason():
    with pytest.raises(ModelError, match="TFLite Micro refuses"):
        TFLM(b"\x1c\0\0\0TFL3" + bytes(100))


def test_without_the_package_it_names_the_extra(monkeypatch):
    monkeypatch.setattr(tflm, "available", lambda: False)
    with pytest.raises(MissingExtraError, match=r"stapes\[micro\]"):
        TFLM(b"")
