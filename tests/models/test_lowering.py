"""A lowered model gives the same outputs, from layers that TFMOT's techniques can work on."""

from __future__ import annotations

import importlib.util

import numpy as np
import pytest

from stapes.models.backend import keras
from stapes.models.lowering import lower

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        importlib.util.find_spec("tf_keras") is None, reason="needs the extra `train`"
    ),
]

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


def sequential(shape, *body):
    return scrambled(keras().Sequential([keras_layers().Input(shape), *body]))


def keras_layers():
    return keras().layers


def test_the_reference_cnn_is_not_changed():
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
        keras_layers().Conv1D(8, 5, padding=padding, activation="relu", **settings),
        keras_layers().Conv1D(4, 3, padding=padding, use_bias=False),
    )
    assert_lowered(model)


@pytest.mark.parametrize("padding", ["valid", "same"])
def test_depthwise_separable_and_pooling_over_time(padding):
    layers = keras_layers()
    model = sequential(
        (32, 6),
        layers.DepthwiseConv1D(3, depth_multiplier=2, padding=padding, activation="relu"),
        layers.MaxPooling1D(2, padding=padding),
        layers.SeparableConv1D(5, 3, depth_multiplier=2, padding=padding, activation="relu"),
        layers.AveragePooling1D(3, 2, padding=padding),
        layers.GlobalAveragePooling1D(),
        layers.Dense(2),
    )
    assert_lowered(model)


def test_successive_layers_over_time_share_one_reshape():
    layers = keras_layers()
    model = sequential((16, 3), layers.Conv1D(4, 3), layers.MaxPooling1D(2), layers.Conv1D(4, 3))
    kinds = [type(layer).__name__ for layer in assert_lowered(model).layers]
    assert kinds == ["InputLayer", "Reshape", "Conv2D", "MaxPooling2D", "Conv2D", "Reshape"]


def test_names_of_the_users_layers_are_not_reused():
    layers = keras_layers()
    model = sequential(
        (12, 6, 1),
        layers.Reshape((12, 6), name="as_image_0"),
        layers.Conv1D(4, 3, name="reshape"),
        layers.Conv1D(4, 3, name="reshape_1"),
    )
    names = [layer.name for layer in assert_lowered(model).layers]
    assert {"as_image_0", "reshape", "reshape_1"} <= set(names)
    # A lowered model can be lowered again.
    assert_lowered(lower(model))


def test_a_separable_convolution_becomes_two():
    layers = keras_layers()
    model = sequential(
        (12, 10, 3),
        layers.SeparableConv2D(7, (3, 2), depth_multiplier=2, strides=2, activation="relu"),
        layers.SeparableConv2D(4, 2, use_bias=False, padding="same"),
        layers.BatchNormalization(),
    )
    lowered = assert_lowered(model)
    assert [type(layer).__name__ for layer in lowered.layers[1:]] == [
        "DepthwiseConv2D",
        "Conv2D",
    ] * 2


@pytest.mark.parametrize("bias", [True, False])
def test_batch_normalization_is_folded_into_what_is_before_it(bias):
    layers = keras_layers()
    model = sequential(
        (12, 10, 3),
        layers.Conv2D(4, 3, use_bias=bias),
        layers.BatchNormalization(),
        layers.ReLU(),
        layers.DepthwiseConv2D(3, depth_multiplier=2, use_bias=bias),
        layers.BatchNormalization(scale=False),
        layers.Flatten(),
        layers.Dense(5, use_bias=bias),
        layers.BatchNormalization(center=False),
    )
    lowered = assert_lowered(model)
    kinds = [type(layer).__name__ for layer in lowered.layers[1:]]
    assert kinds == ["Conv2D", "ReLU", "DepthwiseConv2D", "Flatten", "Dense"]


def test_batch_normalization_that_cannot_be_folded_becomes_a_depthwise_convolution():
    layers = keras_layers()
    model = sequential(
        (12, 10, 3),
        layers.BatchNormalization(),
        layers.Conv2D(4, 3, activation="relu"),
        layers.BatchNormalization(),
        layers.Flatten(),
        layers.BatchNormalization(),
        layers.Dense(2, activation="softmax"),
    )
    assert_lowered(model)


def test_a_convolution_that_others_read_keeps_its_outputs():
    layers = keras_layers()
    start = keras().Input((12, 10, 3))
    read = layers.Conv2D(4, 3)(start)
    both = layers.Add()([layers.BatchNormalization()(read), read])
    shared = layers.Conv2D(4, 3, padding="same")
    twice = layers.Concatenate()([shared(both), layers.BatchNormalization()(shared(read))])
    model = scrambled(keras().Model(start, layers.Dense(2)(layers.Flatten()(twice))))
    lowered = assert_lowered(model)
    assert sum(type(layer).__name__ == "DepthwiseConv2D" for layer in lowered.layers) == 2


@pytest.mark.parametrize("axis", [-1, 1, 2, (1, 2), None])
@pytest.mark.parametrize("invert", [False, True])
def test_normalization_along_any_axis_is_a_depthwise_convolution(axis, invert):
    layers, rng = keras_layers(), np.random.default_rng(3)
    norm = layers.Normalization(axis=axis, invert=invert)
    norm.adapt(rng.normal(3, 2, (20, 12, 10, 1)) * rng.uniform(0.5, 4, (1, 12, 10, 1)))
    model = sequential((12, 10, 1), norm, layers.Conv2D(3, 3), layers.Flatten(), layers.Dense(2))
    assert_lowered(model)


def test_normalization_and_rescaling_with_fixed_numbers():
    layers = keras_layers()
    model = sequential(
        (12, 6),
        layers.Rescaling(1 / 128, offset=-1),
        layers.Normalization(mean=[1, 2, 3, 4, 5, 6], variance=[1, 2, 3, 4, 5, 6]),
        layers.Rescaling([1, 2, 3, 4, 5, 6.0]),
        layers.Conv1D(4, 3),
    )
    assert_lowered(model)


def test_an_activation_that_quantization_does_not_fuse_is_a_layer_of_its_own():
    layers = keras_layers()
    model = sequential(
        (12, 10, 1),
        layers.Conv2D(3, 3, activation="elu"),
        layers.Conv2D(3, 3, activation="relu"),
        layers.Flatten(),
        layers.Dense(4, activation="swish"),
        layers.Dense(2, activation="softmax"),
    )
    names = [layer.name for layer in assert_lowered(model).layers if "Activation" in str(layer)]
    assert [name.rsplit("_", 1)[1] for name in names] == ["elu", "swish"]


def test_every_lowered_layer_is_quantized_in_training():
    import tensorflow_model_optimization as tfmot

    layers = keras_layers()
    model = sequential(
        (32, 6),
        layers.Normalization(mean=[1.0] * 6, variance=[2.0] * 6),
        layers.SeparableConv1D(5, 3),
        layers.BatchNormalization(),
        layers.ReLU(),
        layers.MaxPooling1D(2),
        layers.Conv1D(4, 3, activation="relu"),
        layers.GlobalAveragePooling1D(),
        layers.BatchNormalization(),
        layers.Dense(2, activation="softmax"),
    )
    quantized = tfmot.quantization.keras.quantize_model(lower(model))
    wrapped = [layer for layer in quantized.layers if hasattr(layer, "quantize_config")]
    assert len(wrapped) == len(lower(model).layers) - 1
    with pytest.raises(RuntimeError):
        tfmot.quantization.keras.quantize_model(model)
