"""The shipped file has 4-bit weights near the float ones."""

from __future__ import annotations

import importlib.util

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter

from stapes.targets.litert import LiteRT
from stapes.tflite.read.constants import constants
from stapes.tflite.read.verify import verify

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("ai_edge_quantizer") is None, reason="needs the extra `int4`"
)


@pytest.fixture
def model(variant):
    return variant("int4").tflite


@pytest.fixture
def scales(model):
    """The scales of each kernel, one a channel, as LiteRT reads them."""
    interpreter = Interpreter(model_content=model)
    by_name = {tensor["name"]: tensor for tensor in interpreter.get_tensor_details()}
    kernels = [tensor.name for tensor in constants(model) if tensor.role == "kernel"]
    return [by_name[name]["quantization_parameters"]["scales"] for name in kernels]


def test_every_kernel_is_stored_in_half_bytes(model):
    stored = {tensor.name: tensor for tensor in verify(model).graphs[0].tensors}
    for kernel in [constant for constant in constants(model) if constant.role == "kernel"]:
        tensor = stored[kernel.name]
        assert tensor.type == "INT4"
        assert len(tensor.data) == -(-kernel.values.size // 2)


def test_half_bytes_are_read_as_litert_reads_them(model, kernels):
    stored = [constant.values for constant in constants(model) if constant.role == "kernel"]
    for values, expected in zip(stored, kernels("int4"), strict=True):
        np.testing.assert_array_equal(values, expected)


def test_each_channel_takes_at_most_sixteen_levels(kernels):
    for kernel in kernels("int4"):
        assert -8 <= kernel.min() < kernel.max() <= 7
        assert all(len(np.unique(channel)) <= 16 for channel in kernel)


def test_levels_are_near_the_weights(kernels, scales):
    for kernel, before, scale in zip(kernels("int4"), kernels("float32"), scales, strict=True):
        assert len(scale) == len(kernel)
        step = np.reshape(scale, (-1, *[1] * (kernel.ndim - 1)))
        # OCTAV clips weights beyond the outermost levels.
        inside = np.abs(kernel) < 7
        assert (np.abs(kernel * step - before) <= 0.501 * step)[inside].all()
        assert (np.sign(kernel) == np.sign(before))[~inside].all()
        assert inside.mean() > 0.5


def test_scores_stay_near_the_float_models(variant, model, test_clips):
    expected = LiteRT(variant("float32").tflite).predict(test_clips.x)
    scores = LiteRT(model).predict(test_clips.x)
    np.testing.assert_allclose(scores, expected, atol=0.2)
    np.testing.assert_array_equal(scores.argmax(axis=1), expected.argmax(axis=1))


def test_the_file_is_smaller_than_with_8_bits(variant, model):
    assert len(model) < len(variant("dynamic_range").tflite) < len(variant("float32").tflite)


def test_settings_name_the_algorithm_of_the_scales(variant):
    assert variant("int4").settings == {"algorithm": "OCTAV"}
