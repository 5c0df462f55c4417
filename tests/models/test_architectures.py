"""The architectures are the published ones, and their names are the same in every process."""

from __future__ import annotations

import functools
import importlib.util

import numpy as np
import pytest

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        importlib.util.find_spec("tf_keras") is None, reason="needs the extra `train`"
    ),
]


@pytest.fixture(scope="module")
def reference():
    from stapes.models.architectures import reference_cnn

    return reference_cnn()


def weighted(model):
    return {layer.name: layer.count_params() for layer in model.layers if layer.count_params()}


def test_the_reference_cnn_has_the_published_parameters(reference):
    assert weighted(reference) == {"conv": 320, "conv_1": 18_496, "dense": 1_410}
    assert reference.count_params() == 20_226


def test_the_reference_cnn_has_the_published_shapes(reference):
    assert reference.input_shape == (None, 50, 13, 1)
    assert {layer.name: layer.output_shape[1:] for layer in reference.layers} == {
        "conv": (48, 11, 32),
        "pool": (24, 5, 32),
        "conv_1": (22, 3, 64),
        "pool_1": (11, 1, 64),
        "flatten": (704,),
        "dropout": (704,),
        "dense": (2,),
    }


def test_its_scores_are_a_softmax_over_two_classes(reference):
    x = np.random.default_rng(0).normal(0, 20, (5, 50, 13, 1)).astype(np.float32)
    scores = reference(x).numpy()
    assert scores.shape == (5, 2)
    assert (scores >= 0).all()
    np.testing.assert_allclose(scores.sum(axis=1), 1, rtol=1e-6)


def test_half_of_the_features_are_dropped_in_training_only(reference):
    from stapes.models.backend import start_over

    start_over(0)
    dropout = reference.get_layer("dropout")
    ones = np.ones((1, 704), np.float32)
    np.testing.assert_array_equal(dropout(ones, training=False), ones)
    dropped = np.asarray(dropout(ones, training=True))
    assert set(np.unique(dropped)) == {0.0, 2.0}


def test_names_are_the_same_when_a_process_builds_again():
    from stapes.models.architectures import ARCHITECTURES
    from stapes.models.backend import start_over

    for build in ARCHITECTURES.values():
        start_over(0)
        first, second = build((50, 13, 1)), build((50, 13, 1))
        start_over(0)
        again = build((50, 13, 1))
        names = [[weight.name for weight in model.weights] for model in (first, second, again)]
        assert names[0] == names[1] == names[2]
        assert [layer.name for layer in first.layers] == [layer.name for layer in again.layers]
        assert first.name == second.name == again.name


def test_a_seed_decides_the_first_weights():
    from stapes.models.architectures import reference_cnn
    from stapes.models.backend import start_over

    kernels = []
    for seed in (7, 7, 8):
        start_over(seed)
        kernels.append(reference_cnn().get_weights()[0])
    np.testing.assert_array_equal(kernels[0], kernels[1])
    assert not np.array_equal(kernels[0], kernels[2])


def test_every_architecture_accepts_the_shape_of_a_frontend():
    from stapes.models.architectures import ARCHITECTURES

    for build in ARCHITECTURES.values():
        model = build((49, 40, 1))
        assert model.input_shape == (None, 49, 40, 1)
        assert model.output_shape == (None, 2)


def test_fewer_filters_give_the_published_small_cnn():
    from stapes.models.architectures import reference_cnn

    # The published "structural pruning" run: 2 first filters, 2,646 parameters.
    assert weighted(reference_cnn(filters=(2, 64))) == {"conv": 20, "conv_1": 1_216, "dense": 1_410}
    assert reference_cnn(filters=(2, 64)).count_params() == 2_646


SMALL = ["temporal_cnn", "ds_cnn", "bc_resnet"]
RUN_EVERYWHERE = {
    *("CONV_2D", "DEPTHWISE_CONV_2D", "AVERAGE_POOL_2D", "ADD", "RESHAPE", "FULLY_CONNECTED"),
    "SOFTMAX",
}


def build_small(name, shape=(50, 13, 1), **sizes):
    from stapes.models.architectures import ARCHITECTURES
    from stapes.models.backend import start_over

    start_over(0)
    return ARCHITECTURES[name](shape, **sizes)


@pytest.fixture(scope="module")
def quantized():
    """`quantized(name, shape)`: the int8 file of an architecture, as it would ship."""
    from stapes.models.lowering import lower
    from stapes.techniques.post_training import convert_int8
    from stapes.tflite.edit.slim import slim

    @functools.cache
    def make(name, shape):
        clips = np.random.default_rng(0).normal(0, 20, (8, *shape)).astype(np.float32)
        return slim(convert_int8(lower(build_small(name, shape)), clips))

    return make


@pytest.mark.parametrize(
    ("shape", "width", "trained", "folded"),
    [
        ((49, 40, 1), 8, 1_610, 1_442),
        ((49, 40, 1), 16, 3_602, 3_266),
        # conv 3*13*8, and three times 9*8 and 8*8, with 8 biases each; dense 8*2 and 2.
        ((50, 13, 1), 8, 962, 312 + 8 + 3 * (72 + 8 + 64 + 8) + 18),
    ],
)
def test_the_temporal_cnn_has_few_parameters(shape, width, trained, folded):
    from stapes.models.lowering import lower

    model = build_small("temporal_cnn", shape, width=width)
    assert model.count_params() == trained
    assert lower(model).count_params() == folded


def test_the_temporal_cnn_halves_the_frames_and_keeps_no_bins():
    model = build_small("temporal_cnn", (50, 13, 1), width=6, blocks=3, kernel=5)
    shapes = {layer.name: layer.output_shape[1:] for layer in model.layers[1:]}
    assert shapes["bins_as_channels"] == (50, 1, 13)
    blocks = [shapes[f"block_{number}_pointwise"] for number in (1, 2, 3)]
    assert blocks == [(50, 1, 6), (25, 1, 6), (13, 1, 6)]
    assert shapes["mean"] == (1, 1, 6)
    assert model.get_layer("block_1_depthwise").depthwise_kernel.shape == (5, 1, 6, 1)


def test_the_ds_cnn_is_the_published_one():
    from stapes.models.lowering import lower

    model = build_small("ds_cnn", (49, 10, 1), outputs=12)
    # MLPerf Tiny's has 24,908: also 64 biases in each of nine convolutions, which batch
    # normalization makes useless.
    assert model.count_params() == 24_908 - 9 * 64
    assert lower(model).count_params() == 22_604
    assert build_small("ds_cnn", (49, 40, 1), width=16, blocks=3).count_params() == 2_322


def test_the_ds_cnn_has_the_weights_of_the_published_file(models):
    from stapes.models.lowering import lower
    from stapes.tflite.read.constants import constants

    published = constants((models / "mlperf_tiny_kws.tflite").read_bytes())
    ours = lower(build_small("ds_cnn", (49, 10, 1), outputs=12))
    kernels = [constant.values.size for constant in published if constant.role == "kernel"]
    weights = [layer.get_weights() for layer in ours.layers if layer.weights]
    assert kernels == [kernel.size for kernel, *_ in weights]


def test_the_broadcasted_residual_net_has_the_parameters_of_its_blocks():
    from stapes.models.lowering import lower

    # conv 5*5*8; a block has kernels of 3 bins and of 3 frames per channel, and one of 8*8.
    by_hand = 200 + 8 + 3 * (24 + 8 + 24 + 8 + 64 + 8) + 18
    assert lower(build_small("bc_resnet")).count_params() == by_hand == 634


def test_a_block_adds_its_convolution_over_time_to_every_bin():
    model = build_small("bc_resnet", (50, 13, 1), blocks=1)
    assert model.get_layer("block_1_bins").output_shape == (None, 25, 7, 8)
    assert model.get_layer("block_1_mean").output_shape == (None, 25, 1, 8)
    assert model.get_layer("block_1_broadcast").output_shape == (None, 25, 7, 8)


@pytest.mark.slow
@pytest.mark.parametrize("shape", [(50, 13, 1), (49, 40, 1)])
@pytest.mark.parametrize("name", SMALL)
def test_small_architectures_have_only_ops_of_every_target(quantized, name, shape):
    from ai_edge_litert.interpreter import Interpreter

    ops = Interpreter(model_content=quantized(name, shape))._get_ops_details()
    assert {op["op_name"] for op in ops} - {"DELEGATE"} <= RUN_EVERYWHERE


@pytest.mark.parametrize("name", SMALL)
def test_tflite_micro_decides_as_litert_does(quantized, name):
    pytest.importorskip("tflite_micro", reason="needs the extra `micro`")
    from stapes.targets.litert import LiteRT
    from stapes.targets.tflm import TFLMClassifier

    content = quantized(name, (50, 13, 1))
    x = np.random.default_rng(1).normal(0, 20, (20, 50, 13, 1)).astype(np.float32)
    litert, tflm = LiteRT(content).predict(x), TFLMClassifier(content).predict(x)
    np.testing.assert_allclose(litert, tflm, atol=24 / 255)


@pytest.mark.parametrize("name", SMALL)
def test_the_npu_runs_every_op(quantized, name):
    pytest.importorskip("ethosu", reason="needs the extra `npu`")
    from stapes.targets.ethos_u import attempt_u55

    result = attempt_u55(quantized(name, (50, 13, 1))).result
    assert result.runs
    assert not result.reason


@pytest.mark.parametrize("shape", [(22, 13), (30, 5)])
@pytest.mark.parametrize("outputs", [1, 3])
@pytest.mark.parametrize("name", SMALL)
def test_small_architectures_accept_features_without_a_last_axis_and_other_outputs(
    name, shape, outputs
):
    model = build_small(name, shape, outputs=outputs)
    scores = model(np.random.default_rng(0).normal(0, 20, (4, *shape)).astype(np.float32)).numpy()
    assert scores.shape == (4, outputs)
    assert (scores >= 0).all()
    assert (scores <= 1).all()
    if outputs > 1:
        np.testing.assert_allclose(scores.sum(axis=1), 1, rtol=1e-6)


def test_integer_sizes_are_listed_by_name():
    from stapes.models.architectures import ARCHITECTURES, sizes_of

    assert {name: sizes_of(name) for name in ARCHITECTURES} == {
        "reference_cnn": [],
        "temporal_cnn": ["width", "blocks", "kernel"],
        "ds_cnn": ["width", "blocks"],
        "bc_resnet": ["width", "blocks", "kernel"],
    }
