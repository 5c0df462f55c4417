"""One trial: refused before it is trained, or trained, shrunk and measured as it would ship."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tests.search.by_hand import candidate
from tests.search.conftest import SETTINGS

from stapes.measure.accuracy import accuracy
from stapes.measure.roc import frr_at
from stapes.search import evaluating
from stapes.search.engines import load_sets
from stapes.search.evaluating import evaluate, untrained
from stapes.targets import tflm
from stapes.targets.litert import LiteRT
from stapes.targets.tflm_cost import arena_bytes
from stapes.tflite.read.constants import constants

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not tflm.available(), reason="needs the extra `micro`"),
]


@pytest.fixture(scope="module")
def sets(work: Path):
    return load_sets(work / "logmel", SETTINGS)


@pytest.mark.parametrize(
    ("budget", "said"),
    [
        ({"flash": 1000}, "bytes of file, 1,000 at most"),
        ({"arena": 2000, "flash": 50_000}, "bytes of arena, 2,000 at most"),
    ],
)
def test_what_cannot_fit_is_not_trained(sets, budget, said, monkeypatch):
    monkeypatch.setattr(evaluating, "train", None)  # Calling it would fail.
    found = evaluate(candidate(), SETTINGS.model_copy(update={"budget": budget}), sets)
    assert found.tflite is None
    assert said in found.refused
    assert found.frr is None


@pytest.mark.parametrize(
    "given",
    [
        {"slim": "any"},
        {"slim": "tflm", "technique": "pqat", "sparsity": 0.5, "teacher": 0.3, "masks": True},
        {"architecture": "ds_cnn", "sizes": {"width": 8, "blocks": 1}},
        {
            "technique": "clustered_lut",
            "clusters": 8,
            "sizes": {"width": 16, "blocks": 2, "kernel": 5},
        },
    ],
)
def test_an_untrained_model_costs_what_the_trained_one_does(sets, given):
    tried = candidate(**given)
    _, size, arena = untrained(tried, sets.training.x.shape[1:], sets.calibration, SETTINGS.seed)
    found = evaluate(tried, SETTINGS, sets)
    assert found.tflite is not None
    assert found.bytes == len(found.tflite)
    assert found.bytes == pytest.approx(size, rel=0.05)
    assert found.arena_bytes == arena_bytes(found.tflite)
    assert found.arena_bytes == pytest.approx(arena, rel=0.05)


def test_its_rates_are_those_of_the_file_on_the_validation_clips(sets):
    found = evaluate(candidate(), SETTINGS.model_copy(update={"epochs": 20}), sets)
    assert found.tflite is not None
    scores = LiteRT(found.tflite).predict(np.asarray(sets.validation.x))
    assert found.accuracy == accuracy(scores, sets.validation.y).value
    assert found.frr == frr_at(scores[:, 1], sets.validation.y, 0.5)
    assert found.accuracy is not None
    assert found.accuracy > 0.9
    kernels = [each.values.size for each in constants(found.tflite)]
    assert found.parameters == sum(kernels)


def test_the_same_candidate_gives_the_same_bytes(sets):
    tried = candidate(technique="qat", label_smoothing=0.05)
    first, second = (evaluate(tried, SETTINGS, sets) for _ in range(2))
    assert first.tflite == second.tflite
    other = evaluate(tried, SETTINGS.model_copy(update={"seed": 1}), sets)
    assert other.tflite != first.tflite


def test_clusters_and_zeros_are_as_many_as_were_asked_for(sets):
    tried = candidate(technique="pcqat", sparsity=0.6, clusters=8)
    found = evaluate(tried, SETTINGS, sets)
    assert found.tflite is not None
    pointwise = [
        each.values
        for each in constants(found.tflite)
        if each.role == "kernel" and each.op == "CONV_2D" and each.values.size >= 16
    ]
    assert pointwise
    for kernel in pointwise:
        assert np.mean(kernel == 0) >= 0.5
        # The zeros that pruning left are kept beside the clusters.
        assert max(np.unique(channel[channel != 0]).size for channel in kernel) <= 8
