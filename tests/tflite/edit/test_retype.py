"""A model with uint8 ends computes what the int8 one does, shifted by 128."""

from __future__ import annotations

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter
from tests.tflite.models_by_hand import OP, model, op, packed, tensor, unpacked

from stapes.errors import ModelError
from stapes.tflite.edit.retype import uint8_ends
from stapes.tflite.edit.slim import slim
from stapes.tflite.read.verify import verify


def run(content, values):
    interpreter = Interpreter(model_content=content)
    interpreter.allocate_tensors()
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], values)
    interpreter.invoke()
    return interpreter.get_tensor(interpreter.get_output_details()[0]["index"])


@pytest.mark.parametrize("slimmed", [False, True])
def test_it_computes_the_same_in_other_numbers(small, slimmed):
    # A slimmed file has no names, and its equal tensors are one table.
    before = slim(small) if slimmed else small
    after = uint8_ends(before)
    for seed in range(20):
        x = np.random.default_rng(seed).integers(-128, 128, (1, 4)).astype(np.int8)
        expected = run(before, x).astype(np.int16) + 128
        y = run(after, (x.astype(np.int16) + 128).astype(np.uint8))
        assert y.dtype == np.uint8
        np.testing.assert_array_equal(y, expected)


def test_the_new_ends_are_named_scaled_and_called(small):
    view = verify(uint8_ends(small))
    [graph] = view.graphs
    first, last = graph.tensor(graph.inputs[0]), graph.tensor(graph.outputs[0])
    assert [first.name, last.name] == [
        "serving_default_x:0_uint8", "StatefulPartitionedCall:0_uint8"
    ]  # fmt: skip
    assert [first.type, last.type] == ["UINT8", "UINT8"]
    assert [first.shape, last.shape] == [[1, 4], [1, 3]]
    # The tree of `small` has 0.5 with -3, and 0.25 with 5.
    ends = [(*end.quantization.scales, *end.quantization.zero_points) for end in (first, last)]
    assert ends == [(0.5, 125), (0.25, 133)]
    names = [op.name for op in graph.operators]
    assert names == ["QUANTIZE", "FULLY_CONNECTED", "QUANTIZE"]
    [signature] = view.table["signature_defs"]
    called = [signature[end][0]["tensor_index"] for end in ("inputs", "outputs")]
    assert called == [first.number, last.number]


@pytest.mark.parametrize("end", ["inputs", "outputs"])
def test_other_types_are_refused(small, end):
    root = unpacked(small)
    graph = root.subgraphs[0]
    graph.tensors[getattr(graph, end)[0]].type = 0
    with pytest.raises(ModelError, match=f"model's {end} are not int8"):
        uint8_ends(packed(root))


def test_a_float_model_is_refused():
    content = model([tensor((1,)), tensor((1,))], [op(OP.ABS, (0,), (1,))], (0,), (1,))
    with pytest.raises(ModelError, match="not int8"):
        uint8_ends(content)
