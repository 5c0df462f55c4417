"""Models that no technique could train are converted, and compute what Keras computes."""

from __future__ import annotations

import importlib.util

import numpy as np
import pytest

from stapes.errors import ModelError
from stapes.models.backend import start_over
from stapes.tflite.read.inspect import inspect

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        importlib.util.find_spec("tf_keras") is None, reason="needs the extra `train`"
    ),
    pytest.mark.filterwarnings("ignore::UserWarning", "ignore:__array__:DeprecationWarning"),
]


@pytest.fixture(autouse=True)
def seeded() -> None:
    start_over(0)


@pytest.fixture(params=["keras2", "keras3"])
def keras(request):
    from stapes.models import backend
    from stapes.models.keras_import import any_keras

    return backend.keras() if request.param == "keras2" else any_keras._keras3()


def convert_any(path):
    from stapes.models.keras_import.converting import convert_any

    return convert_any(path)


def many_layers(keras):
    """One output of each layer, all of different shapes."""
    layers = keras.layers
    x = keras.Input((12, 6), name="features")
    noisy = layers.GaussianNoise(0.1)(x)
    ends = [
        layers.LSTM(3, recurrent_activation="hard_sigmoid")(x),
        layers.GRU(4, return_sequences=True)(x),
        layers.Bidirectional(layers.LSTM(2, return_sequences=True), merge_mode="sum")(x),
        layers.LayerNormalization()(layers.Dense(5)(noisy)),
        layers.Resizing(7, 4)(layers.Reshape((12, 6, 1))(x)),
        layers.MultiHeadAttention(2, 3)(x, x),
        layers.TimeDistributed(layers.Dense(7))(x),
        layers.Conv1DTranspose(8, 3, strides=2)(x),
        layers.Dense(9)(layers.Bidirectional(layers.GRU(2))(x)),
    ]
    return keras.Model(x, ends)


def assert_same(content, expected, *inputs):
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_content=content)
    interpreter.allocate_tensors()
    for details, value in zip(interpreter.get_input_details(), inputs, strict=True):
        interpreter.set_tensor(details["index"], value)
    interpreter.invoke()
    outputs = [interpreter.get_tensor(d["index"]) for d in interpreter.get_output_details()]
    of_shape = {output.shape: output for output in outputs}
    assert len(of_shape) == len(expected)
    for values in map(np.asarray, expected):
        np.testing.assert_allclose(of_shape[values.shape], values, atol=2e-5)


def features(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def test_layers_that_cannot_be_trained_are_converted(keras, tmp_path):
    model = many_layers(keras)
    model.save(tmp_path / "m.keras")
    x = features(1, 12, 6)
    assert_same(convert_any(tmp_path / "m.keras"), model(x), x)


def test_several_inputs_and_outputs_by_name_are_converted(keras, tmp_path):
    layers = keras.layers
    a, b = keras.Input((4,), name="b_first"), keras.Input((6,), name="a_second")
    ends = {"map": layers.Reshape((2, 5, 1))(layers.Dense(10)(a)), "logits": layers.Dense(3)(b)}
    model = keras.Model([a, b], ends)
    model.save(tmp_path / "m.keras")
    content = convert_any(tmp_path / "m.keras")
    graph = inspect(content).subgraphs[0]
    shapes = [graph.tensors[number].shape for number in graph.inputs]
    values = {4: features(1, 4), 6: features(1, 6)}
    expected = model([values[4], values[6]])
    assert_same(content, expected.values(), *(values[shape[1]] for shape in shapes))


def test_open_axes_stay_open_and_the_batch_is_one(keras, tmp_path):
    layers = keras.layers
    body = [layers.Conv1D(3, 3, padding="same"), layers.GlobalAveragePooling1D()]
    keras.Sequential([keras.Input((None, 4)), *body]).save(tmp_path / "m.keras")
    graph = inspect(convert_any(tmp_path / "m.keras")).subgraphs[0]
    assert graph.tensors[graph.inputs[0]].shape_signature == [1, -1, 4]


def test_exported_programs_are_converted(keras, tmp_path):
    layers = keras.layers
    body = [layers.Conv1D(3, 3), layers.BatchNormalization(), layers.GRU(3), layers.Dense(2)]
    model = keras.Sequential([keras.Input((9, 4)), *body])
    model.export(tmp_path / "m", **({"verbose": False} if "tf" not in keras.__name__ else {}))
    x = features(1, 9, 4)
    content = convert_any(tmp_path / "m")
    assert_same(content, [model(x)], x)
    assert inspect(content).subgraphs[0].tensors[0].shape == [1, 9, 4]


def test_operations_of_keras_3_are_converted(tmp_path):
    from stapes.models.keras_import import any_keras

    keras = any_keras._keras3()
    x = keras.Input((5, 4))
    y = keras.ops.transpose((x * 2.0 + x)[:, 1:], (0, 2, 1))
    model = keras.Model(x, keras.layers.Average()([y, keras.ops.tanh(y)]))
    model.save(tmp_path / "m.keras")
    value = features(1, 5, 4)
    assert_same(convert_any(tmp_path / "m.keras"), [model(value)], value)


def test_a_program_with_an_unknown_operation_is_refused(tmp_path):
    import tensorflow as tf

    module = tf.Module()
    module.weight = tf.Variable(tf.ones((1, 4)))
    call = tf.function(
        lambda x: tf.math.betainc(x, module.weight, x),
        input_signature=[tf.TensorSpec((1, 4), name="x")],
    )
    tf.saved_model.save(module, str(tmp_path / "m"), signatures=call)
    with pytest.raises(ModelError, match="operation 'Betainc', which could read files"):
        convert_any(tmp_path / "m")


@pytest.mark.parametrize("kind", ["Lambda", "TFSMLayer", "StringLookup"])
def test_layers_with_code_or_files_are_refused(tmp_path, kind):
    import json
    import zipfile

    from stapes.models.keras_import import any_keras

    keras = any_keras._keras3()
    keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)]).save(tmp_path / "m.keras")
    with zipfile.ZipFile(tmp_path / "m.keras") as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    config = json.loads(parts["config.json"])
    inside = {"class_name": kind, "module": "keras.layers", "config": {"name": "evil"}}
    outside = {"name": "outside", "layer": inside, "merge_mode": "sum"}
    config["config"]["layers"].append(
        {"class_name": "Bidirectional", "module": "keras.layers", "config": outside}
    )
    parts["config.json"] = json.dumps(config).encode()
    with zipfile.ZipFile(tmp_path / "m.keras", "w") as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    with pytest.raises(ModelError, match=f"layer 'evil' is a {kind}, w"):
        convert_any(tmp_path / "m.keras")
