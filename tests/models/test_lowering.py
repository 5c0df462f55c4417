"""A lowered model gives the same outputs, from layers that TFMOT's techniques can work on."""

from __future__ import annotations

import importlib.util

import numpy as np
import pytest

from stapes.models.backend import keras
from stapes.models.lowering import lower

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("tf_keras") is None, reason="needs the extra `train`"
)

SUPPORTED = {
    *("InputLayer", "Conv2D", "DepthwiseConv2D", "Dense", "MaxPooling2D", "AveragePooling2D"),
    *("GlobalAveragePooling1D", "GlobalMaxPooling1D", "GlobalAveragePooling2D", "Softmax"),
    *("ZeroPadding2D", "Reshape", "Flatten", "ReLU", "Activation", "Dropout", "Add", "Concatenate"),
}


def scrambled(model, seed=0):
    """The model with random weights, means and variances."""
    rng = np.random.default_rng(seed)
    for layer in model.layers:
        if type(layer).__name__ == "Normalization":
            layer.mean, layer.variance = np.asarray(layer.mean), np.asarray(layer.variance)
            continue
        layer.set_weights(
            [
                rng.uniform(0.5, 2, variable.shape)
                if "variance" in variable.name
                else rng.normal(0.1, 0.4, variable.shape)
                for variable in layer.weights
            ]
        )
    return model


def assert_lowered(model, seed=1):
    before = model.get_weights()
    lowered = lower(model)
    rng = np.random.default_rng(seed)
    for scale in (1, 20):
        x = rng.normal(0, scale, (6, *model.input_shape[1:])).astype(np.float32)
        expected = model(x, training=False).numpy()
        outputs = lowered(x, training=False).numpy()
        np.testing.assert_allclose(outputs, expected, rtol=1e-4, atol=1e-4 * np.abs(expected).max())
    kinds = {type(layer).__name__ for layer in lowered.layers}
    assert kinds <= SUPPORTED, kinds - SUPPORTED
    for old, new in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)
    return lowered


def sequential(shape, *layers):
    return scrambled(keras().Sequential([keras().layers.Input(shape), *layers]))


def layers():
    return keras().layers


def test_the_reference_cnn_stays_as_it_is():
    from stapes.models.architectures import reference_cnn

    model = reference_cnn()
    lowered = assert_lowered(scrambled(model))
    assert [layer.name for layer in lowered.layers[1:]] == [layer.name for layer in model.layers]
    assert lowered.count_params() == model.count_params()


@pytest.mark.parametrize("name", ["temporal_cnn", "ds_cnn", "bc_resnet"])
def test_small_architectures_keep_their_outputs_and_lose_their_norms(name):
    from stapes.models.architectures import ARCHITECTURES

    model = ARCHITECTURES[name]((50, 13, 1))
    lowered = assert_lowered(scrambled(model))
    names = [layer.name for layer in model.layers if not layer.name.endswith("_norm")]
    assert [layer.name for layer in lowered.layers] == names


@pytest.mark.parametrize("padding", ["valid", "same", "causal"])
@pytest.mark.parametrize("settings", [{}, {"strides": 2}, {"dilation_rate": 3}])
def test_convolutions_over_time_become_convolutions_of_images(padding, settings):
    model = sequential(
        (30, 6),
        layers().Conv1D(8, 5, padding=padding, activation="relu", **settings),
        layers().Conv1D(4, 3, padding=padding, use_bias=False),
    )
    assert_lowered(model)


@pytest.mark.parametrize("padding", ["valid", "same"])
def test_depthwise_separable_and_pooling_over_time(padding):
    some = layers()
    model = sequential(
        (32, 6),
        some.DepthwiseConv1D(3, depth_multiplier=2, padding=padding, activation="relu"),
        some.MaxPooling1D(2, padding=padding),
        some.SeparableConv1D(5, 3, depth_multiplier=2, padding=padding, activation="relu"),
        some.AveragePooling1D(3, 2, padding=padding),
        some.GlobalAveragePooling1D(),
        some.Dense(2),
    )
    assert_lowered(model)


def test_successive_layers_over_time_share_one_reshape():
    some = layers()
    model = sequential((16, 3), some.Conv1D(4, 3), some.MaxPooling1D(2), some.Conv1D(4, 3))
    kinds = [type(layer).__name__ for layer in assert_lowered(model).layers]
    assert kinds == ["InputLayer", "Reshape", "Conv2D", "MaxPooling2D", "Conv2D", "Reshape"]


def test_names_of_the_users_layers_are_not_reused():
    some = layers()
    model = sequential(
        (12, 6, 1),
        some.Reshape((12, 6), name="as_image_0"),
        some.Conv1D(4, 3, name="reshape"),
        some.Conv1D(4, 3, name="reshape_1"),
    )
    names = [layer.name for layer in assert_lowered(model).layers]
    assert {"as_image_0", "reshape", "reshape_1"} <= set(names)
    # A lowered model can be lowered again.
    assert_lowered(lower(model))


def test_a_separable_convolution_becomes_two():
    some = layers()
    model = sequential(
        (12, 10, 3),
        some.SeparableConv2D(7, (3, 2), depth_multiplier=2, strides=2, activation="relu"),
        some.SeparableConv2D(4, 2, use_bias=False, padding="same"),
        some.BatchNormalization(),
    )
    lowered = assert_lowered(model)
    assert [type(layer).__name__ for layer in lowered.layers[1:]] == [
        "DepthwiseConv2D",
        "Conv2D",
    ] * 2


@pytest.mark.parametrize("bias", [True, False])
def test_batch_normalization_is_folded_into_what_is_before_it(bias):
    some = layers()
    model = sequential(
        (12, 10, 3),
        some.Conv2D(4, 3, use_bias=bias),
        some.BatchNormalization(),
        some.ReLU(),
        some.DepthwiseConv2D(3, depth_multiplier=2, use_bias=bias),
        some.BatchNormalization(scale=False),
        some.Flatten(),
        some.Dense(5, use_bias=bias),
        some.BatchNormalization(center=False),
    )
    lowered = assert_lowered(model)
    kinds = [type(layer).__name__ for layer in lowered.layers[1:]]
    assert kinds == ["Conv2D", "ReLU", "DepthwiseConv2D", "Flatten", "Dense"]


def test_batch_normalization_that_cannot_be_folded_becomes_a_depthwise_convolution():
    some = layers()
    model = sequential(
        (12, 10, 3),
        some.BatchNormalization(),
        some.Conv2D(4, 3, activation="relu"),
        some.BatchNormalization(),
        some.Flatten(),
        some.BatchNormalization(),
        some.Dense(2, activation="softmax"),
    )
    assert_lowered(model)


def test_a_convolution_that_others_read_keeps_its_outputs():
    some = layers()
    start = keras().Input((12, 10, 3))
    read = some.Conv2D(4, 3)(start)
    both = some.Add()([some.BatchNormalization()(read), read])
    shared = some.Conv2D(4, 3, padding="same")
    twice = some.Concatenate()([shared(both), some.BatchNormalization()(shared(read))])
    model = scrambled(keras().Model(start, some.Dense(2)(some.Flatten()(twice))))
    lowered = assert_lowered(model)
    assert sum(type(layer).__name__ == "DepthwiseConv2D" for layer in lowered.layers) == 2


@pytest.mark.parametrize("axis", [-1, 1, 2, (1, 2), None])
@pytest.mark.parametrize("invert", [False, True])
def test_normalization_along_any_axis_is_a_depthwise_convolution(axis, invert):
    some, rng = layers(), np.random.default_rng(3)
    norm = some.Normalization(axis=axis, invert=invert)
    norm.adapt(rng.normal(3, 2, (20, 12, 10, 1)) * rng.uniform(0.5, 4, (1, 12, 10, 1)))
    model = sequential((12, 10, 1), norm, some.Conv2D(3, 3), some.Flatten(), some.Dense(2))
    assert_lowered(model)


def test_normalization_and_rescaling_with_given_numbers():
    some = layers()
    model = sequential(
        (12, 6),
        some.Rescaling(1 / 128, offset=-1),
        some.Normalization(mean=[1, 2, 3, 4, 5, 6], variance=[1, 2, 3, 4, 5, 6]),
        some.Rescaling([1, 2, 3, 4, 5, 6.0]),
        some.Conv1D(4, 3),
    )
    assert_lowered(model)


def test_an_activation_that_quantization_does_not_fuse_is_a_layer_of_its_own():
    some = layers()
    model = sequential(
        (12, 10, 1),
        some.Conv2D(3, 3, activation="elu"),
        some.Conv2D(3, 3, activation="relu"),
        some.Flatten(),
        some.Dense(4, activation="swish"),
        some.Dense(2, activation="softmax"),
    )
    names = [layer.name for layer in assert_lowered(model).layers if "Activation" in str(layer)]
    assert [name.rsplit("_", 1)[1] for name in names] == ["elu", "swish"]


def test_every_lowered_layer_is_quantized_in_training():
    import tensorflow_model_optimization as tfmot

    some = layers()
    model = sequential(
        (32, 6),
        some.Normalization(mean=[1.0] * 6, variance=[2.0] * 6),
        some.SeparableConv1D(5, 3),
        some.BatchNormalization(),
        some.ReLU(),
        some.MaxPooling1D(2),
        some.Conv1D(4, 3, activation="relu"),
        some.GlobalAveragePooling1D(),
        some.BatchNormalization(),
        some.Dense(2, activation="softmax"),
    )
    quantized = tfmot.quantization.keras.quantize_model(lower(model))
    wrapped = [layer for layer in quantized.layers if hasattr(layer, "quantize_config")]
    assert len(wrapped) == len(lower(model).layers) - 1
    with pytest.raises(RuntimeError):
        tfmot.quantization.keras.quantize_model(model)
