"""MACs equal published numbers and numbers counted by hand."""

from __future__ import annotations

import importlib.util

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from tests.tflite.models_by_hand import OP, dense, model, op, tensor

from stapes.tflite.read.cost import macs
from stapes.tflite.read.inspect import inspect


def pool(height, width):
    options = schema.Pool2DOptionsT()
    options.filterHeight, options.filterWidth = height, width
    return options


def swapped():
    options = schema.BatchMatMulOptionsT()
    options.adjX = True
    return options


def one(code, inputs, output, options=None):
    """The MACs of one op with the shapes of its inputs (None: missing) and its output."""
    tensors = [tensor(shape or ()) for shape in (*inputs, output)]
    numbers = [-1 if shape is None else place for place, shape in enumerate(inputs)]
    return macs(model(tensors, [op(code, numbers, (len(inputs),), options)]))


@pytest.mark.parametrize(
    ("code", "inputs", "output", "options", "expected"),
    [
        (OP.CONV_2D, [(1, 9, 9, 3), (8, 2, 4, 3)], (1, 5, 7, 8), None, 5 * 7 * 8 * 2 * 4 * 3),
        (OP.DEPTHWISE_CONV_2D, [(1, 9, 9, 8), (1, 2, 4, 8)], (1, 5, 7, 8), None, 5 * 7 * 8 * 8),
        (OP.FULLY_CONNECTED, [(1, 30), (4, 30)], (1, 4), None, 120),
        (OP.TRANSPOSE_CONV, [(4,), (8, 2, 4, 3), (1, 5, 7, 3)], (1, 9, 9, 8), None, 105 * 64),
        (OP.CONV_3D, [(1, 4, 4, 4, 2), (2, 2, 2, 2, 5)], (1, 3, 3, 3, 5), None, 135 * 16),
        (OP.BATCH_MATMUL, [(2, 3, 4), (2, 4, 5)], (2, 3, 5), None, 2 * 3 * 4 * 5),
        (OP.BATCH_MATMUL, [(2, 4, 3), (2, 4, 5)], (2, 3, 5), swapped(), 2 * 3 * 4 * 5),
        (OP.SVDF, [(1, 10), (6, 10), (6, 4), (3,), (1, 24)], (1, 3), None, 60 + 24),
        (OP.MAX_POOL_2D, [(1, 4, 4, 2)], (1, 2, 2, 2), pool(2, 3), 8 * 6),
        (OP.AVERAGE_POOL_2D, [(1, 4, 4, 2)], (1, 2, 2, 2), pool(2, 2), 8 * 4),
        (OP.SOFTMAX, [(1, 12)], (1, 12), None, 24),
        (OP.RELU, [(1, 12)], (1, 12), None, 0),
        # A missing kernel, or one of a wrong rank.
        (OP.CONV_2D, [(1, 9, 9, 3), None], (1, 5, 7, 8), None, 0),
        (OP.FULLY_CONNECTED, [(1, 30), None], (1, 4), None, 0),
        (OP.CONV_2D, [(1, 9, 9, 3), (8,)], (1, 5, 7, 8), None, 0),
        (OP.MAX_POOL_2D, [(1, 4, 4, 2)], (1, 2, 2, 2), None, 0),
    ],
)
def test_one_op(code, inputs, output, options, expected):
    assert one(code, inputs, output, options) == expected


def test_an_lstm_multiplies_each_weight_at_each_step():
    # Two inputs, three cells; no peepholes, no projection.
    weights = [(3, 2)] * 4 + [(3, 3)] * 4
    inputs = [(5, 1, 2), *weights, None, None, None, *[(3,)] * 4, None, None, (1, 3), (1, 3)]
    code = OP.UNIDIRECTIONAL_SEQUENCE_LSTM
    assert one(code, inputs, (5, 1, 3)) == 5 * 4 * (6 + 9)


def test_huge_shapes_do_not_overflow():
    most = 2**31 - 1
    shape = (0, most, most, most)
    assert one(OP.CONV_2D, [shape, (0, most, most, most)], (0, most)) == 0
    assert one(OP.TRANSPOSE_CONV, [(4,), (most, most, most, 0), (most, 0)], (1,)) == 0
    # A size of 0 takes no byte, so the others may be huge.
    assert one(OP.CONV_2D, [(1,), (0, most, most, most)], (1,)) == most**3


def test_the_sum_is_that_of_the_ops():
    inspection = inspect(dense())
    assert macs(dense()) == inspection.macs == inspection.subgraphs[0].ops[0].macs == 12
    assert inspection.subgraphs[0].ops[0].parameters == inspection.parameters == 15


def test_mlperf_tiny_has_its_published_macs(models):
    content = (models / "mlperf_tiny_kws.tflite").read_bytes()
    inspection = inspect(content)
    layers = {"CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED"}
    # Banbury et al. 2021 do not count its pooling (8,000) and softmax (24).
    assert sum(op.macs for op in inspection.subgraphs[0].ops if op.name in layers) == 2_656_768
    assert macs(content) == 2_656_768 + 8_000 + 24
    assert inspection.parameters == 22_604


@pytest.mark.skipif(importlib.util.find_spec("tf_keras") is None, reason="needs the extra `train`")
def test_the_reference_cnn_has_its_published_macs():
    from stapes.models.architectures import reference_cnn
    from stapes.models.backend import start_over
    from stapes.techniques.post_training import convert

    start_over(0)
    network = reference_cnn()
    rng = np.random.default_rng(0)
    network.set_weights([rng.normal(size=weights.shape) for weights in network.get_weights()])
    content = convert(network)
    assert macs(content) == 1_388_164
    assert inspect(content).parameters == network.count_params()
