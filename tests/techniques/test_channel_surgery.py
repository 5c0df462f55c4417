"""Filters that are removed are gone from every shape, and nothing else of the model changes.

Random models are compared with an oracle that knows nothing of graphs. It changes a filter, looks
which numbers before the next kernel change, and zeroes the weights that read them.
"""

from __future__ import annotations

import importlib.util

import numpy as np
import pytest

from stapes.targets.litert import LiteRT
from stapes.tflite.read.constants import constants

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("tf_keras") is None, reason="needs the extra `train`"
)

KERNELS = ("Conv1D", "Conv2D", "SeparableConv1D", "SeparableConv2D", "Dense")


@pytest.fixture(scope="module")
def surgery():
    from stapes.techniques import channel_surgery

    return channel_surgery


@pytest.fixture(scope="module")
def tf_keras():
    from stapes.models.backend import keras

    return keras()


@pytest.fixture(scope="module")
def layers(tf_keras):
    return tf_keras.layers


@pytest.fixture
def reference():
    from stapes.models.architectures import reference_cnn

    return filled(reference_cnn(), 0)


def filled(model, seed):
    """The model with random weights, biases and moving averages too."""
    rng = np.random.default_rng(seed)
    for layer in model.layers:
        drawn = [rng.normal(0, 0.5, weight.shape) for weight in layer.get_weights()]
        if type(layer).__name__ in ("BatchNormalization", "Normalization"):
            drawn = [np.abs(weight) + 0.5 for weight in drawn]
        layer.set_weights(drawn)
        if hasattr(layer, "finalize_state"):
            layer.finalize_state()
    return model


def noise(model, seed, n=6):
    shape = [size or 7 for size in model.input_shape[1:]]
    return np.random.default_rng(seed).normal(0, 2, (n, *shape)).astype(np.float32)


def outputs(model, x):
    return np.asarray(model(x, training=False))


def assert_same_outputs(values, expected):
    assert np.isfinite(expected).all()
    scale = max(1.0, float(np.abs(expected).max()))
    np.testing.assert_allclose(values, expected, rtol=0, atol=1e-5 * scale)


def weights_of(model):
    return {layer.name: layer.get_weights() for layer in model.layers}


def shapes_of(model):
    return {layer.name: [weight.shape for weight in layer.get_weights()] for layer in model.layers}


def some_filters(rng, filters):
    return {
        name: sorted(rng.choice(count, rng.integers(1, count + 1), replace=False).tolist())
        for name, count in filters.items()
    }


# The oracle


def reached(model, name, filters, reader, x):
    """Places of the last axis before layer `reader` that change with some filters of a layer."""
    from stapes.models.backend import keras

    probe = keras().Model(model.inputs, model.get_layer(reader).input)
    layer = model.get_layer(name)
    own, drawn = layer.get_weights(), layer.get_weights()
    plain = outputs(probe, x)
    changed = np.zeros(plain.shape[-1], bool)
    rng = np.random.default_rng(0)
    makers = drawn[1:] if "Separable" in type(layer).__name__ else drawn
    for _ in range(8):
        for weight in makers:
            weight[..., filters] = rng.normal(0, 1, weight[..., filters].shape)
        layer.set_weights(drawn)
        changed |= (outputs(probe, x) != plain).reshape(-1, plain.shape[-1]).any(axis=0)
    layer.set_weights(own)
    return np.flatnonzero(changed)


def unread(model, reader, places):
    """Zero the weights of a layer that read these places of its input."""
    weights = model.get_layer(reader).get_weights()
    weights[0][..., places, :] = 0
    model.get_layer(reader).set_weights(weights)


def chain_without(model, remaining, x):
    """The outputs of a chain of layers when nothing reads the removed filters."""
    readers = [layer.name for layer in model.layers if type(layer).__name__ in KERNELS]
    gone = []
    for name, indices in remaining.items():
        count = model.get_layer(name).get_weights()[-1].shape[-1]
        filters = sorted(set(range(count)) - set(indices))
        reader = readers[readers.index(name) + 1]
        if filters:
            gone.append((reader, reached(model, name, filters, reader, x)))
    before = model.get_weights()
    for reader, places in gone:
        unread(model, reader, places)
    answers = outputs(model, x)
    model.set_weights(before)
    return answers


# Random models


def random_chain(seed):
    """A random Sequential model on [12, 8, channels] or [20, channels], with random weights."""
    from stapes.models.backend import keras

    rng = np.random.default_rng(seed)
    rank = 2 if seed % 3 else 1
    layers, k = keras().layers, keras()
    shape = ((12, 8) if rank == 2 else (20,)) + (int(rng.integers(1, 4)),)
    model = k.Sequential([layers.Input(shape)])
    if rng.random() < 0.3:
        model.add(layers.Normalization() if rng.random() < 0.5 else layers.Rescaling(0.5, 0.1))
    for _ in range(rng.integers(1, 4)):
        model.add(random_kernel_layer(layers, rank, rng))
        for _ in range(rng.integers(0, 4)):
            model.add(random_channelwise_layer(layers, rank, rng, model.output_shape))
    add_random_end(model, layers, rank, rng)
    return filled(model, seed)


def random_kernel_layer(layers, rank, rng):
    kind = ["Conv", "Conv", "SeparableConv"][rng.integers(3)]
    options = {"depth_multiplier": int(rng.integers(1, 4))} if kind == "SeparableConv" else {}
    return getattr(layers, f"{kind}{rank}D")(
        int(rng.integers(2, 7)),
        int(rng.integers(1, 4)),
        strides=int(rng.integers(1, 3)) if kind == "Conv" else 1,
        padding="same",
        use_bias=bool(rng.random() < 0.7),
        activation=[None, "relu", "tanh", "swish"][rng.integers(4)],
        **options,
    )


def random_channelwise_layer(layers, rank, rng, shape):
    small = min(shape[1:-1]) < 3
    candidates = [
        lambda: layers.BatchNormalization(scale=bool(rng.random() < 0.7)),
        lambda: layers.LeakyReLU(0.1),
        lambda: layers.Activation("sigmoid"),
        lambda: layers.Dropout(0.5),
        lambda: layers.Softmax(axis=1),
        lambda: getattr(layers, f"SpatialDropout{rank}D")(0.5),
        lambda: getattr(layers, f"DepthwiseConv{rank}D")(
            2,
            padding="same",
            depth_multiplier=int(rng.integers(1, 4)),
            activation=["tanh", None][rng.integers(2)],
            use_bias=bool(rng.random() < 0.7),
        ),
        lambda: getattr(layers, f"MaxPooling{rank}D")(2),
        lambda: getattr(layers, f"AveragePooling{rank}D")(2),
    ]
    return candidates[rng.integers(len(candidates) - 2 * small)]()


def add_random_end(model, layers, rank, rng):
    if rng.random() < 0.4:
        model.add(getattr(layers, f"ZeroPadding{rank}D")(1))
    end = rng.integers(5)
    channels = model.output_shape[-1]
    if end == 0:
        model.add(getattr(layers, f"GlobalMaxPooling{rank}D")())
    elif end == 1:
        model.add(getattr(layers, f"GlobalAveragePooling{rank}D")())
    elif end == 2:
        model.add(layers.Reshape((-1,)))
    else:
        if end == 3:  # Frames stay, bins become channels.
            model.add(layers.Reshape((model.output_shape[1], -1)))
            model.add(layers.Conv1D(4, 2, padding="same", activation="relu"))
        elif end == 4 and rank == 2:
            model.add(layers.Reshape((-1, channels)))
        model.add(layers.Flatten())
    for _ in range(rng.integers(0, 3)):
        model.add(layers.Dense(int(rng.integers(3, 8)), activation=["relu", None][rng.integers(2)]))
        if rng.random() < 0.4:
            model.add(layers.BatchNormalization())
        model.add(layers.Dropout(0.3))
    model.add(layers.Dense(2, activation=["softmax", None][rng.integers(2)]))


@pytest.mark.parametrize("seed", range(28))
def test_a_random_model_computes_as_if_nothing_read_the_removed_filters(surgery, seed):
    model = random_chain(seed)
    rng = np.random.default_rng([seed, 1])
    filters, reasons = surgery.prunable(model)
    kernels = [layer.name for layer in model.layers if type(layer).__name__ in KERNELS]
    assert list(filters) == kernels[:-1], reasons
    remaining = some_filters(rng, filters)
    before = [weight.copy() for weight in model.get_weights()]
    x = noise(model, seed)
    smaller = surgery.remove(model, remaining)
    assert_same_outputs(outputs(smaller, x), chain_without(model, remaining, x))
    for name, indices in remaining.items():
        assert smaller.get_layer(name).output_shape[-1] == len(indices)
    assert [layer.name for layer in smaller.layers] == [layer.name for layer in model.layers]
    for one, other in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("seed", range(0, 28, 7))
def test_two_steps_give_the_same_as_one(surgery, seed):
    model = random_chain(seed)
    filters, _ = surgery.prunable(model)
    remaining = some_filters(np.random.default_rng([seed, 2]), filters)
    once = surgery.remove(model, remaining)
    stepwise = model
    for name, indices in reversed(remaining.items()):
        stepwise = surgery.remove(stepwise, {name: indices})
    for one, other in zip(once.get_weights(), stepwise.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


# Known answers


def test_the_reference_cnn_may_lose_the_filters_of_its_convolutions(surgery, reference):
    filters, reasons = surgery.prunable(reference)
    assert filters == {"conv": 32, "conv_1": 64}
    assert reasons == {"dense": "its outputs are the model's"}


def test_half_of_its_filters_leave_the_parameters_and_macs_counted_by_hand(surgery, reference):
    from stapes.models.cost import macs

    smaller = surgery.remove(reference, {"conv": range(16), "conv_1": range(1, 64, 2)})
    counts = {layer.name: layer.count_params() for layer in smaller.layers if layer.weights}
    assert counts == {"conv": 160, "conv_1": 4_640, "dense": 11 * 32 * 2 + 2}
    kernels = 48 * 11 * 9 * 16 + 22 * 3 * 9 * 16 * 32 + 11 * 32 * 2
    others = 24 * 5 * 16 * 4 + 11 * 32 * 4 + 2 * 2  # Pooling windows, softmax.
    assert macs(smaller) == kernels + others


def test_behind_flatten_the_columns_of_every_place_go(surgery, reference):
    remaining = [0, 5, 63]
    smaller = surgery.remove(reference, {"conv_1": remaining})
    kernel, bias = reference.get_layer("dense").get_weights()
    by_place = kernel.reshape(11, 64, 2)[:, remaining]
    np.testing.assert_array_equal(
        smaller.get_layer("dense").get_weights()[0].reshape(11, 3, 2), by_place
    )
    np.testing.assert_array_equal(smaller.get_layer("dense").get_weights()[1], bias)


def test_depthwise_channels_stay_neighbours(surgery, tf_keras, layers):
    model = tf_keras.Sequential(
        [
            layers.Input((6, 4, 1)),
            layers.Conv2D(3, 2, name="conv"),
            layers.DepthwiseConv2D(2, depth_multiplier=2, name="depthwise"),
            layers.BatchNormalization(name="norm"),
            layers.Conv2D(2, 1, name="last"),
        ]
    )
    filled(model, 0)
    smaller = surgery.remove(model, {"conv": [0, 2]})
    kernel, bias = model.get_layer("depthwise").get_weights()
    weights = smaller.get_layer("depthwise").get_weights()
    np.testing.assert_array_equal(weights[0], kernel[:, :, [0, 2]])
    np.testing.assert_array_equal(weights[1], bias[[0, 1, 4, 5]])
    for one, other in zip(
        smaller.get_layer("norm").get_weights(), model.get_layer("norm").get_weights(), strict=True
    ):
        np.testing.assert_array_equal(one, other[[0, 1, 4, 5]])


@pytest.mark.parametrize("remaining", [{}, {"conv": range(32), "conv_1": range(64)}])
def test_where_all_stay_the_result_is_a_copy(surgery, reference, remaining):
    copy = surgery.remove(reference, remaining)
    x = noise(reference, 1)
    np.testing.assert_array_equal(outputs(copy, x), outputs(reference, x))
    copy.set_weights([0 * weight for weight in copy.get_weights()])
    assert np.ptp(outputs(reference, x)) > 0.1


def test_the_order_of_what_stays_does_not_matter(surgery, reference):
    one = surgery.remove(reference, {"conv": [7, 1, 4]})
    other = surgery.remove(reference, {"conv": np.array([1, 4, 7])})
    for first, second in zip(one.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_array_equal(first, second)


# Functional models


def branched(tf_keras, layers):
    """Two branches that read one convolution and meet, and a convolution behind them."""
    inputs = layers.Input((10, 6, 2), name="features")
    stem = layers.Conv2D(5, 3, activation="relu", name="stem")(inputs)
    pooled = layers.MaxPooling2D(2, name="pool")(stem)
    left = layers.Conv2D(4, 1, name="left")(pooled)
    inner = layers.Conv2D(6, 1, activation="relu", name="inner")(pooled)
    right = layers.Conv2D(4, 1, name="right")(layers.BatchNormalization(name="norm")(inner))
    met = layers.Add(name="add")([left, right])
    behind = layers.Conv2D(3, 2, name="behind")(met)
    flat = layers.Flatten(name="flatten")(behind)
    scores = layers.Dense(2, activation="softmax", name="dense")(flat)
    return filled(tf_keras.Model(inputs, scores, name="branched"), 3)


def test_branches_lose_filters_that_do_not_meet_the_other_branch(surgery, tf_keras, layers):
    filters, reasons = surgery.prunable(branched(tf_keras, layers))
    assert filters == {"stem": 5, "inner": 6, "behind": 3}
    meet = "its outputs go into add (Add), and it joins several inputs"
    assert reasons == {
        "left": meet,
        "right": meet,
        "norm": "a BatchNormalization has no filters to choose from",
        "dense": "its outputs are the model's",
    }


def test_a_convolution_that_two_branches_read_is_cut_for_both(surgery, tf_keras, layers):
    model = branched(tf_keras, layers)
    x = noise(model, 4)
    smaller = surgery.remove(model, {"stem": [1, 4], "inner": [0, 2, 3], "behind": [2]})
    for reader in ("left", "inner"):
        unread(model, reader, [0, 2, 3])
    unread(model, "right", [1, 4, 5])
    unread(model, "dense", [p * 3 + c for p in range(3) for c in (0, 1)])
    assert_same_outputs(outputs(smaller, x), outputs(model, x))
    assert type(smaller) is type(model)
    assert smaller.name == "branched"
    assert shapes_of(smaller)["right"] == [(1, 1, 3, 4), (4,)]


def test_layers_before_the_first_kernel_do_not_change(surgery, tf_keras, layers):
    model = tf_keras.Sequential(
        [
            layers.Input((9, 4)),
            layers.Normalization(name="normalization"),
            layers.Rescaling(3.0, 1.0, name="rescaling"),
            layers.Conv1D(6, 3, name="conv"),
            layers.GlobalAveragePooling1D(name="pool"),
            layers.Dense(2, name="dense"),
        ]
    )
    model.get_layer("normalization").adapt(np.random.default_rng(0).normal(5, 3, (50, 9, 4)))
    x = noise(model, 0)
    assert_same_outputs(outputs(surgery.remove(model, {}), x), outputs(model, x))
    smaller = surgery.remove(model, {"conv": [1, 2, 5]})
    unread(model, "dense", [0, 3, 4])
    assert_same_outputs(outputs(smaller, x), outputs(model, x))


def test_a_model_whose_time_is_open_keeps_it_open(surgery, tf_keras, layers):
    model = tf_keras.Sequential(
        [
            layers.Input((None, 4)),
            layers.Conv1D(6, 3, name="conv"),
            layers.Conv1D(5, 3, dilation_rate=2, padding="causal", name="causal"),
            layers.GlobalMaxPooling1D(name="pool"),
            layers.Dense(2, name="dense"),
        ]
    )
    filled(model, 0)
    smaller = surgery.remove(model, {"conv": [0, 1], "causal": [3, 4]})
    unread(model, "causal", [2, 3, 4, 5])
    unread(model, "dense", [0, 1, 2])
    for steps in (9, 14):
        x = np.random.default_rng(0).normal(0, 1, (3, steps, 4)).astype(np.float32)
        assert_same_outputs(outputs(smaller, x), outputs(model, x))


def test_a_sequential_model_that_learned_its_shape_later_is_taken_too(surgery, tf_keras, layers):
    late = [layers.Conv1D(4, 3, input_shape=(9, 2), name="conv"), layers.Flatten(name="flatten")]
    late.append(layers.Dense(2, name="dense", input_shape=(5,)))
    model = filled(tf_keras.Sequential(late), 0)
    smaller = surgery.remove(model, {"conv": [0, 3]})
    assert smaller.input_shape == (None, 9, 2)
    assert shapes_of(smaller)["dense"] == [(14, 2), (2,)]
    built = tf_keras.Sequential([layers.Dense(4, name="one"), layers.Dense(2, name="two")])
    with pytest.raises(ValueError, match="input shape"):
        surgery.prunable(built)
    built.build((None, 3))
    x = np.ones((2, 3), np.float32)
    smaller = surgery.remove(built, {"one": [1]})
    unread(built, "two", [0, 2, 3])
    assert_same_outputs(outputs(smaller, x), outputs(built, x))


def test_frozen_layers_stay_frozen_and_are_cut(surgery, reference):
    reference.get_layer("conv").trainable = False
    smaller = surgery.remove(reference, {"conv": [2, 3]})
    assert not smaller.get_layer("conv").trainable
    assert smaller.get_layer("conv_1").trainable
    assert shapes_of(smaller)["conv"] == [(3, 3, 1, 2), (2,)]


# Obstacles


def obstacles(layers, name):
    """Layers between the convolution `conv` and the last, with a word of the reason."""
    chains = {
        "permute": ([layers.Permute((2, 1, 3))], "Permute"),
        "layer normalization": ([layers.LayerNormalization()], "LayerNormalization"),
        "softmax": ([layers.Activation("softmax")], "activation may read all"),
        "softmax layer": ([layers.Softmax()], "its axis is -1"),
        "groups": ([layers.Conv2D(4, 1, groups=2)], "groups"),
        "split channels": ([layers.Reshape((8, 4, 2)), layers.Conv2D(2, 1)], "of a place together"),
        "transposed": ([layers.Conv2DTranspose(3, 2)], "Conv2DTranspose"),
        "axis 1": ([layers.BatchNormalization(axis=1)], "its axis is"),
        "recurrent": ([layers.Reshape((-1, 4)), layers.GRU(3)], "GRU"),
        "lambda": ([layers.Lambda(lambda x: x[..., ::-1])], "Lambda"),
        "channels first": ([layers.Flatten(data_format="channels_first")], "channels come first"),
    }
    return chains[name]


@pytest.mark.parametrize(
    "name",
    [
        *("permute", "layer normalization", "softmax", "softmax layer", "groups", "split channels"),
        *("transposed", "axis 1", "recurrent", "lambda", "channels first"),
    ],
)
def test_filters_stay_where_their_path_is_unknown(surgery, tf_keras, layers, name):
    between, reason = obstacles(layers, name)
    model = tf_keras.Sequential(
        [
            layers.Input((6, 5, 1)),
            layers.Conv2D(4, (3, 2), activation="relu", name="conv"),
            *between,
            layers.Flatten(),
            layers.Dense(3, name="hidden"),
            layers.Dense(2, name="dense"),
        ]
    )
    filters, reasons = surgery.prunable(model)
    assert "conv" not in filters
    assert reason in reasons["conv"]
    assert filters["hidden"] == 3
    with pytest.raises(ValueError, match="No filters of conv can be removed"):
        surgery.remove(model, {"conv": [0, 1]})
    # Later filters can still be removed, and the obstacle is copied.
    if name != "lambda":
        filled(model, 0)
        x = noise(model, 0)
        smaller = surgery.remove(model, {"hidden": [1]})
        unread(model, "dense", [0, 2])
        assert_same_outputs(outputs(smaller, x), outputs(model, x))


def test_a_layer_whose_own_activation_or_groups_join_channels_keeps_them(surgery, tf_keras, layers):
    model = tf_keras.Sequential(
        [
            layers.Input((6, 5, 2)),
            layers.Conv2D(4, 1, activation="softmax", name="softmax"),
            layers.Conv2D(4, 1, name="before"),
            layers.Conv2D(4, 1, groups=2, name="grouped"),
            layers.Flatten(),
            layers.Dense(2, name="dense"),
        ]
    )
    filters, reasons = surgery.prunable(model)
    assert filters == {}
    assert reasons["softmax"] == "its activation may read all channels together"
    assert reasons["before"].startswith("its outputs go into grouped (Conv2D), and it has groups")
    assert reasons["grouped"] == "it has groups"


def test_a_layer_that_is_used_twice_or_read_from_outside_keeps_its_filters(
    surgery, tf_keras, layers
):
    inputs = layers.Input((8, 3))
    shared = layers.Dense(3, name="shared")
    once = shared(layers.Conv1D(3, 1, name="conv")(inputs))
    twice = layers.Dense(4, name="inner")(shared(once))
    hidden = layers.ReLU(name="hidden")(twice)
    model = tf_keras.Model(inputs, [layers.Dense(2, name="dense")(hidden), hidden])
    filters, reasons = surgery.prunable(model)
    assert filters == {}
    assert "used in several places" in reasons["shared"]
    assert reasons["conv"].startswith("its outputs go into shared (Dense)")
    assert reasons["inner"] == reasons["dense"] == "its outputs are the model's"


def test_concatenated_and_nested_paths_are_not_followed(surgery, tf_keras, layers):
    nested = tf_keras.Sequential([layers.Input((8, 3)), layers.Dense(2)], name="nested")
    inputs = layers.Input((8, 3))
    one = layers.Conv1D(3, 1, name="one")(inputs)
    both = layers.Concatenate(name="both")([one, layers.Conv1D(3, 1, name="two")(inputs)])
    three = layers.Conv1D(3, 1, name="three")(both)
    model = tf_keras.Model(inputs, nested(three))
    filters, reasons = surgery.prunable(model)
    assert filters == {}
    assert "both (Concatenate)" in reasons["one"]
    assert "both (Concatenate)" in reasons["two"]
    assert "nested (Sequential)" in reasons["three"]


@pytest.mark.parametrize(
    "stays",
    [[], [0, 0], [-1], [32], [0.0, 1.0], [True] * 32, ["a"]],
    ids=["none", "twice", "negative", "beyond", "floats", "mask", "text"],
)
def test_an_invalid_set_of_filters_is_refused(surgery, reference, stays):
    with pytest.raises(ValueError, match="Name filters of conv from 0 to 31 to stay, each once"):
        surgery.remove(reference, {"conv": stays})


def test_an_unknown_layer_is_refused_by_name(surgery, reference):
    with pytest.raises(ValueError, match="No filters of conv2 can be removed: the model has no"):
        surgery.remove(reference, {"conv2": [0]})
    with pytest.raises(ValueError, match="No filters of dense can be removed: its outputs are"):
        surgery.remove(reference, {"dense": [0]})


# Importance


def small_net(tf_keras, layers, *, units=2):
    inputs = layers.Input((9, 6, 1), name="features")
    x = layers.Conv2D(5, 3, activation="relu", name="conv")(inputs)
    x = layers.BatchNormalization(name="norm")(x)
    x = layers.Dropout(0.5, name="dropout")(layers.MaxPooling2D(2, name="pool")(x))
    first = layers.Conv2D(4, 1, activation="tanh", name="left")(x)
    x = layers.Flatten(name="flatten")(layers.BatchNormalization(name="norm_1")(first))
    x = layers.Dense(3, activation="tanh", name="hidden")(x)
    ends = {"activation": "softmax" if units == 2 else "sigmoid", "name": "dense"}
    return filled(tf_keras.Model(inputs, layers.Dense(units, **ends)(x)), 5)


def losses(model, x, y):
    scores = outputs(model, x).astype(np.float64)
    scores = np.concatenate([1 - scores, scores], axis=1) if scores.shape[1] == 1 else scores
    return -np.log(scores[np.arange(len(y)), y])


@pytest.mark.parametrize("units", [2, 1])
def test_importance_is_the_slope_of_the_loss_as_a_filters_gate_closes(
    surgery, tf_keras, layers, units
):
    model = small_net(tf_keras, layers, units=units)
    x, y = noise(model, 0, n=70), np.arange(70) % 2
    importances = surgery.importance(model, x, y.astype(np.uint8))
    readers = {"conv": "left", "left": "hidden", "hidden": "dense"}
    assert list(importances) == list(readers)
    step = 1e-2
    for name, scores in importances.items():
        reader = model.get_layer(readers[name])
        before = reader.get_weights()
        for index in range(len(scores)):
            sides = []
            for gate in (1 + step, 1 - step):
                weights = [weight.copy() for weight in before]
                weights[0][..., index :: len(scores), :] *= gate
                reader.set_weights(weights)
                sides.append(losses(model, x, y))
            reader.set_weights(before)
            slope = np.abs(sides[0] - sides[1]).mean() / (2 * step)
            assert scores[index] == pytest.approx(slope, rel=0.02, abs=1e-4)


def test_a_filter_that_two_layers_read_counts_once_for_each(surgery, tf_keras, layers):
    inputs = layers.Input((4,), name="features")
    stem = layers.Dense(3, name="stem")(inputs)
    heads = [layers.Dense(2, name=name)(stem) for name in ("left", "right")]
    scores = layers.Softmax(name="softmax")(layers.Add(name="add")(heads))
    model = filled(tf_keras.Model(inputs, scores), 2)
    alone = tf_keras.Model(
        inputs, layers.Softmax()(layers.Dense(2, name="both")(stem)), name="alone"
    )
    summed = [model.get_layer("left").get_weights(), model.get_layer("right").get_weights()]
    alone.get_layer("both").set_weights([one + other for one, other in zip(*summed, strict=True)])
    x, y = noise(model, 0), np.array([0, 1, 0, 1, 1, 1])
    expected = surgery.importance(alone, x, y)["stem"]
    np.testing.assert_allclose(surgery.importance(model, x, y)["stem"], expected, rtol=1e-5)


def test_a_filter_that_nothing_reads_has_no_importance(surgery, reference):
    unread(reference, "conv_1", [3])
    scores = surgery.importance(reference, noise(reference, 0), np.arange(6) % 2)
    assert scores["conv"][3] == 0
    assert (np.delete(scores["conv"], 3) > 0).any()
    assert {name: len(values) for name, values in scores.items()} == {"conv": 32, "conv_1": 64}
    assert 3 not in surgery.choose(scores, 0.5)["conv"]


def test_importance_repeats_and_does_not_change_the_model(surgery, reference):
    before = [weight.copy() for weight in reference.get_weights()]
    x, y = noise(reference, 0), np.arange(6) % 2
    once, again = surgery.importance(reference, x, y), surgery.importance(reference, x, y)
    for name, scores in once.items():
        np.testing.assert_array_equal(scores, again[name])
    for one, other in zip(before, reference.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_importance_is_empty_where_all_filters_must_stay(surgery, tf_keras, layers):
    model = tf_keras.Sequential([layers.Input((3,)), layers.Dense(2, activation="softmax")])
    assert surgery.importance(model, np.ones((2, 3), np.float32), np.zeros(2, int)) == {}
    assert surgery.choose({}, 0.5) == {}


@pytest.mark.parametrize(("clips", "labels"), [(0, 0), (3, 2)])
def test_importance_needs_a_label_for_each_clip(surgery, reference, clips, labels):
    x = np.zeros((clips, 50, 13, 1), np.float32)
    with pytest.raises(ValueError, match="a label for each"):
        surgery.importance(reference, x, np.zeros(labels, int))


# Choice


def test_the_most_important_filters_stay_whatever_their_layers_scale(surgery):
    scores = {"a": np.array([3.0, 0.0, 4.0, 0.1]), "b": np.array([10.0, 100.0, 900.0, 20.0])}
    assert surgery.choose(scores, 4 / 8, min_filters=1) == {"a": [0, 2], "b": [1, 2]}
    scaled = {"a": scores["a"] * 1e6, "b": scores["b"]}
    assert surgery.choose(scaled, 4 / 8, min_filters=1) == {"a": [0, 2], "b": [1, 2]}


def test_of_equals_the_earlier_layer_and_the_lower_index_stay(surgery):
    equal = {"b": np.ones(4), "a": np.ones(4)}
    assert surgery.choose(equal, 5 / 8, min_filters=1) == {"b": [0, 1, 2, 3], "a": [0]}
    assert surgery.choose({"b": np.zeros(3), "a": np.zeros(3)}, 0.5) == {"b": [0, 1], "a": [0, 1]}


def test_each_layer_keeps_the_fewest_allowed(surgery):
    scores = {"a": np.array([1.0, 2.0, 3.0]), "b": np.zeros(9), "c": np.array([5.0])}
    assert surgery.choose(scores, 0.01) == {"a": [1, 2], "b": [0, 1], "c": [0]}
    assert surgery.choose(scores, 0.01, min_filters=1) == {"a": [2], "b": [0], "c": [0]}


def test_all_stay_where_keep_is_one(surgery):
    scores = {"a": np.arange(5.0), "b": np.arange(3.0)}
    assert surgery.choose(scores, 1.0) == {"a": [0, 1, 2, 3, 4], "b": [0, 1, 2]}


@pytest.mark.parametrize("seed", range(20))
def test_counts_are_multiples_and_never_more_than_the_budget(surgery, seed):
    rng = np.random.default_rng(seed)
    scores = {name: rng.random(rng.integers(3, 40)) for name in "abc"}
    keep, multiple = rng.uniform(0.5, 1), int(rng.integers(1, 5))
    total = sum(map(len, scores.values()))
    remaining = surgery.choose(scores, keep, multiple=multiple)
    for name, indices in remaining.items():
        assert len(indices) % multiple == 0 or len(indices) == len(scores[name])
        assert indices == sorted(set(indices))
        assert min(np.delete(-scores[name], indices), default=0) >= max(-scores[name][indices])
    assert sum(map(len, remaining.values())) <= keep * total
    more = surgery.choose(scores, min(1.0, keep * 1.2), multiple=multiple)
    assert all(set(indices) <= set(more[name]) for name, indices in remaining.items())


def test_the_cost_may_be_macs(surgery, reference):
    from stapes.models.cost import macs

    scores = surgery.importance(reference, noise(reference, 0), np.arange(6) % 2)

    def cost(remaining):
        return macs(surgery.remove(reference, remaining))

    remaining = surgery.choose(scores, 0.25, cost=cost)
    assert 0.2 * 1_388_164 < cost(remaining) <= 0.25 * 1_388_164


@pytest.mark.parametrize(
    ("keep", "options"),
    [(0, {}), (1.1, {}), (float("nan"), {}), (0.5, {"min_filters": 0}), (0.5, {"multiple": 0})],
)
def test_invalid_choices_are_refused(surgery, keep, options):
    with pytest.raises(ValueError, match="keep="):
        surgery.choose({"a": np.ones(3)}, keep, **options)


def test_an_importance_that_is_no_number_is_refused(surgery):
    with pytest.raises(ValueError, match="importance of a is not finite"):
        surgery.choose({"a": np.array([1.0, np.nan])}, 0.5)


# The shipped file


def test_the_tflite_has_the_smaller_shapes_and_the_same_scores(surgery, reference):
    from stapes.techniques.post_training import convert

    smaller = surgery.remove(reference, {"conv": range(0, 32, 2), "conv_1": range(32)})
    tflite = convert(smaller)
    stored = [constant.values.shape for constant in constants(tflite) if constant.role == "kernel"]
    assert stored == [(16, 3, 3, 1), (32, 3, 3, 16), (2, 352)]
    assert len(tflite) < 0.35 * len(convert(reference))
    x = noise(reference, 2)
    unread(reference, "conv_1", list(range(1, 32, 2)))
    unread(reference, "dense", [p * 64 + c for p in range(11) for c in range(32, 64)])
    assert_same_outputs(LiteRT(tflite).predict(x), outputs(reference, x))


def test_it_is_the_same_bytes_when_it_is_made_again(surgery, reference, tmp_path):
    from stapes.models import keras_files
    from stapes.models.backend import start_over
    from stapes.techniques.post_training import convert

    keras_files.save(reference, tmp_path / "reference.keras")
    files = []
    for turn, seed in enumerate((0, 1)):
        start_over(seed)
        model = keras_files.load(tmp_path / "reference.keras")
        smaller = surgery.remove(model, {"conv": [1, 2, 5], "conv_1": range(10)})
        keras_files.save(smaller, tmp_path / f"{turn}.keras")
        files.append((convert(smaller), (tmp_path / f"{turn}.keras").read_bytes()))
    assert files[0] == files[1]
    names = [weight.name for weight in smaller.weights]
    assert names == [weight.name for weight in reference.weights]


def test_a_saved_model_loads_and_trains_and_loses_more(surgery, reference, tmp_path):
    from stapes.models import keras_files

    smaller = surgery.remove(reference, {"conv": [1, 2, 5], "conv_1": range(10)})
    keras_files.save(smaller, tmp_path / "smaller.keras")
    again = keras_files.load(tmp_path / "smaller.keras")
    x = noise(reference, 0)
    np.testing.assert_array_equal(outputs(again, x), outputs(smaller, x))
    again.compile("adam", loss="sparse_categorical_crossentropy")
    again.fit(x, np.arange(6) % 2, verbose=0)
    assert surgery.prunable(again)[0] == {"conv": 3, "conv_1": 10}
    least = surgery.remove(again, {"conv": [0], "conv_1": [9]})
    assert shapes_of(least)["conv_1"] == [(3, 3, 1, 1), (1,)]
