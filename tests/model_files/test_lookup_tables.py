"""Look-up tables stay where they make the file smaller and compute the same."""

from __future__ import annotations

import importlib.util
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from stapes.errors import MissingExtraError
from stapes.model_files import lookup_tables as compression
from stapes.model_files.lookup_tables import compress
from stapes.model_files.slimming import tabled
from stapes.targets import tflm
from stapes.targets.litert import LiteRT
from stapes.targets.proof import prove
from stapes.targets.tflm import TFLMClassifier
from stapes.tflite.edit.slim import slim
from stapes.tflite.read.constants import constants
from stapes.tflite.read.lookup_table import DECODE, Form, candidates
from stapes.tflite.read.verify import verify

needs_tflm = pytest.mark.skipif(
    importlib.util.find_spec("tflite_micro") is None, reason="needs the extra `micro`"
)
QUICK: dict[str, Any] = {"inputs": 20, "isolate": False, "timed": False}


@pytest.fixture
def weights():
    """8 rows of 16 distinct values, not the same in every row."""
    rng = np.random.default_rng(0)
    rows = [rng.choice(np.arange(-127, 128), 16, replace=False) for _ in range(8)]
    return np.array([rng.permutation(np.resize(row, 256)) for row in rows], np.int8)


def unpacked(content):
    """The weights of a file in tables, by a second reader of the format."""
    for op in verify(content).operators:
        if op.name == DECODE:
            [packed, ancillary] = (op.graph.tensor(number).data.tobytes() for number in op.inputs)
            shape = op.graph.tensor(op.outputs[0]).shape
            axis, bits, stride = ancillary[5] >> 4, ancillary[5] & 7, ancillary[6]
            text = "".join(format(byte, "08b") for byte in packed)
            for place, at in zip(np.ndindex(*shape), range(0, len(text), bits), strict=False):
                table = 0 if axis == 15 else place[axis]
                value = ancillary[16 + table * stride + int(text[at : at + bits], 2)]
                yield place, value - 256 if value > 127 else value


@needs_tflm
@pytest.mark.parametrize("scales", [1, 8])
def test_the_tables_give_back_the_weights_and_the_same_outputs(dense_model, weights, scales):
    weights = weights if scales == 8 else np.resize(weights[0], weights.shape)
    model = dense_model(weights, scales=scales)
    result = compress(model, **QUICK)
    assert result.proof.equal
    assert result.proof.interpreters == ("tflm", "tflm_planned")
    assert result.proof.distinct > 1
    [row] = result.tables.tensors
    mode, tables = ("per channel", 8 * 16) if scales == 8 else ("per tensor", 16)
    assert (row.name, row.mode, row.bits) == ("kernel", mode, 4)
    assert (row.before, row.after) == (2048, 1024 + 16 + tables)
    back = np.full(weights.shape, 99, np.int8)
    for place, value in unpacked(result.content):
        back[place] = value
    np.testing.assert_array_equal(back, weights)
    [kernel] = constants(result.content)
    np.testing.assert_array_equal(kernel.values, weights)


@needs_tflm
def test_flash_arena_and_time_are_measured(dense_model, weights):
    model = dense_model(weights, scales=8)
    result = compress(model, **QUICK | {"timed": True})
    tables = result.tables
    assert tables.slimmed == len(slim(model, runtime="tflm"))
    assert len(result.content) < tables.slimmed - 600
    # The arena holds the whole unpacked weight.
    assert tables.arena_after >= tables.arena_before + weights.size
    assert tables.time_ratio is not None
    assert tables.time_ratio > 0


@needs_tflm
def test_a_model_with_nothing_to_gain_is_slimmed_alone(dense_model):
    rng = np.random.default_rng(0)
    model = dense_model(rng.integers(-127, 128, (8, 1000)).astype(np.int8))
    result = compress(model, **QUICK)
    assert result.content == slim(model, runtime="tflm")
    assert result.proof.equal
    assert result.tables.tensors == []
    [left] = result.tables.left_out
    assert left.name == "kernel"
    assert "128 are the most" in left.reason
    assert result.tables.arena_before == result.tables.arena_after
    assert result.tables.time_ratio is None


@needs_tflm
def test_a_weight_too_small_to_gain_is_left_out(dense_model, weights):
    [left] = compress(dense_model(weights[:, :16]), **QUICK).tables.left_out
    assert "bytes" in left.reason


@needs_tflm
@pytest.mark.parametrize("isolate", [True, False])
def test_what_changes_the_output_is_left_out_and_named(dense_model, weights, monkeypatch, isolate):
    # A table for each channel, but the tensor has one scale: the runtime reads only the first.
    def wrong(model):
        form = Form(0, 4, 1024 + 16 + 8 * 16)
        return [replace(candidate, form=form) for candidate in candidates(model)]

    monkeypatch.setattr(compression, "candidates", wrong)
    model = dense_model(weights)
    result = compress(model, **QUICK | {"isolate": isolate})
    assert result.content == slim(model, runtime="tflm")
    assert result.proof.equal
    [left] = result.tables.left_out
    assert left.name == "kernel"
    assert "it changes the result: tflm: output 0 differs" in left.reason


@needs_tflm
def test_compressing_twice_and_slimming_again_change_nothing(dense_model, weights):
    result = compress(dense_model(weights, scales=8), **QUICK)
    assert slim(result.content, runtime="tflm") == result.content
    assert compress(result.content, **QUICK).content == result.content
    again = slim(result.content)
    assert prove(result.content, again, interpreters=("tflm",), inputs=5, isolate=False).equal


@needs_tflm
def test_a_slimmed_model_can_be_compressed(dense_model, weights):
    model = dense_model(weights, scales=8)
    for runtime in ("any", "tflm"):
        slimmed = slim(model, runtime=runtime)
        assert compress(slimmed, **QUICK).content == compress(model, **QUICK).content


@needs_tflm
def test_litert_has_no_op_to_unpack(dense_model, weights):
    result = compress(dense_model(weights, scales=8), **QUICK)
    proof = prove(result.content, result.content, inputs=2)
    assert set(proof.refused) == {"litert", "litert_plain"}


@needs_tflm
def test_a_models_scores_stay(dense_model, weights):
    model = dense_model(weights, scales=8)
    x = np.random.default_rng(1).normal(0, 60, (20, 256)).astype(np.float32)
    scores = TFLMClassifier(compress(model, **QUICK).content).predict(x)
    np.testing.assert_array_equal(scores, TFLMClassifier(model).predict(x))


@needs_tflm
def test_a_layer_note_has_mode_and_bits(dense_model, weights):
    result = tabled(dense_model(weights, scales=8), isolate=False)
    assert result.layer_notes == ["look-up table per channel, 4 bits"]
    size, detection = result.notes
    assert f"{len(result.content):,} bytes with look-up tables" in size
    assert f"arena {result.arena_bytes:,} and " in size
    assert "measured with the same model without tables" in detection


@needs_tflm
def test_a_row_with_nothing_to_gain_runs_in_litert_too(dense_model):
    distinct = np.arange(8 * 256).reshape(8, 256).astype(np.int8)
    model = dense_model(distinct, scales=8)
    result = tabled(model, isolate=False)
    assert result.content == slim(model)
    assert LiteRT(result.content).signature.input_shape == (1, 256)
    assert result.notes == ["look-up tables make no part of it smaller: it has none"]
    assert result.arena_bytes is None
    [note] = result.layer_notes
    assert note.startswith("no look-up table: ")


def test_without_tflite_micro_it_names_the_extra(dense_model, weights, monkeypatch):
    monkeypatch.setattr(tflm, "available", lambda: False)
    with pytest.raises(MissingExtraError, match=r"Look-up-table compression.*stapes\[micro\]"):
        compress(dense_model(weights))
