"""Whatever LiteRT's verifier and interpreter accept is read, and slimmed to an equal file."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stapes.contracts.inspection import BUDGET_PARTS
from stapes.targets.proof import prove
from stapes.tflite.edit.slim import slim
from stapes.tflite.read.inspect import inspect
from stapes.tflite.read.verify import verify


@pytest.fixture(scope="module")
def valid_models():
    """The generator of the benchmarks: they are no package."""
    sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))
    try:
        return importlib.import_module("valid_models")
    finally:
        sys.path.pop(0)


@settings(max_examples=25, deadline=None, derandomize=True)
@given(seed=st.integers(0, 2**32 - 1))
def test_a_file_that_litert_runs_is_read(valid_models, seed):
    content, names = valid_models.random_model(seed, ops=5)
    valid_models.runs(content)
    inspection = inspect(content)
    assert [op.name for op in inspection.subgraphs[0].ops] == names
    budget = inspection.budget.model_dump(include=set(BUDGET_PARTS))
    assert sum(budget.values()) == len(content)
    for runtime in ("any", "tflm"):
        smaller = slim(content, runtime=runtime)
        assert len(smaller) <= len(content)
        verify(smaller)


def test_slimmed_models_are_proven_equal_and_changed_ones_are_not(valid_models):
    equal = 0
    for seed in range(8):
        content, _ = valid_models.random_model(seed, ops=5)
        proof = prove(content, slim(content), interpreters=["litert_plain"], inputs=2)
        assert proof.difference is None
        equal += proof.equal
    assert equal > 5


def test_models_are_of_old_and_new_writers(valid_models):
    contents = [valid_models.random_model(seed, ops=2)[0] for seed in range(12)]
    older = [not verify(c).table["operator_codes"][0]["builtin_code"] for c in contents]
    assert 0 < sum(older) < len(older)
    again = [valid_models.random_model(seed, ops=2)[0] for seed in range(12)]
    assert contents == again


def test_vtables_of_an_old_writer_reach_into_the_next_table(valid_models):
    content, names = valid_models.random_model(1)
    older = valid_models._overhanging(content, np.random.default_rng(0))
    assert older != content
    valid_models.runs(older)
    assert [op.name for op in inspect(older).subgraphs[0].ops] == names


def test_an_op_that_litert_refuses_is_left_out(valid_models):
    graph = valid_models.Graph(np.random.default_rng(0))
    graph.add("CONV_2D", [graph.usable[0]], [0], None)
    with pytest.raises((RuntimeError, ValueError)):
        valid_models._try(graph)
