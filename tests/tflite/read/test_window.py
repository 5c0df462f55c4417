"""Receptive field, step and rings of window models: known answers."""

from __future__ import annotations

import pytest
from tests.tflite.windows import Layer, window_model

from stapes.errors import ModelError
from stapes.tflite.read.window import window


def test_the_receptive_field_of_five_depthwise_convolutions():
    kernels = [layer for kernel in (7, 9, 11, 13) for layer in (Layer(None, kernel), Layer(16))]
    plan = window(window_model([Layer(16), Layer(None, 5, 3), *kernels], 40))
    assert (plan.receptive_field, plan.step) == (113, 3)
    assert list(plan.rings.values()) == [2, 6, 8, 10, 12]
    # The input, its RESHAPE and the first layer get three frames a step.
    assert sorted(plan.frames.values()) == [1] * 12 + [3] * 3


def test_each_stride_multiplies_the_step_and_what_comes_after():
    plan = window(window_model([Layer(3, 4, 2), Layer(None, 3, 3), Layer(2, 2)]))
    assert (plan.receptive_field, plan.step) == (4 + 2 * 2 + 1 * 6, 6)
    assert list(plan.rings.values()) == [2, 1]


def test_dilation_widens_a_kernel():
    plan = window(window_model([Layer(3, 3, 1, 4)]))
    assert (plan.receptive_field, list(plan.rings.values())) == (9, [8])


def test_a_kernel_as_long_as_its_stride_needs_no_ring():
    plan = window(window_model([Layer(3, 3, 3)]))
    assert (plan.receptive_field, plan.step, plan.rings) == (3, 3, {})


@pytest.mark.parametrize("name", ["alexa", "mlperf_tiny_kws", "micro_speech_quantized"])
def test_published_models_are_no_window_models(models, name):
    with pytest.raises(ModelError, match=r"window model is|window model has|cannot be streamed"):
        window((models / f"{name}.tflite").read_bytes())
