"""Multiply-accumulates, compared with counts by hand."""

from __future__ import annotations

import importlib.util

import pytest

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("tf_keras") is None, reason="needs the extra `train`"
)


@pytest.fixture(scope="module")
def layers():
    from stapes.models.backend import keras

    return keras().layers


@pytest.fixture(scope="module")
def cost(layers):
    """`cost(shape, *layers)`: the MACs of a sequence of layers."""
    from stapes.models.backend import keras
    from stapes.models.cost import macs

    return lambda shape, *body: macs(keras().Sequential([layers.Input(shape), *body]))


def test_the_reference_cnn_costs_what_was_published():
    from stapes.models.architectures import reference_cnn
    from stapes.models.cost import macs

    by_hand = {
        "conv": 48 * 11 * 32 * 9,
        "pool": 24 * 5 * 32 * 4,
        "conv_1": 22 * 3 * 64 * 9 * 32,
        "pool_1": 11 * 1 * 64 * 4,
        "dense": 704 * 2,
        "softmax": 2 * 2,
    }
    assert macs(reference_cnn()) == sum(by_hand.values()) == 1_388_164


def test_dense_layers_multiply_every_input_by_every_output(cost, layers):
    assert cost((7,), layers.Dense(5), layers.Dense(3, use_bias=False)) == 7 * 5 + 5 * 3


def test_a_dense_layer_works_at_every_step_of_a_sequence(cost, layers):
    assert cost((10, 7), layers.Dense(5)) == 10 * 7 * 5


def test_biases_and_activations_are_not_counted(cost, layers):
    with_bias = cost((7,), layers.Dense(5, activation="relu"), layers.ReLU())
    assert with_bias == cost((7,), layers.Dense(5, use_bias=False)) == 35


def test_softmax_counts_two_a_class(cost, layers):
    assert cost((7,), layers.Dense(5, activation="softmax")) == 7 * 5 + 2 * 5


def test_a_convolution_counts_its_kernel_at_every_position(cost, layers):
    same = layers.Conv2D(6, (3, 2), padding="same", strides=2)
    assert cost((9, 8, 4), same) == (5 * 4) * (3 * 2 * 4 * 6)


def test_groups_see_their_own_channels_only(cost, layers):
    assert cost((5, 5, 4), layers.Conv2D(8, 3, groups=2)) == 3 * 3 * (3 * 3 * 2 * 8)


def test_a_depthwise_convolution_counts_one_kernel_a_channel(cost, layers):
    depthwise = layers.DepthwiseConv2D(3, padding="same", depth_multiplier=2)
    assert cost((10, 6, 4), depthwise) == (10 * 6) * (3 * 3 * 4 * 2)


def test_a_convolution_along_time(cost, layers):
    assert cost((49, 40), layers.Conv1D(16, 5, strides=2)) == 23 * (5 * 40 * 16)


def test_pooling_counts_what_its_windows_read(cost, layers):
    assert cost((9, 8, 3), layers.MaxPooling2D((3, 2))) == (3 * 4 * 3) * 6
    assert cost((9, 8, 3), layers.AveragePooling2D(2)) == (4 * 4 * 3) * 4


def test_layers_that_move_or_drop_numbers_cost_nothing(cost, layers):
    assert cost((9, 8, 3), layers.Flatten(), layers.Dropout(0.5), layers.Reshape((216,))) == 0


def test_a_functional_model_costs_as_much_as_a_sequence(layers):
    from stapes.models.backend import keras
    from stapes.models.cost import macs

    inputs = layers.Input((8, 8, 1))
    hidden = layers.Flatten()(layers.Conv2D(2, 3)(inputs))
    model = keras().Model(inputs, layers.Dense(3)(hidden))
    assert macs(model) == 36 * 9 * 2 + 72 * 3
