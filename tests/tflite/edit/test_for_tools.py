"""Files for other tools get names, signatures and both fields of op codes."""

from __future__ import annotations

import numpy as np
from ai_edge_litert.interpreter import Interpreter
from tests.tflite.models_by_hand import OP, model, op, packed, tensor, unpacked

from stapes.tflite.edit.for_tools import (
    with_newer_codes,
    with_signature,
    without_encoded_scales,
)
from stapes.tflite.edit.slim import slim
from stapes.tflite.format.reader import read
from stapes.tflite.graph import Model
from stapes.tflite.read.verify import verify


def test_a_slimmed_model_gets_names_and_a_signature_that_litert_calls(small):
    named = with_signature(slim(small))
    names = [tensor.name for tensor in verify(named).graphs[0].tensors]
    assert names == ["tensor_0", "tensor_1", "tensor_2", "tensor_3"]
    signatures = Interpreter(model_content=named).get_signature_list()
    assert signatures == {"serving_default": {"inputs": ["input_0"], "outputs": ["output_0"]}}
    runner = Interpreter(model_content=named).get_signature_runner("serving_default")
    x = np.array([[1, -2, 3, 100]], np.int8)
    before = Interpreter(model_content=small).get_signature_runner("serving_default")
    np.testing.assert_array_equal(runner(input_0=x)["output_0"], before(x=x)["y"])


def test_equal_tensors_get_names_of_their_own():
    """In a slimmed file they are one table."""
    content = slim(model([tensor((4,))] * 2, [op(OP.ABS, (0,), (1,))], (0,), (1,)))
    tensors = read(content).root["subgraphs"][0]["tensors"]
    assert tensors[0] is tensors[1]
    named = verify(with_signature(content)).graphs[0]
    assert [tensor.name for tensor in named.tensors] == ["tensor_0", "tensor_1"]


def test_existing_names_and_signatures_stay(small):
    before, after = verify(small), verify(with_signature(small))
    for view in (before, after):
        assert view.graphs[0].tensor(2).name == "dense/kernel"
        [signature] = view.table["signature_defs"]
        assert signature["inputs"][0]["name"] == b"x"


def test_the_newer_field_of_a_code_is_filled(small):
    slimmed = slim(small)
    [before] = read(slimmed).root["operator_codes"]
    [after] = read(with_newer_codes(slimmed)).root["operator_codes"]
    assert (before["builtin_code"], before["deprecated_builtin_code"]) == (0, 9)
    assert (after["builtin_code"], after["deprecated_builtin_code"]) == (9, 9)


def test_encoded_constants_lose_their_scales_and_others_keep_them():
    values = np.zeros(4, np.uint8)
    parts = [tensor((4,), "indices", values, scale=(0.5,)), tensor((4,), "tables", values),
             tensor((4,), "kernel", kind=9, scale=(0.5,))]  # fmt: skip
    content = model(parts, [op(OP.CUSTOM, (0, 1), (2,), custom=b"TFLM_DECODE")])
    graph = Model(read(without_encoded_scales(content))).graphs[0]
    assert [len(tensor.quantization.scales) for tensor in graph.tensors] == [0, 0, 1]
    other = unpacked(content)
    other.operatorCodes[0].customCode = b"OTHER"
    graph = Model(read(without_encoded_scales(packed(other)))).graphs[0]
    assert [len(tensor.quantization.scales) for tensor in graph.tensors] == [1, 0, 1]
