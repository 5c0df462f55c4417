"""Models of Keras 2 and 3 become Keras 2 models with the same outputs, and no file runs code."""

from __future__ import annotations

import contextlib
import importlib.util
import io
import json
import shutil
import zipfile
from typing import Any

import numpy as np
import pytest

from stapes.errors import ModelError
from stapes.models.backend import start_over

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        importlib.util.find_spec("tf_keras") is None, reason="needs the extra `train`"
    ),
    pytest.mark.filterwarnings("ignore::UserWarning", "ignore:__array__:DeprecationWarning"),
]

h5py = pytest.importorskip("h5py", reason="needs the extra `train`")

SHAPE = (12, 10, 2)


@pytest.fixture(autouse=True)
def seeded() -> None:
    """Deterministic operations raise without a seed, so each test sets one."""
    start_over(0)


@pytest.fixture(scope="module")
def any_keras():
    from stapes.models.keras_import import any_keras

    return any_keras


@pytest.fixture(scope="module")
def keras2():
    from stapes.models.backend import keras

    return keras()


@pytest.fixture(scope="module")
def keras3(keras2, any_keras):
    return any_keras._keras3()


@pytest.fixture(params=["keras2", "keras3"])
def either(request):
    return request.getfixturevalue(request.param)


@pytest.fixture(scope="module")
def files(keras2, keras3, tmp_path_factory):
    """One model as each kind of file."""
    folder = tmp_path_factory.mktemp("files")
    for name, keras in (("keras2", keras2), ("keras3", keras3)):
        model = scrambled(small(keras), 0)
        model.save(folder / f"{name}.keras")
        model.save(folder / f"{name}.h5")
    keras2.models.load_model(folder / "keras2.keras").save(folder / "folder", save_format="tf")
    return folder


def small(keras):
    layers = keras.layers
    return chain(
        keras,
        [
            layers.Conv2D(4, 3, padding="same", use_bias=False, name="conv"),
            layers.BatchNormalization(name="norm"),
            layers.ReLU(6.0, name="relu"),
            layers.DepthwiseConv2D(3, strides=2, activation="relu", name="depthwise"),
            layers.GlobalAveragePooling2D(name="mean"),
        ],
    )


def chain(keras, body, shape=SHAPE):
    layers = keras.layers
    end = [layers.Flatten(name="flat"), layers.Dense(2, activation="softmax", name="end")]
    return keras.Sequential([input_layer(keras, shape), *body, *end])


def input_layer(keras, shape, **options):
    return keras.layers.InputLayer(shape, name="features", **options)


def scrambled(model, seed):
    """Set every weight to a random value: with biases of zero, a lost bias has no effect."""
    rng = np.random.default_rng(seed)
    for layer in model.layers:
        if hasattr(layer, "layers"):
            scrambled(layer, seed + 1)
        elif layer.get_weights():
            # Variances must be positive.
            values = [rng.uniform(0.1, 0.6, weight.shape) for weight in layer.get_weights()]
            if "Normalization" not in type(layer).__name__:
                values = [array * rng.choice([-1, 1], array.shape) for array in values]
            layer.set_weights(values)
            if hasattr(layer, "finalize_state"):
                layer.finalize_state()
    return model


def assert_same(original, model, seed=5):
    shape = [axis or 6 for axis in original.input_shape]
    x = np.random.default_rng(seed).normal(size=shape).astype(np.float32)
    expected = np.asarray(original(x, training=False))
    assert np.ptp(expected, axis=0).max() > 1e-4  # Else equal outputs prove little.
    np.testing.assert_allclose(model(x, training=False), expected, atol=1e-6)


def round_trip(any_keras, model, path, **options):
    model.save(path, **options)
    loaded = any_keras.load_any(path)
    assert_same(model, loaded)
    return loaded


def refusal(any_keras, path):
    with pytest.raises(ModelError) as caught:
        any_keras.load_any(path)
    message = str(caught.value)
    assert message.startswith(str(path))
    assert "\n" not in message
    return caught.value.typed


def rewritten(source, target, change):
    """A copy of a `.keras` file with a changed config."""
    with zipfile.ZipFile(source) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    config = json.loads(parts["config.json"])
    change(config)
    parts["config.json"] = json.dumps(config).encode()
    return written(target, parts)


def written(target, parts):
    with zipfile.ZipFile(target, "w") as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return target


LAYERS = {
    "conv": lambda k: [k.Conv2D(3, (3, 2), name="a"), k.Conv2D(4, 3, activation="relu6")],
    "conv_same_strided": lambda k: [k.Conv2D(3, 3, strides=(2, 1), padding="same")],
    "conv_dilated_without_bias": lambda k: [k.Conv2D(3, 3, dilation_rate=(2, 1), use_bias=False)],
    "conv_groups": lambda k: [k.Conv2D(4, 3, groups=2)],
    "depthwise": lambda k: [k.DepthwiseConv2D((3, 2), depth_multiplier=3, activation="tanh")],
    "depthwise_same": lambda k: [k.DepthwiseConv2D(3, strides=2, padding="same", use_bias=False)],
    "separable": lambda k: [k.SeparableConv2D(5, 3, depth_multiplier=2, padding="same")],
    "separable_dilated": lambda k: [k.SeparableConv2D(5, 2, dilation_rate=2, use_bias=False)],
    "max_pool": lambda k: [k.MaxPooling2D((2, 3), strides=(2, 1), padding="same")],
    "average_pool": lambda k: [k.AveragePooling2D(3, strides=2, padding="same")],
    "global_max_pool": lambda k: [k.GlobalMaxPooling2D(keepdims=True)],
    "global_average_pool": lambda k: [k.GlobalAveragePooling2D()],
    "batch_norm": lambda k: [k.BatchNormalization(epsilon=0.5, momentum=0.8)],
    "batch_norm_without_scale": lambda k: [k.BatchNormalization(scale=False)],
    "batch_norm_without_center": lambda k: [k.BatchNormalization(center=False)],
    "batch_norm_of_rows": lambda k: [k.BatchNormalization(axis=1, scale=False, center=False)],
    "relu": lambda k: [k.ReLU(max_value=1.0, negative_slope=0.1, threshold=0.2)],
    "leaky_relu": lambda k: [k.LeakyReLU(0.15)],
    "softmax": lambda k: [k.Softmax(axis=2)],
    "dropout": lambda k: [k.Dropout(0.4), k.SpatialDropout2D(0.3)],
    "permute_reshape": lambda k: [k.Permute((2, 1, 3)), k.Reshape((-1, 4)), k.Dense(3)],
    "zero_padding": lambda k: [k.ZeroPadding2D(((1, 2), (0, 3))), k.Conv2D(2, 3)],
    "rescaling": lambda k: [k.Rescaling([0.5, 2.0], offset=[0.1, -1.0])],
    "normalization": lambda k: [k.Normalization(axis=-1)],
    "normalization_of_rows": lambda k: [k.Normalization(axis=(1, 3))],
    "normalization_given": lambda k: [k.Normalization(mean=[0.5, 1.0], variance=[2.0, 3.0])],
    "normalization_inverted": lambda k: [k.Normalization(mean=0.5, variance=2.0, invert=True)],
    "activation_layer_inside": lambda k: [k.Conv2D(3, 3, activation=k.LeakyReLU(0.1))],
    "frozen": lambda k: [k.BatchNormalization(trainable=False), k.Dense(3, trainable=False)],
}

LAYERS_1D = {
    "conv": lambda k: [k.Conv1D(3, 3, strides=2, padding="same", activation="relu")],
    "conv_causal": lambda k: [k.Conv1D(3, 3, padding="causal", dilation_rate=2)],
    "conv_groups": lambda k: [k.Conv1D(4, 3, groups=2, use_bias=False)],
    "depthwise": lambda k: [k.DepthwiseConv1D(3, depth_multiplier=2, padding="same")],
    "separable": lambda k: [k.SeparableConv1D(4, 3, depth_multiplier=2)],
    "separable_dilated": lambda k: [k.SeparableConv1D(4, 3, dilation_rate=2, use_bias=False)],
    "pools": lambda k: [k.MaxPooling1D(2, padding="same"), k.AveragePooling1D(3, strides=2)],
    "global_max_pool": lambda k: [k.GlobalMaxPooling1D()],
    "global_average_pool": lambda k: [k.GlobalAveragePooling1D(keepdims=True)],
    "zero_padding": lambda k: [k.ZeroPadding1D((2, 1)), k.SpatialDropout1D(0.2), k.Conv1D(2, 4)],
}

ACTIVATIONS = [
    "elu", "exponential", "gelu", "leaky_relu", "linear", "log_softmax", "mish", "relu", "relu6",
    "selu", "sigmoid", "silu", "softmax", "softplus", "softsign", "swish", "tanh",
]  # fmt: skip


@pytest.mark.parametrize("layers", LAYERS.values(), ids=LAYERS)
def test_a_layer_of_keras_3_computes_the_same(any_keras, keras3, layers, tmp_path):
    model = scrambled(chain(keras3, layers(keras3.layers)), 1)
    round_trip(any_keras, model, tmp_path / "model.keras")


@pytest.mark.parametrize("layers", LAYERS_1D.values(), ids=LAYERS_1D)
def test_a_layer_over_time_computes_the_same(any_keras, keras3, layers, tmp_path):
    model = scrambled(chain(keras3, layers(keras3.layers), (20, 4)), 1)
    round_trip(any_keras, model, tmp_path / "model.keras")


@pytest.mark.parametrize("some", [slice(0, None, 3), slice(1, None, 3), slice(2, None, 3)])
@pytest.mark.parametrize("suffix", ["keras", "h5"])
def test_layers_of_keras_2_compute_the_same(any_keras, keras2, some, suffix, tmp_path):
    # In parallel, so that each is called on the input.
    start = keras2.Input(SHAPE)
    ends: list[Any] = []
    for make in list(LAYERS.values())[some]:
        end = start
        for layer in make(keras2.layers):
            layer._name = f"{layer.name}_{len(ends)}"
            end = layer(end)
        ends.append(keras2.layers.Flatten()(end))
    end = keras2.layers.Dense(2, "softmax")(keras2.layers.Concatenate()(ends))
    model = scrambled(keras2.Model(start, end), 2)
    round_trip(any_keras, model, tmp_path / f"model.{suffix}")


def test_every_activation_is_the_same_in_both(any_keras, either, tmp_path):
    layers = either.layers
    start = either.Input(SHAPE)
    small = layers.Rescaling(0.02)(start)  # exp(50) would be too large.
    ends = []
    for name in ACTIVATIONS:
        end = layers.Activation(name, name=f"{name}_layer")(small)
        ends.append(layers.Conv2D(1, 3, activation=name, name=f"{name}_conv")(end))
    flat = layers.Flatten()(layers.Concatenate()(ends))
    model = scrambled(either.Model(start, layers.Dense(3, activation="softmax")(flat)), 3)
    loaded = round_trip(any_keras, model, tmp_path / "model.keras")
    activations = [layer for layer in loaded.layers if hasattr(layer, "activation")]
    assert len(activations) == 2 * len(ACTIVATIONS) + 1


def test_names_and_settings_for_training_are_preserved(any_keras, files):
    for name in ("keras2.keras", "keras2.h5", "keras3.keras", "keras3.h5", "folder"):
        model = any_keras.load_any(files / name)
        assert [layer.name for layer in model.layers] == [
            "features", "conv", "norm", "relu", "depthwise", "mean", "flat", "end",
        ]  # fmt: skip
        assert [weight.name for weight in model.weights][:2] == ["conv/kernel:0", "norm/gamma:0"]
        assert model.get_layer("norm").momentum == pytest.approx(0.99)
        assert model.input_shape == (None, *SHAPE)
        assert model.optimizer is None


@pytest.mark.parametrize("name", ["keras2.h5", "keras3.keras", "keras3.h5", "folder"])
def test_every_kind_of_file_gives_the_same_model(any_keras, files, name):
    model = any_keras.load_any(files / "keras2.keras")
    other = any_keras.load_any(files / name)
    for expected, weights in zip(model.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_array_equal(weights, expected)


def test_the_content_decides_the_kind(any_keras, files, tmp_path):
    shutil.copy(files / "keras3.h5", tmp_path / "model.keras")
    shutil.copy(files / "keras3.keras", tmp_path / "model.h5")
    assert any_keras.load_any(tmp_path / "model.keras").count_params() == 138
    assert any_keras.load_any(tmp_path / "model.h5").count_params() == 138


def test_a_loaded_model_can_be_trained_saved_and_loaded_again(any_keras, files, tmp_path):
    from stapes.models.backend import start_over

    start_over(0)
    model = any_keras.load_any(files / "keras3.keras")
    model.compile("adam", loss="sparse_categorical_crossentropy")
    x = np.random.default_rng(0).normal(size=(8, *SHAPE))
    model.fit(x, np.arange(8) % 2, verbose=0)
    again = round_trip(any_keras, model, tmp_path / "model.keras")
    assert again.count_params() == model.count_params()


def test_files_of_keras_2_before_its_own_package_are_read(any_keras, files, tmp_path):
    def change(model):
        model["module"] = "keras.src.engine.sequential"
        for layer in model["config"]["layers"]:
            layer["module"] = "keras.src.layers.core"

    path = rewritten(files / "keras2.keras", tmp_path / "m.keras", change)
    assert any_keras.load_any(path).count_params() == 138


def test_the_first_files_of_keras_2_are_read(any_keras, files, tmp_path):
    # A list of layers without an InputLayer, texts of fixed length, and no backend.
    path = tmp_path / "m.h5"
    shutil.copy(files / "keras2.h5", path)
    with h5py.File(path, "r+") as file:
        config = json.loads(file.attrs["model_config"])["config"]["layers"][1:]
        config[0]["config"]["batch_input_shape"] = [None, *SHAPE]
        text = json.dumps({"class_name": "Sequential", "config": config}).encode()
        file.attrs["model_config"] = np.bytes_(text)
        file.attrs["keras_version"] = np.bytes_(b"2.2.4")
        del file.attrs["backend"]
    model = any_keras.load_any(path)
    assert [layer.name for layer in model.layers][:2] == ["model_input", "conv"]
    assert model.count_params() == 138


def branches(keras, *, seed=0):
    """A model with random branches, residuals, a nested model that is called twice, and more."""
    rng = np.random.default_rng(seed)
    layers = keras.layers
    block = [input_layer(keras, (None, None, 4)), layers.SeparableConv2D(4, 3, padding="same")]
    inside = keras.Sequential([*block, layers.BatchNormalization(name="norm")], name="block")
    start = keras.Input(SHAPE, name="mfcc")
    x = layers.Conv2D(4, 3, padding="same", use_bias=False, name="first")(start)
    x = layers.BatchNormalization(name="norm")(x)
    for i in range(rng.integers(2, 6)):
        match rng.integers(6):
            case 0:
                x = layers.Add()([x, inside(x)])
            case 1:
                y = layers.DepthwiseConv2D(3, padding="same", activation="relu")(x)
                x = layers.Conv2D(4, 1, name=f"narrow_{i}")(layers.Concatenate()([y, x]))
            case 2:
                gate = layers.GlobalAveragePooling2D(keepdims=True)(x)
                x = layers.Multiply()([x, layers.Dense(4, activation="sigmoid")(gate)])
            case 3:
                x = layers.Dropout(0.2)(layers.Activation("tanh")(x), training=False)
            case 4:
                shape = tuple(x.shape[1:])
                x = layers.Reshape(shape)(layers.Permute((2, 1, 3))(x))
            case 5:
                x = layers.ReLU()(layers.BatchNormalization()(inside(inside(x))))
    x = layers.MaxPooling2D(2)(x)
    x = layers.Reshape((x.shape[1], -1))(x)
    x = layers.Conv1D(5, 3, padding="causal", activation="silu")(x)
    x = layers.Dense(int(rng.integers(2, 5)))(layers.GlobalAveragePooling1D()(x))
    return scrambled(keras.Model(start, layers.Softmax()(x)), seed)


@pytest.mark.parametrize(("seed", "suffix"), [(0, "keras"), (1, "h5"), (2, "keras"), (3, "h5")])
def test_random_models_compute_the_same(any_keras, either, seed, suffix, tmp_path):
    model = branches(either, seed=seed)
    loaded = round_trip(any_keras, model, tmp_path / f"model.{suffix}")
    assert loaded.count_params() == model.count_params()
    assert not any(hasattr(layer, "layers") for layer in loaded.layers)


def test_a_random_model_in_a_folder_computes_the_same(any_keras, keras2, tmp_path):
    keras2.utils.set_random_seed(0)  # The folder also has the training graph, with dropout.
    # Two layers have the same name, one of them in a nested model.
    round_trip(any_keras, branches(keras2, seed=2), tmp_path / "folder", save_format="tf")


def test_hard_sigmoid_is_the_one_of_the_keras_that_wrote_it(any_keras, keras2, keras3, tmp_path):
    for keras, name in ((keras2, "two"), (keras3, "three")):
        body = [keras.layers.Dense(3, activation="hard_sigmoid", name="hard")]
        scrambled(chain(keras, body), 0).save(tmp_path / f"{name}.keras")
    any_keras.load_any(tmp_path / "two.keras")
    message = refusal(any_keras, tmp_path / "three.keras")
    assert "layer 'hard' has the activation 'hard_sigmoid'" in message


def test_functions_of_tensorflow_are_read_as_keras_activations(any_keras, keras3, tmp_path):
    import tensorflow as tf

    body = [keras3.layers.Dense(3, activation=tf.nn.swish)]
    round_trip(any_keras, scrambled(chain(keras3, body), 0), tmp_path / "model.keras")


def test_one_sigmoid_is_an_output_too(any_keras, either, tmp_path):
    layers = either.layers
    body = [input_layer(either, (6,)), layers.Dense(1, activation="sigmoid")]
    model = scrambled(either.Sequential(body), 0)
    assert round_trip(any_keras, model, tmp_path / "m.keras").output_shape == (None, 1)


def test_a_fixed_batch_and_lists_of_one_are_accepted(any_keras, keras3, tmp_path):
    start = keras3.Input(batch_shape=(1, 6), name="x")
    end = keras3.layers.Dense(2, activation="softmax")(start)
    keras3.Model([start], [end]).save(tmp_path / "lists.keras")
    keras3.Model({"x": start}, {"y": end}).save(tmp_path / "names.keras")
    assert any_keras.load_any(tmp_path / "lists.keras").input_shape == (None, 6)
    assert any_keras.load_any(tmp_path / "names.keras").input_shape == (None, 6)


def test_names_that_keras_2_refuses_are_changed(any_keras, keras3, tmp_path):
    model = chain(keras3, [keras3.layers.Dense(3, name="my dense"), keras3.layers.ReLU(name="é")])
    model.save(tmp_path / "m.keras")
    names = [layer.name for layer in any_keras.load_any(tmp_path / "m.keras").layers]
    assert names == ["features", "my_dense", "layer_", "flat", "end"]


def test_settings_of_training_are_left_out(any_keras, keras3, tmp_path):
    layers = keras3.layers

    @keras3.saving.register_keras_serializable("mine")
    def my_loss(y, p):
        return keras3.ops.mean(y - p)

    body = [layers.Conv2D(2, 3, kernel_regularizer="l2", bias_constraint="non_neg")]
    model = chain(keras3, body)
    model.compile("adam", loss=my_loss)
    loaded = round_trip(any_keras, model, tmp_path / "m.keras")
    assert loaded.losses == []
    assert loaded.layers[1].kernel_regularizer is None


def test_a_lambda_is_refused_in_every_kind_of_file(any_keras, keras2, keras3, tmp_path):
    for name, keras in (("two", keras2), ("three", keras3)):
        model = chain(keras, [keras.layers.Lambda(lambda x: 2 * x, name="code")])
        for suffix in ("keras", "h5"):
            model.save(tmp_path / f"{name}.{suffix}")
    chain(keras2, [keras2.layers.Lambda(lambda x: 2 * x, name="code")]).save(
        tmp_path / "folder", save_format="tf"
    )
    for path in tmp_path.iterdir():
        assert "layer 'code' is a Lambda" in refusal(any_keras, path)


def test_custom_classes_are_refused_even_if_they_are_registered(any_keras, keras3, tmp_path):
    @keras3.saving.register_keras_serializable("mine")
    class Dense(keras3.layers.Dense):  # type: ignore[name-defined,misc]
        pass

    for suffix in ("keras", "h5"):
        path = tmp_path / f"m.{suffix}"
        chain(keras3, [Dense(3, name="own")]).save(path)
        assert "'own'" in refusal(any_keras, path)

    @keras3.saving.register_keras_serializable("mine")
    class Subclass(keras3.Model):  # type: ignore[name-defined,misc]
        pass

    start = keras3.Input((6,))
    model = Subclass(start, keras3.layers.Dense(2, activation="softmax")(start))
    model.save(tmp_path / "s.keras")
    assert "not a model class of Keras" in refusal(any_keras, tmp_path / "s.keras")


def test_layers_that_cannot_be_rebuilt_are_named(any_keras, either, tmp_path):
    model = either.Sequential([input_layer(either, (9, 4)), either.layers.GRU(2, name="memory")])
    model.save(tmp_path / "m.keras")
    message = refusal(any_keras, tmp_path / "m.keras")
    assert "layer 'memory' is a GRU, a layer that techniques cannot train" in message
    assert "convert it with `stapes slim`" in message


def test_operations_of_keras_3_are_not_layers(any_keras, keras3, tmp_path):
    start = keras3.Input((6,))
    model = keras3.Model(start, keras3.layers.Softmax()(start + start))
    model.save(tmp_path / "m.keras")
    message = refusal(any_keras, tmp_path / "m.keras")
    assert "' is an Add, a function of keras.ops that techniques cannot train" in message


def with_ends(keras, *, inputs=1, outputs=1):
    starts = [keras.Input((4,), name=f"in_{i}") for i in range(inputs)]
    x = keras.layers.Add()([*starts, starts[0]])
    ends = [keras.layers.Dense(2, activation="softmax")(x) for _ in range(outputs)]
    return keras.Model(starts, ends)


def test_models_that_are_not_wake_word_models_are_refused(any_keras, either, tmp_path):
    layers = either.layers

    def reason(model):
        model.save(tmp_path / "m.keras")
        return refusal(any_keras, tmp_path / "m.keras")

    assert "2 inputs" in reason(with_ends(either, inputs=2))
    assert "3 outputs" in reason(with_ends(either, outputs=3))
    rows = either.Sequential([input_layer(either, (5, 4)), layers.Dense(2, activation="softmax")])
    assert "the shape (None, 5, 2)" in reason(rows)
    logits = either.Sequential([input_layer(either, (5,)), layers.Dense(2)])
    assert "not probabilities; if they are logits, --logits adds a softmax" in reason(logits)
    relu = either.Sequential([input_layer(either, (5,)), layers.Dense(1, activation="softplus")])
    assert "not probabilities; if they are logits, --logits adds a sigmoid" in reason(relu)
    unknown = either.Sequential(
        [input_layer(either, (None, 4)), layers.GlobalMaxPooling1D(), layers.Softmax()]
    )
    assert "the shape (None, None, 4); give every axis" in reason(unknown)
    assert "unknown" in reason(either.Sequential([layers.Dense(2, activation="softmax")]))
    first = chain(either, [layers.Conv2D(2, (3, 1), data_format="channels_first", name="c")])
    assert "layer 'c' has its channels first" in reason(first)
    half = chain(either, [layers.Dense(2, dtype="mixed_float16", name="half")])
    assert "layer 'half' computes in 'mixed_float16'" in reason(half)
    start = either.Input((6,))
    dropped = layers.Dropout(0.5, name="drop")(start, training=True)
    noisy = either.Model(start, layers.Dense(2, activation="softmax")(dropped))
    assert "layer 'drop' is called with 'training'" in reason(noisy)


@pytest.mark.parametrize(("outputs", "last"), [(1, "sigmoid"), (3, "softmax")])
def test_logits_get_a_last_layer_if_it_is_wanted(any_keras, keras2, outputs, last, tmp_path):
    layers = keras2.layers
    model = keras2.Sequential([input_layer(keras2, (6,)), layers.Dense(outputs, name="end")])
    scrambled(model, 0).save(tmp_path / "m.keras")
    loaded = any_keras.load_any(tmp_path / "m.keras", logits=True)
    x = np.random.default_rng(1).normal(size=(4, 6)).astype(np.float32)
    expected = getattr(keras2.activations, last)(model(x))
    np.testing.assert_allclose(loaded(x), expected, atol=1e-6)
    loaded.save(tmp_path / "p.keras")
    with pytest.raises(ModelError, match="probabilities already; omit logits"):
        any_keras.load_any(tmp_path / "p.keras", logits=True)


def test_layers_of_an_old_folder_are_in_its_graph(any_keras, keras2, files, tmp_path):
    # TensorFlow 2.3 wrote no keras_metadata.pb.
    from tensorflow.core.protobuf import saved_model_pb2
    from tf_keras.protobuf import saved_metadata_pb2

    folder = shutil.copytree(files / "folder", tmp_path / "folder")
    path = folder / "keras_metadata.pb"
    metadata = saved_metadata_pb2.SavedMetadata.FromString(path.read_bytes())
    path.unlink()
    path = folder / "saved_model.pb"
    saved = saved_model_pb2.SavedModel.FromString(path.read_bytes())
    nodes = saved.meta_graphs[0].object_graph_def.nodes
    for node in metadata.nodes:
        nodes[node.node_id].user_object.metadata = node.metadata
    path.write_bytes(saved.SerializeToString())
    model = any_keras.load_any(folder)
    expected = any_keras.load_any(files / "keras2.keras")
    for weights, other in zip(model.get_weights(), expected.get_weights(), strict=True):
        np.testing.assert_array_equal(weights, other)


def test_a_signature_alone_is_not_a_model(any_keras, keras2, keras3, files, tmp_path):
    keras3.models.load_model(files / "keras3.keras").export(tmp_path / "three", verbose=False)
    keras2.models.load_model(files / "keras2.keras").export(tmp_path / "two")
    for name in ("two", "three"):
        assert 'model.save("m.keras")' in refusal(any_keras, tmp_path / name)


def test_a_graph_that_could_write_files_is_not_run(any_keras, keras2, files, tmp_path):
    import tensorflow as tf
    from tensorflow.core.protobuf import saved_model_pb2

    target = tmp_path / "written"
    model = keras2.models.load_model(files / "keras2.keras")

    @tf.function(input_signature=[tf.TensorSpec((None, *SHAPE))])
    def serve(x):
        tf.io.write_file(str(target), "x")
        return model(x)

    model.save(tmp_path / "m", save_format="tf", signatures=serve)
    assert "the operation 'WriteFile'" in refusal(any_keras, tmp_path / "m")
    assert not target.exists()

    path = tmp_path / "m" / "saved_model.pb"
    saved = saved_model_pb2.SavedModel.FromString(path.read_bytes())
    for function in saved.meta_graphs[0].graph_def.library.function:
        for node in function.node_def:
            if "PartitionedCall" in node.op:
                node.attr["f"].func.name = function.signature.name
    path.write_bytes(saved.SerializeToString())
    assert "calls itself" in refusal(any_keras, tmp_path / "m")


EVIL = {"module": "os", "class_name": "system", "config": "touch pwned", "registered_name": None}
EVIL_FUNCTION = {**EVIL, "class_name": "function", "config": "system"}


@pytest.mark.parametrize(
    "change",
    [
        lambda model: model.update(EVIL),
        lambda model: model.update(module="subprocess", class_name="Popen"),
        lambda model: model["config"]["layers"].append(EVIL),
        lambda model: model["config"]["layers"][1].update(module="os"),
        lambda model: model["config"]["layers"][1].update(module=None, registered_name="a>Conv2D"),
        lambda model: model["config"]["layers"][1].update(class_name="Lambda"),
        lambda model: model["config"]["layers"][1]["config"].update(activation=EVIL_FUNCTION),
        lambda model: model["config"]["layers"][1]["config"].update(activation=EVIL),
        lambda model: model["config"]["layers"][1]["config"].update(kernel_initializer=EVIL),
        lambda model: model["config"]["layers"][1]["config"].update(bias_regularizer=EVIL),
        lambda model: model["config"]["layers"][1]["config"].update(dtype=EVIL),
        lambda model: model["config"]["layers"][1]["config"].update(filters=EVIL),
        lambda model: model["config"]["layers"][1]["config"].update(extra=[EVIL]),
        lambda model: model["config"]["layers"][1]["config"].update(
            activation={"class_name": "__lambda__", "config": {"value": ["4wE="]}}
        ),
        lambda model: model["config"]["layers"][0]["config"].update(batch_shape=EVIL),
    ],
)
@pytest.mark.parametrize("source", ["keras2.keras", "keras3.keras"])
def test_objects_that_are_not_of_keras_are_neither_imported_nor_called(
    any_keras, files, change, source, tmp_path, monkeypatch
):
    path = rewritten(files / source, tmp_path / "m.keras", change)
    imports = []
    monkeypatch.setattr(importlib, "import_module", lambda name, *_: imports.append(name))
    refusal(any_keras, path)
    assert imports == []


def test_the_compile_and_build_configs_are_not_read(any_keras, files, tmp_path):
    def change(model):
        model["compile_config"] = {"loss": EVIL_FUNCTION, "optimizer": EVIL}
        model["build_config"] = {"input_shape": [None, 10**9]}
        for layer in model["config"]["layers"]:
            layer["build_config"] = {"input_shape": [None, 10**9]}

    path = rewritten(files / "keras3.keras", tmp_path / "m.keras", change)
    assert any_keras.load_any(path).count_params() == 138


@pytest.mark.parametrize(
    ("layer", "settings", "reason"),
    [
        (1, {"filters": 10**12}, "fewer weights"),
        (1, {"kernel_size": [10**6, 10**6]}, "fewer weights"),
        (7, {"units": 10**10}, "fewer weights"),
        (0, {"batch_shape": [None, 10**5, 10**5, 2]}, "too large"),
        (0, {"batch_shape": [10**9, 12, 10, 2]}, "leave the batch size open"),
    ],
)
def test_a_config_cannot_need_more_memory_than_its_file(
    any_keras, files, layer, settings, reason, tmp_path
):
    def change(model):
        model["config"]["layers"][layer]["config"].update(settings)

    path = rewritten(files / "keras3.keras", tmp_path / "m.keras", change)
    assert reason in refusal(any_keras, path)


def test_an_archive_that_unpacks_to_too_much_is_refused(any_keras, files, tmp_path, monkeypatch):
    with zipfile.ZipFile(files / "keras3.keras") as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    path = written(tmp_path / "config.keras", parts | {"config.json": b" " * (17 << 20)})
    assert "more than 16 MiB" in refusal(any_keras, path)
    monkeypatch.setattr("stapes.models.keras_import.archive.LIMIT", 1 << 20)
    path = written(tmp_path / "weights.keras", parts | {"model.weights.h5": bytes(2 << 20)})
    assert "more than 1 MiB" in refusal(any_keras, path)


def test_attachments_are_never_unpacked(any_keras, files, tmp_path, monkeypatch):
    with zipfile.ZipFile(files / "keras3.keras") as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    path = written(tmp_path / "m.keras", parts | {"../../out": b"x", "assets/a": b"x"})
    for name in ("extract", "extractall"):
        monkeypatch.setattr(zipfile.ZipFile, name, None)
    assert any_keras.load_any(path).count_params() == 138


def test_weights_from_other_files_are_refused(any_keras, files, tmp_path):
    (tmp_path / "secret").write_bytes(bytes(1000))

    def with_weights(change):
        with zipfile.ZipFile(files / "keras3.keras") as archive:
            parts = {name: archive.read(name) for name in archive.namelist()}
        content = io.BytesIO(parts["model.weights.h5"])
        with h5py.File(content, "r+") as file:
            change(file["layers/conv2d/vars"])
        parts["model.weights.h5"] = content.getvalue()
        return refusal(any_keras, written(tmp_path / "m.keras", parts))

    def external(group):
        del group["0"]
        place = [(str(tmp_path / "secret"), 0, 288)]
        group.create_dataset("0", (3, 3, 2, 4), "f4", external=place)

    def link(group):
        del group["0"]
        group["0"] = h5py.ExternalLink(str(files / "keras3.h5"), "model_weights/conv")

    def soft(group):
        group["1"] = h5py.SoftLink("/layers")

    def circle(group):
        group["up"] = group.parent

    def chunks(group):
        del group["0"]
        group.create_dataset("0", (3, 3, 2, 4), "f4", compression="gzip")

    assert "external data" in with_weights(external)
    assert "a link to another place" in with_weights(link)
    assert "a link to another place" in with_weights(soft)
    assert "damaged" in with_weights(circle)
    assert "compressed" in with_weights(chunks)


@pytest.mark.parametrize("name", ["keras2.h5", "keras3.keras", "folder"])
def test_a_wrong_rebuild_is_caught(any_keras, files, name, monkeypatch):
    give_weights = any_keras.rebuild.give_weights

    def wrong(parts, weights_of):
        give_weights(parts, weights_of)
        layer = next(layer for layer, path in parts if path == ("norm",))
        values = layer.get_weights()
        values[0][2] += 0.1
        layer.set_weights(values)

    monkeypatch.setattr(any_keras.rebuild, "give_weights", wrong)
    assert "its outputs differ by" in refusal(any_keras, files / name)


def test_weights_that_are_not_numbers_are_refused(any_keras, keras3, tmp_path):
    model = chain(keras3, [])
    model.set_weights([np.full(weight.shape, np.nan) for weight in model.get_weights()])
    model.save(tmp_path / "m.keras")
    assert "not finite numbers" in refusal(any_keras, tmp_path / "m.keras")


def test_a_path_without_a_model_is_refused(any_keras, files, tmp_path):
    path = tmp_path / "model.keras"
    assert "there is no file" in refusal(any_keras, path)
    for garbage in (b"", b"no model", b"PK\x03\x04" + bytes(50), b"\x89HDF\r\n\x1a\n", b"\0" * 99):
        path.write_bytes(garbage)
        refusal(any_keras, path)
    path.write_bytes(b"\x1c\0\0\0TFL3" + bytes(99))
    assert "it is a .tflite" in refusal(any_keras, path)
    assert "no saved_model.pb" in refusal(any_keras, tmp_path)
    with h5py.File(tmp_path / "weights.h5", "w") as file:
        file["a"] = [1.0]
    assert "weights without their layers" in refusal(any_keras, tmp_path / "weights.h5")


def load_damaged(any_keras, path):
    """Load a damaged model, which is refused or proven."""
    with contextlib.suppress(ModelError):
        any_keras.load_any(path)


def damaged(content, rng):
    content = bytearray(content)
    for _ in range(rng.integers(1, 4)):
        content[rng.integers(len(content))] = rng.choice([0, 255, rng.integers(256)])
    return bytes(content[: rng.integers(len(content))] if rng.random() < 0.2 else content)


@pytest.mark.parametrize(
    ("name", "times"),
    [("keras2.keras", 80), ("keras3.keras", 80), ("keras2.h5", 20), ("keras3.h5", 20)],
)
def test_damaged_files_are_refused_or_proven(any_keras, files, name, times, tmp_path):
    content = (files / name).read_bytes()
    for seed in range(times):
        (tmp_path / name).write_bytes(damaged(content, np.random.default_rng(seed)))
        load_damaged(any_keras, tmp_path / name)


def test_damaged_folders_are_refused_or_proven(any_keras, files, tmp_path):
    shutil.copytree(files / "folder", tmp_path / "m")
    parts = ("saved_model.pb", "keras_metadata.pb", "variables/variables.index")
    for i in range(30):
        path = tmp_path / "m" / parts[i % 3]
        content = path.read_bytes()
        path.write_bytes(damaged(content, np.random.default_rng(i)))
        load_damaged(any_keras, tmp_path / "m")
        path.write_bytes(content)


JUNK = [None, [], {}, -1, 0, 3, 10**12, 1.5, "x", True, [1], [2, 2], "same", EVIL]


@pytest.mark.parametrize("name", ["keras2.keras", "keras3.keras"])
def test_configs_with_junk_are_refused_or_proven(any_keras, files, name, tmp_path):
    def change(model, rng):
        holder = model
        while True:
            keys = list(holder) if isinstance(holder, dict) else range(len(holder))
            key = keys[rng.integers(len(keys))]
            if not isinstance(holder[key], dict | list) or not holder[key] or rng.random() < 0.1:
                break
            holder = holder[key]
        holder[key] = JUNK[rng.integers(len(JUNK))]

    for seed in range(20):
        rng = np.random.default_rng(seed)
        path = rewritten(files / name, tmp_path / name, lambda model, rng=rng: change(model, rng))
        load_damaged(any_keras, path)
