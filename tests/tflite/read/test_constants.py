"""The constants of a file agree with TensorFlow and with the layers' weights."""

from __future__ import annotations

import contextlib
import importlib.util
import io
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.tflite.models_by_hand import packed, unpacked

from stapes.data.features import FeatureSet
from stapes.errors import ModelError
from stapes.tflite.read.constants import constants, data_bytes

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        importlib.util.find_spec("tf_keras") is None, reason="needs the extra `train`"
    ),
]

NAMES = ("float32", "dynamic_range", "uint8", "int8", "float16", "int16x8")
REAL = ("alexa", "hey_jarvis", "micro_speech_quantized", "mlperf_tiny_kws")


@pytest.fixture(scope="module")
def variants(untrained):
    from stapes.techniques import post_training
    from stapes.techniques.recipes import Recipes
    from stapes.techniques.variant import Material

    x = np.random.default_rng(1).normal(0, 20, (4, 50, 13, 1)).astype(np.float32)
    training = FeatureSet(x, np.array([0, 1, 0, 1], np.uint8), list("abcd"))
    material = Material(untrained, untrained, training, x, Recipes(), seed=0)
    return {name: getattr(post_training, name)(material).tflite for name in NAMES}


@pytest.fixture(scope="module")
def small():
    """A .tflite of one dense layer."""
    from stapes.models.backend import keras
    from stapes.techniques.post_training import convert

    layers = keras().layers
    model = keras().Sequential([layers.Input((3,)), layers.Dense(2, name="dense")])
    model.layers[-1].set_weights([np.arange(1, 7).reshape(3, 2), np.array([7, 8])])
    return convert(model)


def analyzed(model):
    """Data bytes from TensorFlow's analyzer."""
    from stapes.models.backend import tensorflow

    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        tensorflow().lite.experimental.Analyzer.analyze(model_content=model)
    [size] = re.findall(r"Total data buffer size:\s+(\d+) bytes", printed.getvalue())
    return int(size)


@pytest.mark.parametrize("name", NAMES)
def test_data_bytes_are_the_analyzers(variants, name):
    model = variants[name]
    assert data_bytes(model) == analyzed(model)
    assert 0 < data_bytes(model) < len(model)


@pytest.mark.parametrize("name", REAL)
def test_data_bytes_of_published_models_are_the_analyzers(models, name):
    model = (models / f"{name}.tflite").read_bytes()
    assert data_bytes(model) == analyzed(model)


def test_float32_holds_every_parameter_of_the_baseline(variants, untrained):
    rows = constants(variants["float32"])
    assert sum(constant.values.size for constant in rows) == untrained.count_params() == 20_226


@pytest.mark.parametrize("name", NAMES)
def test_kernels_and_biases_come_in_the_order_of_the_ops(variants, name):
    rows = constants(variants[name])
    assert [(constant.op, constant.role, constant.values.shape) for constant in rows] == [
        ("CONV_2D", "kernel", (32, 3, 3, 1)),
        ("CONV_2D", "bias", (32,)),
        ("CONV_2D", "kernel", (64, 3, 3, 32)),
        ("CONV_2D", "bias", (64,)),
        ("FULLY_CONNECTED", "kernel", (2, 704)),
        ("FULLY_CONNECTED", "bias", (2,)),
    ]
    for constant, layer in zip(rows[::2], ("conv", "conv_1", "dense"), strict=True):
        assert layer in constant.name


def test_float32_values_are_the_layers_weights(variants, untrained):
    for stored, weights in zip(
        constants(variants["float32"]), untrained.get_weights(), strict=True
    ):
        # Keras has the outputs last, the file has them first.
        expected = np.moveaxis(weights, -1, 0)
        np.testing.assert_array_equal(stored.values, expected)


def test_float16_values_come_as_they_are_stored(variants, untrained):
    for stored, weights in zip(
        constants(variants["float16"]), untrained.get_weights(), strict=True
    ):
        assert stored.values.dtype == np.float16
        np.testing.assert_array_equal(stored.values, np.moveaxis(weights, -1, 0).astype(np.float16))


@pytest.mark.parametrize("name", ["uint8", "int8", "int16x8"])
def test_int8_kernels_have_the_interpreters_values(variants, name):
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_content=variants[name])
    interpreter.allocate_tensors()
    by_name = {detail["name"]: detail["index"] for detail in interpreter.get_tensor_details()}
    rows = constants(variants[name])
    assert len(rows) == 6
    for constant in rows:
        np.testing.assert_array_equal(
            constant.values, interpreter.get_tensor(by_name[constant.name])
        )


def test_kernels_of_published_models(models):
    kws = constants((models / "mlperf_tiny_kws.tflite").read_bytes())
    kernels = [constant for constant in kws if constant.role == "kernel"]
    assert [constant.op for constant in kernels] == [
        "CONV_2D",
        *["DEPTHWISE_CONV_2D", "CONV_2D"] * 4,
        "FULLY_CONNECTED",
    ]
    assert kernels[0].values.shape == (64, 10, 4, 1)
    assert kernels[1].values.shape == (1, 3, 3, 64)
    assert kernels[-1].values.shape == (12, 64)
    # A DS-CNN of 64 channels, 4 blocks, 12 classes: the weights of its paper, with biases.
    expected = 64 * 40 + 64 + 4 * (64 * 9 + 64 + 64 * 64 + 64) + 12 * 64 + 12
    assert sum(constant.values.size for constant in kws) == expected
    speech = constants((models / "micro_speech_quantized.tflite").read_bytes())
    assert [
        (constant.op, constant.values.shape) for constant in speech if constant.role == "kernel"
    ] == [
        ("DEPTHWISE_CONV_2D", (1, 10, 8, 8)),
        ("FULLY_CONNECTED", (4, 4000)),
    ]


def test_a_streaming_model_of_two_graphs_is_read(models):
    model = (models / "alexa.tflite").read_bytes()
    assert len(unpacked(model).subgraphs) == 2
    kernels = [constant for constant in constants(model) if constant.role == "kernel"]
    assert kernels[0].values.shape == (32, 5, 1, 40)
    assert all(constant.values.dtype == np.int8 for constant in kernels)


def test_known_values_of_a_dense_layer(small):
    kernel, bias = constants(small)
    assert kernel.values.tolist() == [[1, 3, 5], [2, 4, 6]]
    assert bias.values.tolist() == [7, 8]
    assert data_bytes(small) == analyzed(small)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"TFL3",
        b"\x1c\0\0\0TFL3",
        b"\0\0\0\0TFL3" + b"\0" * 12,
        b"\x08\0\0\0TFL3" + b"\xff" * 100,
        b"no model but a text " * 10,
        b"PK\x03\x04" + b"\0" * 100,
    ],
)
@pytest.mark.parametrize("read", [data_bytes, constants])
def test_another_file_is_refused(read, content):
    with pytest.raises(ModelError, match=r"\.tflite"):
        read(content)


@pytest.mark.parametrize("read", [data_bytes, constants])
def test_a_file_without_the_mark_is_refused(read, small):
    with pytest.raises(ModelError, match="TFL3"):
        read(small[:4] + b"TFL2" + small[8:])


def test_a_cut_file_is_refused_or_read(small):
    whole = data_bytes(small)
    refused = 0
    for end in range(len(small)):
        try:
            assert data_bytes(small[:end]) <= whole
        except ModelError:
            refused += 1
    assert refused > len(small) / 2


def broken(model, how):
    """The model, packed again after `how` changed its tree."""
    tree = unpacked(model)
    how(tree)
    return packed(tree)


def op(tree):
    [layer] = [op for op in tree.subgraphs[0].operators if len(op.inputs) == 3]
    return layer


def kernel(tree):
    return tree.subgraphs[0].tensors[op(tree).inputs[1]]


def test_packing_alone_breaks_nothing(small):
    again = broken(small, lambda tree: None)
    assert [constant.values.tolist() for constant in constants(again)] == [
        [[1, 3, 5], [2, 4, 6]],
        [7, 8],
    ]


@pytest.mark.parametrize(
    "how",
    [
        lambda tree: setattr(op(tree), "opcodeIndex", 99),
        lambda tree: setattr(op(tree), "inputs", [0, 99, 2]),
        lambda tree: setattr(op(tree), "inputs", None),
        lambda tree: setattr(kernel(tree), "shape", [2, 4]),
        lambda tree: setattr(kernel(tree), "buffer", 99),
        lambda tree: setattr(tree.subgraphs[0], "tensors", None),
        lambda tree: setattr(tree, "subgraphs", None),
        lambda tree: setattr(tree, "operatorCodes", None),
    ],
    ids=["opcode", "tensor", "inputs", "shape", "buffer", "tensors", "graphs", "codes"],
)
def test_a_broken_tree_is_refused(small, how):
    with pytest.raises(ModelError, match=r"\.tflite is broken"):
        constants(broken(small, how))


def test_a_tensor_without_a_name_has_an_empty_name(small):
    nameless = broken(small, lambda tree: setattr(kernel(tree), "name", None))
    assert next(constant.name for constant in constants(nameless)) == ""


def test_an_optional_bias_may_be_missing(small):
    def drop(tree):
        # -1 is a missing input and must not mean the last tensor.
        tree.subgraphs[0].tensors.append(kernel(tree))
        op(tree).inputs = [0, 1, -1]

    [only] = constants(broken(small, drop))
    assert only.role == "kernel"


def test_constants_come_from_every_graph(small):
    twice = broken(small, lambda tree: tree.subgraphs.append(tree.subgraphs[0]))
    assert [constant.role for constant in constants(twice)] == ["kernel", "bias"] * 2


@given(st.data())
@settings(max_examples=150, deadline=None)
def test_a_file_with_wrong_bytes_is_refused_or_read(variants, data):
    model = bytearray(data.draw(st.sampled_from([variants["uint8"], variants["float16"]])))
    places = st.integers(8, 2000) | st.integers(len(model) - 6000, len(model) - 1)
    for place in data.draw(st.lists(places, min_size=1, max_size=10)):
        model[place] = data.draw(st.integers(0, 255))
    for read in (data_bytes, constants):
        with contextlib.suppress(ModelError):
            read(bytes(model))
