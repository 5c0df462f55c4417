"""Each post-training variant has the types of its name, and the same bytes each time."""

from __future__ import annotations

import importlib.util

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter

from stapes.data.features import FeatureSet
from stapes.targets.litert import LiteRT
from stapes.tflite.read.constants import constants, data_bytes
from stapes.tflite.read.verify import verify

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        importlib.util.find_spec("tf_keras") is None, reason="needs the extra `train`"
    ),
]

NAMES = ("float32", "dynamic_range", "uint8", "int8", "float16", "int16x8")
CALIBRATED = ("uint8", "int8", "int16x8")


def features(seed, n=6, spread=4.0):
    return np.random.default_rng(seed).normal(0, spread, (n, 50, 13, 1)).astype(np.float32)


@pytest.fixture(scope="module")
def make(untrained):
    from stapes.techniques.recipes import Recipes
    from stapes.techniques.registry import TECHNIQUES
    from stapes.techniques.variant import Material

    def make(name, calibration):
        labels = np.arange(len(calibration), dtype=np.uint8) % 2
        training = FeatureSet(calibration, labels, [""] * len(calibration))
        material = Material(untrained, untrained, training, calibration, Recipes(), seed=0)
        return TECHNIQUES[name].make(material)

    return make


@pytest.fixture(scope="module")
def weights_before(untrained):
    return [weight.copy() for weight in untrained.get_weights()]


@pytest.fixture(scope="module")
def variants(make, weights_before):
    return {name: make(name, features(1)) for name in NAMES}


def types_of(model):
    """Types of the input, the output and the tensors between ops."""
    interpreter = Interpreter(model_content=model)
    interpreter.allocate_tensors()
    [inputs], [outputs] = interpreter.get_input_details(), interpreter.get_output_details()
    between = {
        np.dtype(tensor["dtype"]).name
        for tensor in interpreter.get_tensor_details()
        if list(tensor["shape"]) == [1, 48, 11, 32]
    }
    return np.dtype(inputs["dtype"]).name, np.dtype(outputs["dtype"]).name, between


@pytest.mark.parametrize(
    ("name", "ends", "between"),
    [
        ("float32", "float32", "float32"),
        ("dynamic_range", "float32", "float32"),
        ("float16", "float32", "float32"),
        ("uint8", "uint8", "int8"),
        ("int8", "int8", "int8"),
        ("int16x8", "float32", "int16"),
    ],
)
def test_inputs_outputs_and_activations_have_the_types_of_the_name(variants, name, ends, between):
    assert types_of(variants[name].tflite) == (ends, ends, {between})


@pytest.mark.parametrize(
    ("name", "kernels", "biases"),
    [
        ("float32", ["float32"] * 3, "float32"),
        # The converter leaves kernels of fewer than 1,024 weights as they are.
        ("dynamic_range", ["float32", "int8", "int8"], "float32"),
        ("float16", ["float16"] * 3, "float16"),
        ("uint8", ["int8"] * 3, "int32"),
        ("int8", ["int8"] * 3, "int32"),
        ("int16x8", ["int8"] * 3, "int64"),
    ],
)
def test_weights_have_the_types_of_the_name(variants, name, kernels, biases):
    stored = constants(variants[name].tflite)
    assert [weight.values.dtype.name for weight in stored if weight.role == "kernel"] == kernels
    assert [weight.values.dtype.name for weight in stored if weight.role == "bias"] == [biases] * 3
    assert sum(constant.values.size for constant in stored) == 20_226


@pytest.mark.parametrize("name", ["dynamic_range", "uint8", "int8", "int16x8"])
def test_int8_kernels_are_near_the_baselines_weights(variants, untrained, name):
    model = variants[name].tflite
    by_name = {tensor.name: tensor.quantization for tensor in verify(model).graphs[0].tensors}
    kernels = [constant for constant in constants(model) if constant.role == "kernel"]
    for stored, weights in zip(kernels, untrained.get_weights()[::2], strict=True):
        if stored.values.dtype != np.int8:
            continue
        expected = np.moveaxis(weights, -1, 0)
        scale = np.reshape(by_name[stored.name].scales, (-1, *[1] * (expected.ndim - 1)))
        assert not np.any(by_name[stored.name].zero_points)
        error = np.abs(stored.values * scale - expected)
        assert (error <= scale * 0.5001).all()


def test_floats_need_more_bytes_than_half_floats_and_those_than_integers(variants):
    for size in (len, data_bytes):
        sizes = {name: size(variant.tflite) for name, variant in variants.items()}
        assert sizes["float32"] > 1.8 * sizes["float16"]
        for name in ("dynamic_range", "uint8", "int8", "int16x8"):
            assert sizes["float16"] > 1.4 * sizes[name]
    # Four bytes a parameter, and a shape or two.
    assert 0 <= data_bytes(variants["float32"].tflite) - 4 * 20_226 < 200


@pytest.mark.parametrize("name", NAMES)
def test_scores_stay_near_the_baselines(variants, untrained, name):
    x = features(1)
    expected = untrained(x).numpy()
    assert np.ptp(expected[:, 1]) > 0.1, "scores that are all alike would show nothing"
    slack = {"float32": 1e-5, "float16": 2e-3}.get(name, 0.05)
    np.testing.assert_allclose(LiteRT(variants[name].tflite).predict(x), expected, atol=slack)


@pytest.mark.parametrize("name", CALIBRATED)
def test_it_is_the_same_bytes_when_it_is_made_again(variants, make, name):
    again = make(name, features(1))
    assert again == variants[name]


@pytest.mark.parametrize("name", NAMES)
def test_calibration_decides_ranges_of_activations_and_nothing_else(variants, make, name):
    # The other techniques give the same bytes again.
    other = make(name, features(2, spread=9.0))
    assert (other.tflite != variants[name].tflite) == (name in CALIBRATED)


def test_the_uint8_input_spans_the_calibration_clips(variants):
    calibration = features(1)
    signature = LiteRT(variants["uint8"].tflite).signature
    scale, zero_point = signature.input_scale, signature.input_zero_point
    assert -zero_point * scale == pytest.approx(calibration.min(), abs=scale)
    assert (255 - zero_point) * scale == pytest.approx(calibration.max(), abs=scale)


def test_settings_count_the_calibration_clips(variants):
    for name, variant in variants.items():
        assert variant.settings == ({"calibration_clips": 6} if name in CALIBRATED else {})
        assert variant.notes == variant.layer_notes == []


def test_uint8_and_int8_differ_in_input_and_output_alone(variants):
    unsigned, signed = (constants(variants[name].tflite) for name in ("uint8", "int8"))
    for one, other in zip(unsigned, signed, strict=True):
        np.testing.assert_array_equal(one.values, other.values)
    ends = [LiteRT(variants[name].tflite).signature for name in ("uint8", "int8")]
    assert ends[0].input_scale == ends[1].input_scale
    assert ends[0].input_zero_point - ends[1].input_zero_point == 128


@pytest.mark.parametrize("name", NAMES)
def test_it_takes_one_clip_and_has_no_op_for_the_batch(variants, name):
    model = variants[name].tflite
    [details] = Interpreter(model_content=model).get_input_details()
    assert details["shape_signature"].tolist() == [1, 50, 13, 1]
    names = {op.builtin for op in verify(model).operators}
    assert not names & {"SHAPE", "STRIDED_SLICE", "PACK", "CUSTOM"}


def test_the_baseline_does_not_change(variants, untrained, weights_before):
    assert len(variants) == len(NAMES)
    for before, after in zip(weights_before, untrained.get_weights(), strict=True):
        np.testing.assert_array_equal(before, after)
    assert [type(layer).__name__ for layer in untrained.layers][-1] == "Dense"
