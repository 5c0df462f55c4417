"""Open axes get sizes with which LiteRT runs a model."""

from __future__ import annotations

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from tests.tflite.models_by_hand import OP, model, op, packed, tensor, unpacked

from stapes.model_files.inspection import inspect_file
from stapes.targets.lengths import choose
from stapes.targets.proof import prove
from stapes.tflite.edit.slim import slim


def convolution(kernel_length, signature):
    """A convolution over time without padding: shorter sound has no frame."""
    kernel = np.random.default_rng(0).normal(size=(2, kernel_length, 1, 1)).astype(np.float32)
    options = schema.Conv2DOptionsT()
    options.padding, options.strideH, options.strideW = schema.Padding.VALID, 1, 1
    options.dilationHFactor = options.dilationWFactor = 1
    content = model(
        [
            tensor((1, 1, 1, 1), "x"),
            tensor(kernel.shape, "kernel", kernel),
            tensor((2,), "bias", np.ones(2, np.float32)),
            tensor((1, 1, 1, 2), "y"),
        ],
        [op(OP.CONV_2D, (0, 1, 2), (3,), options)],
        (0,),
        (3,),
    )
    root = unpacked(content)
    root.subgraphs[0].tensors[0].shapeSignature = signature
    root.subgraphs[0].tensors[3].shapeSignature = [-1, -1, 1, 2]
    return packed(root)


@pytest.mark.parametrize(("kernel", "length"), [(1, 64), (64, 64), (65, 1024), (1025, 16_384)])
def test_the_first_length_that_gives_an_output_is_chosen(kernel, length):
    assert choose(convolution(kernel, [-1, -1, 1, 1]), None, None) == [(1, length, 1, 1)]


def test_an_open_batch_stays_one_and_a_closed_axis_as_it_is():
    assert choose(convolution(1, [-1, 1, 1, 1]), None, None) is None
    assert choose(convolution(20_000, [1, -1, 1, 1]), None, None) is None


def test_a_model_of_open_axes_is_proven_where_its_sizes_can_change():
    content = convolution(400, [1, -1, 1, 1])
    proof = prove(content, slim(content), inputs=3)
    assert proof.equal
    assert proof.shapes == ((1, 1024, 1, 1),)
    assert proof.interpreters == ("litert", "litert_plain")
    assert proof.distinct == 3
    assert "leaves sizes of its inputs open" in proof.refused["tflm"]
    kernel = np.random.default_rng(0).normal(size=(2, 400, 1, 1)).astype(np.float32).tobytes()
    assert kernel in content
    wrong = content.replace(kernel[-8:], bytes(8))
    assert "differs" in str(prove(content, wrong, interpreters=["litert"], inputs=1).difference)


def test_the_macs_are_for_the_sizes_that_are_named(tmp_path):
    path = tmp_path / "m.tflite"
    path.write_bytes(convolution(400, [1, -1, 1, 1]))
    inspection = inspect_file(path)
    assert inspection.macs_inputs == [[1, 1024, 1, 1]]
    assert inspection.macs == inspection.subgraphs[0].ops[0].macs == (1024 - 399) * 400 * 2
    path.write_bytes(convolution(3, [1, 9, 1, 1]))
    assert inspect_file(path).macs_inputs == []
