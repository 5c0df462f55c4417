"""QAT ships integers whose ranges are true, and its kin keep the zeros and clusters they got.

The recipes' steps here are long: plain QAT loses on the same way what the others keep.
"""

from __future__ import annotations

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter

from stapes.tflite.read.weights import most_distinct_in_a_channel

CLUSTERS = 16  # The recipe's default.


@pytest.fixture(scope="module")
def wrapped(baseline):
    """The baseline with TFMOT's quantizers."""
    import tensorflow_model_optimization as tfmot

    from stapes.models.backend import start_over
    from stapes.techniques.keras_models import clone

    start_over(0)
    quantization = tfmot.quantization.keras
    annotated = quantization.quantize_annotate_model(clone(baseline))
    return quantization.quantize_apply(annotated)


@pytest.fixture(scope="module")
def calibrated(wrapped, material):
    """Ranges of activations before and after calibration: {name: (min, max)} twice."""
    from stapes.techniques.quantization_aware import calibrate_ranges

    before = ranges(wrapped)
    calibrate_ranges(wrapped, material.calibration)
    return before, ranges(wrapped)


def ranges(model):
    by_layer: dict[str, dict[str, float]] = {}
    for variable in model.variables:
        name, _, end = variable.name.split(":")[0].rpartition("_")
        if end in ("min", "max") and not name.endswith("kernel"):
            by_layer.setdefault(name.split("/")[0], {})[end] = float(variable.numpy())
    return {name: (ends["min"], ends["max"]) for name, ends in by_layer.items()}


def true_ranges(model, x):
    """The ranges behind each convolution in a plain forward pass."""
    from stapes.models.backend import keras

    names = ["conv", "conv_1"]
    probe = keras().Model(model.inputs, [model.get_layer(name).output for name in names])
    outputs = [output.numpy() for output in probe(x)]
    return {f"quant_{n}": (o.min(), o.max()) for n, o in zip(names, outputs, strict=True)}


def test_calibration_finds_the_ranges_of_a_plain_forward_pass(calibrated, baseline, material):
    before, after = calibrated
    for name, (low, high) in true_ranges(baseline, material.calibration).items():
        assert before[name] == (-6, 6)
        assert high > 7, "ranges like TFMOT's own would show nothing"
        # Weights of 8 bits move the sums a little.
        assert after[name] == pytest.approx((low, high), abs=0.02 * float(high))


def test_calibration_finds_the_range_of_the_clips(calibrated, material):
    _, after = calibrated
    [clips] = [limits for name, limits in after.items() if name.startswith("quantize_layer")]
    assert clips == pytest.approx((material.calibration.min(), material.calibration.max()))


def test_calibration_does_not_change_the_weights(calibrated, wrapped, weights_before):
    assert calibrated
    trained = {variable.name: variable.numpy() for variable in wrapped.trainable_variables}
    assert len(trained) == len(weights_before)
    for before in weights_before:
        assert any(np.array_equal(before, after) for after in trained.values())


@pytest.mark.parametrize("name", ["qat", "pqat", "cqat", "pcqat"])
def test_inputs_outputs_and_weights_are_int8(variant, kernels, name):
    interpreter = Interpreter(model_content=variant(name).tflite)
    [inputs], [outputs] = interpreter.get_input_details(), interpreter.get_output_details()
    assert inputs["dtype"] == outputs["dtype"] == np.int8
    assert [kernel.dtype.name for kernel in kernels(name)] == ["int8"] * 3


def test_the_input_of_the_file_spans_the_training_clips(variant, training):
    [details] = Interpreter(model_content=variant("qat").tflite).get_input_details()
    scale, zero_point = details["quantization"]
    low, high = float(training.x.min()), float(training.x.max())
    ends = [(level - zero_point) * scale for level in (-128, 127)]
    assert ends == pytest.approx([low, high], abs=(high - low) / 255)


@pytest.mark.parametrize(("name", "before"), [("pqat", "pruned"), ("pcqat", "sparse_clustered")])
def test_every_zero_of_the_pruned_model_is_kept(kernels, variant, name, before):
    for kernel, pruned in zip(kernels(name), kernels(before), strict=True):
        assert (pruned == 0).mean() > 0.75
        assert not kernel[pruned == 0].any()
        assert kernel.any()
    assert not any("not reached" in note for note in variant(name).layer_notes)


def test_plain_qat_loses_the_zeros_of_a_pruned_model(stage, kernels, kernels_of):
    from stapes.models.backend import start_over
    from stapes.techniques.quantization_aware import qat

    start_over(0)
    trained = kernels_of(qat(stage("pruned")).tflite)
    for kernel, pruned in zip(trained, kernels("pruned"), strict=True):
        assert (kernel[pruned == 0] != 0).mean() > 0.3


@pytest.mark.parametrize("name", ["cqat", "pcqat"])
def test_every_channel_keeps_its_clusters(kernels, variant, name):
    for kernel in kernels(name):
        assert most_distinct_in_a_channel(kernel) <= CLUSTERS
    assert not any("lost" in note for note in variant(name).layer_notes)


def test_plain_qat_of_the_baseline_has_more_values_than_clusters(kernels):
    assert [most_distinct_in_a_channel(kernel) > CLUSTERS for kernel in kernels("qat")[1:]] == [
        True,
        True,
    ]


def test_each_has_its_own_recipe(variant):
    assert variant("qat").settings["learning_rate"] == 1e-2
    assert variant("pcqat").settings["calibrate"] is True


def test_the_baseline_does_not_change(variant, baseline, weights_before):
    assert variant("qat").tflite
    for before, after in zip(weights_before, baseline.get_weights(), strict=True):
        np.testing.assert_array_equal(before, after)
