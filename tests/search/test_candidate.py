"""A candidate as data and in words."""

from __future__ import annotations

import pytest
from pydantic import ValidationError
from tests.search.by_hand import candidate

from stapes.search.candidate import Candidate


def test_a_candidate_is_the_same_after_json() -> None:
    tables = candidate(technique="pcqat_lut", sparsity=0.5, clusters=16, slim="tflm", masks=True)
    assert Candidate.model_validate_json(tables.model_dump_json()) == tables


def test_the_summary_names_sizes_and_technique() -> None:
    pruned = candidate(technique="pqat", sparsity=0.3, slim="tflm")
    assert pruned.summary == (
        "temporal_cnn (width 4, blocks 2, kernel 3) on logmel, pqat 30 %, slim for TFLite Micro"
    )
    tables = candidate(technique="clustered_lut", clusters=8, slim="tflm")
    assert tables.summary.endswith("clustered_lut 8 values")  # Nothing else runs it.


def test_a_learning_rate_must_be_above_0() -> None:
    with pytest.raises(ValidationError):
        candidate(learning_rate=0.0)
