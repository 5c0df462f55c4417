"""TFLite Micro's package makes the tables, and Stapes fixes its file."""

from __future__ import annotations

import importlib.util

import numpy as np
import pytest

from stapes.errors import MissingExtraError, ModelError
from stapes.targets import tflm
from stapes.targets.lookup_tables import encode
from stapes.tflite.edit.slim import slim
from stapes.tflite.read.constants import constants
from stapes.tflite.read.lookup_table import candidates
from stapes.tflite.read.verify import verify

needs_tflm = pytest.mark.skipif(
    importlib.util.find_spec("tflite_micro") is None, reason="needs the extra `micro`"
)
WEIGHTS = np.arange(64, dtype=np.int8).reshape(4, 16) % 5


@needs_tflm
@pytest.mark.parametrize("scales", [1, 4])
@pytest.mark.parametrize("older", [False, True])
def test_the_file_is_whole_and_holds_the_same_weights(dense_model, scales, older):
    model = dense_model(WEIGHTS, scales=scales)
    # A slimmed file has the codes of its ops in the field from before 2020.
    model = slim(model, keep={"names"}) if older else model
    encoded = encode(model, candidates(verify(model)))
    root = verify(encoded).table
    first, second = root["subgraphs"][0]["operators"]
    assert root["operator_codes"][first["opcode_index"]]["custom_code"] == b"TFLM_DECODE"
    assert root["operator_codes"][second["opcode_index"]]["builtin_code"] == 9
    tensors = root["subgraphs"][0]["tensors"]
    assert all(tensors[number]["quantization"] is None for number in first["inputs"])
    assert len(tensors[first["outputs"][0]]["quantization"]["scale"]) == scales
    [kernel] = constants(encoded)
    np.testing.assert_array_equal(kernel.values, WEIGHTS)


@needs_tflm
def test_a_refusal_of_the_package_is_an_error_with_its_reason(dense_model):
    model = dense_model(WEIGHTS)
    [candidate] = candidates(verify(model))
    object.__setattr__(candidate.form, "bits", 1)
    with pytest.raises(ModelError, match=r"does not compress it: .*index_bitwidth too small"):
        encode(model, [candidate])


def test_without_the_package_it_names_the_extra(dense_model, monkeypatch):
    monkeypatch.setattr(tflm, "available", lambda: False)
    with pytest.raises(MissingExtraError, match=r"stapes\[micro\]"):
        encode(dense_model(WEIGHTS), [])
