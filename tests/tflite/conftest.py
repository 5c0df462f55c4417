"""A small model with everything that `slim` removes."""

from __future__ import annotations

import copy
from collections.abc import Callable

import numpy as np
import pytest

from stapes.tflite.edit.write import write
from stapes.tflite.format.tree import Table

CHANNELS = 3


def ints(*values):
    return np.array(values, np.int32)


def quantization(scales, zero_point=0, axis=0):
    scales = np.array(scales, np.float32)
    return Table(
        "QuantizationParameters",
        {
            "min": -scales,
            "max": scales,
            "scale": scales,
            "zero_point": np.full(len(scales), zero_point, np.int64),
            "quantized_dimension": axis,
        },
    )


def tensor(name, shape, kind, buffer=0, scales=None, zero_point=0):
    fields = {"name": name, "shape": ints(*shape), "type": kind, "buffer": buffer}
    if scales is not None:
        fields["quantization"] = quantization(scales, zero_point)
    return Table("Tensor", fields)


@pytest.fixture
def tree() -> Table:
    """A dense layer of int8: four inputs, three outputs, one scale for each output."""
    rng = np.random.default_rng(0)
    weights = rng.integers(-127, 128, (CHANNELS, 4)).astype(np.int8)
    bias = rng.integers(-900, 900, CHANNELS).astype(np.int32)
    buffers = [
        Table("Buffer", {}),
        Table("Buffer", {"data": weights.view(np.uint8).ravel()}),
        Table("Buffer", {"data": bias.view(np.uint8).ravel()}),
        Table("Buffer", {}),
        Table("Buffer", {"data": np.frombuffer(b"1.5.0" + bytes(11), np.uint8)}),
        Table("Buffer", {"data": np.arange(40, dtype=np.uint8)}),
    ]
    kernel_scales = [0.01, 0.02, 0.03]
    tensors = [
        tensor(b"serving_default_x:0", (1, 4), 9, 3, [0.5], -3),
        tensor(b"unused", (10,), 2, 5),
        tensor(b"dense/kernel", (CHANNELS, 4), 9, 1, kernel_scales),
        tensor(b"dense/bias", (CHANNELS,), 2, 2, [0.5 * scale for scale in kernel_scales]),
        tensor(b"StatefulPartitionedCall:0", (1, CHANNELS), 9, 3, [0.25], 5),
    ]
    options = Table("FullyConnectedOptions", {"keep_num_dims": True})
    op = Table(
        "Operator",
        {
            "opcode_index": 1,
            "inputs": ints(0, 2, 3),
            "outputs": ints(4),
            "builtin_options_type": 8,
            "builtin_options": options,
            "debug_metadata_index": 7,
        },
    )
    graph = Table(
        "SubGraph",
        {
            "tensors": tensors,
            "inputs": ints(0),
            "outputs": ints(4),
            "operators": [op],
            "name": b"main",
        },
    )
    signature = Table(
        "SignatureDef",
        {
            "inputs": [Table("TensorMap", {"name": b"x", "tensor_index": 0})],
            "outputs": [Table("TensorMap", {"name": b"y", "tensor_index": 4})],
            "signature_key": b"serving_default",
        },
    )
    return Table(
        "Model",
        {
            "version": 3,
            "operator_codes": [
                Table("OperatorCode", {"builtin_code": 3, "deprecated_builtin_code": 3}),
                Table("OperatorCode", {"builtin_code": 9, "deprecated_builtin_code": 9}),
            ],
            "subgraphs": [graph],
            "description": b"MLIR Converted.",
            "buffers": buffers,
            "metadata": [Table("Metadata", {"name": b"min_runtime_version", "buffer": 4})],
            "signature_defs": [signature],
        },
    )


@pytest.fixture
def small(tree) -> bytes:
    """The model of `tree` as a file."""
    return write(tree)


@pytest.fixture
def changed(tree) -> Callable[[Callable[[Table], None]], bytes]:
    """`changed(how)`: the file of a copy of `tree` after `how` changed it."""

    def make(how):
        other = copy.deepcopy(tree)
        how(other)
        return write(other)

    return make
