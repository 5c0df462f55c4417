"""TFLite Micro runs what a microcontroller runs, and gives its reason where it does not."""

from __future__ import annotations

import importlib.util

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter
from tests.tflite.models_by_hand import OP, dense, model, op, packed, tensor, unpacked

from stapes.errors import MissingExtraError, ModelError
from stapes.targets import tflm
from stapes.targets.tflm import TFLM, decisive

needs_tflm = pytest.mark.skipif(
    importlib.util.find_spec("tflite_micro") is None, reason="needs the extra `micro`"
)


@needs_tflm
@pytest.mark.parametrize("name", ["micro_speech_quantized", "mlperf_tiny_kws"])
def test_it_agrees_with_litert_within_some_steps(models, name):
    content = (models / f"{name}.tflite").read_bytes()
    litert = Interpreter(model_content=content)
    litert.allocate_tensors()
    [first], [last] = litert.get_input_details(), litert.get_output_details()
    micro = TFLM(content)
    rng = np.random.default_rng(0)
    for _ in range(10):
        x = rng.integers(-128, 128, first["shape"]).astype(np.int8)
        litert.set_tensor(first["index"], x)
        litert.invoke()
        micro.set_input(x)
        micro.invoke()
        # Softmax turns one step of a logit into up to tens of steps of the score.
        expected = litert.get_tensor(last["index"])
        assert np.argmax(micro.output()) == np.argmax(expected)


@needs_tflm
def test_a_tensor_inside_can_be_read(models):
    content = (models / "mlperf_tiny_kws.tflite").read_bytes()
    micro = TFLM(content, keep_tensors=True)
    micro.set_input(np.zeros((1, 49, 10, 1), np.int8))
    micro.invoke()
    # The last tensor of the file is the output of its softmax.
    np.testing.assert_array_equal(micro.tensor(34), micro.output())
    assert micro.tensor(22).shape == (1, 25, 5, 64)


@needs_tflm
def test_a_model_that_it_refuses_is_refused_with_a_reason():
    root = unpacked(dense())
    root.operatorCodes[0].builtinCode = root.operatorCodes[0].deprecatedBuiltinCode = 126
    with pytest.raises(ModelError, match="TFLite Micro refuses"):
        TFLM(packed(root))
    with pytest.raises(ModelError, match="broken"):
        TFLM(b"\x1c\0\0\0TFL3" + bytes(100))


def test_without_the_package_it_names_the_extra(monkeypatch):
    monkeypatch.setattr(tflm, "available", lambda: False)
    with pytest.raises(MissingExtraError, match=r"stapes\[micro\]"):
        TFLM(b"")


@needs_tflm
def test_the_reason_is_what_tflite_micro_prints_and_not_what_it_raises(capfd):
    values = np.ones((3, 4), np.float32)
    tensors = [tensor((1, 4)), tensor((3, 4), "kernel", values), tensor((1, 3))]
    unknown = model(tensors, [op(OP.DENSIFY, (0,), (2,))], (0,), (2,))
    with pytest.raises(ModelError, match=r"refuses the model: Didn't find op .* 'DENSIFY'\.$"):
        TFLM(unknown)
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize(
    ("printed", "reason"),
    [
        (
            "a/kernels/conv_common.cc Hybrid models are not supported on TFLite Micro.\n"
            "Node CONV_2D (number 2) failed to prepare with status 1\n",
            "Hybrid models are not supported on TFLite Micro (CONV_2D)",
        ),
        (
            "a/dequantize_common.cc:42 input->type == kTfLiteInt8 was not true.\n"
            "Node DEQUANTIZE (number 0) failed to prepare with status 1\n",
            "input->type == kTfLiteInt8 was not true (DEQUANTIZE)",
        ),
        (
            "Didn't find op for builtin opcode 'DENSIFY'\n"
            "Failed to get registration from op code DENSIFY\n \n",
            "Didn't find op for builtin opcode 'DENSIFY'",
        ),
        ("Node X (number 0) failed to invoke with status 1", ""),
        ("", ""),
    ],
)
def test_the_reason_is_a_printed_line_with_its_op(printed, reason):
    assert decisive(printed) == reason
