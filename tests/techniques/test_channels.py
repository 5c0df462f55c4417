"""The shipped file has fewer filters, not zeros, and costs less to run."""

from __future__ import annotations

import math

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter

from stapes.targets.litert import LiteRT
from stapes.tflite.read.constants import constants


def weighted_macs(model):
    """Multiplications of all kernels, by the shapes that LiteRT has."""
    interpreter = Interpreter(model_content=model)
    interpreter.allocate_tensors()
    shapes = {tensor["index"]: tensor["shape"] for tensor in interpreter.get_tensor_details()}
    return sum(
        math.prod(shapes[op["outputs"][0]][:-1]) * math.prod(shapes[op["inputs"][1]])
        for op in interpreter._get_ops_details()
        if op["op_name"] in ("CONV_2D", "FULLY_CONNECTED")
    )


@pytest.fixture
def counts(kernels):
    """Filters of the two convolutions."""
    return [len(kernel) for kernel in kernels("pruned_channels")[:2]]


def test_half_of_the_filters_are_gone_from_the_shapes(kernels, counts, material):
    assert sum(counts) == material.recipes.channels.keep * (8 + 16)
    shapes = [kernel.shape for kernel in kernels("pruned_channels")]
    places = 64 // 16
    assert shapes == [(counts[0], 3, 3, 1), (counts[1], 3, 3, counts[0]), (2, places * counts[1])]


def test_biases_go_with_their_filters(variant, counts):
    stored = constants(variant("pruned_channels").tflite)
    assert [constant.values.shape for constant in stored if constant.role == "bias"] == [
        (counts[0],),
        (counts[1],),
        (2,),
    ]


def test_the_remaining_weights_are_not_zero(kernels):
    assert all(kernel.all() for kernel in kernels("pruned_channels"))


def test_the_file_and_its_multiplications_are_fewer(variant):
    smaller, whole = variant("pruned_channels").tflite, variant("float32").tflite
    assert len(smaller) < 0.8 * len(whole)
    assert weighted_macs(whole) == 20 * 11 * 72 + 8 * 3 * 1152 + 128
    assert weighted_macs(smaller) < 0.7 * weighted_macs(whole)


def test_notes_count_the_filters_of_each_layer(variant, counts):
    assert variant("pruned_channels").layer_notes == [
        f"{counts[0]} of 8 filters kept",
        f"{counts[1]} of 16 filters kept",
        "no filter removed: its outputs are the model's",
    ]


def test_it_still_classifies_the_clips(variant, test_clips):
    scores = LiteRT(variant("pruned_channels").tflite).predict(test_clips.x)
    assert (scores.argmax(axis=1) == test_clips.y).mean() > 0.9


def test_the_baseline_does_not_change(variant, baseline, weights_before):
    assert variant("pruned_channels").tflite
    for before, after in zip(weights_before, baseline.get_weights(), strict=True):
        np.testing.assert_array_equal(before, after)
