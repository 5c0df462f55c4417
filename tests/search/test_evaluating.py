"""One trial: refused before training, or trained, shrunk and measured as it would ship."""

from __future__ import annotations

import functools
from pathlib import Path

import numpy as np
import pytest
from tests.search.by_hand import candidate
from tests.search.conftest import SETTINGS

from stapes.measure.accuracy import accuracy
from stapes.measure.roc import frr_at
from stapes.models.architectures import ARCHITECTURES
from stapes.search import evaluating
from stapes.search.candidate import Candidate
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


PLAIN = {"slim": "any", "teacher": 0.3, "masks": True}
PCQAT = {
    "slim": "tflm",
    "technique": "pcqat",
    "sparsity": 0.6,
    "clusters": 8,
    "teacher": 0.3,
    "masks": True,
}


@pytest.fixture(scope="module")
def sets(work: Path):
    return load_sets(work / "logmel", SETTINGS)


@pytest.fixture(scope="module")
def evaluated(sets):
    """`evaluated(**changed)`: the outcome of a candidate, of which each is trained once."""

    @functools.cache
    def of(candidate_json):
        return evaluate(Candidate.model_validate_json(candidate_json), SETTINGS, sets)

    return lambda **changed: of(candidate(**changed).model_dump_json())


@pytest.mark.parametrize(
    ("budget", "reason"),
    [
        ({"flash": 1000}, "bytes of file, 1,000 at most"),
        ({"arena": 2000, "flash": 50_000}, "bytes of arena, 2,000 at most"),
    ],
)
def test_what_cannot_fit_is_not_trained(sets, budget, reason, monkeypatch):
    monkeypatch.setattr(evaluating, "train", None)  # Calling it would fail.
    outcome = evaluate(candidate(), SETTINGS.model_copy(update={"budget": budget}), sets)
    assert outcome.tflite is None
    assert reason in (outcome.trial.refused or "")
    assert outcome.trial.frr is None


@pytest.mark.parametrize(
    "changed",
    [
        PLAIN,
        PCQAT,
        {"architecture": "ds_cnn", "sizes": {"width": 8, "blocks": 1}},
        {
            "technique": "clustered_lut",
            "clusters": 8,
            "sizes": {"width": 16, "blocks": 2, "kernel": 5},
        },
    ],
)
def test_an_untrained_model_costs_what_the_trained_one_does(sets, evaluated, changed):
    chosen = candidate(**changed)
    shape, build = sets.training.x.shape[1:], ARCHITECTURES[chosen.architecture]
    _, size, arena = untrained(
        chosen, lambda: build(shape, **chosen.sizes), sets.calibration, SETTINGS.seed
    )
    outcome = evaluated(**changed)
    assert outcome.tflite is not None
    trial = outcome.trial
    assert trial.bytes == len(outcome.tflite)
    assert trial.bytes == pytest.approx(size, rel=0.05)
    assert trial.arena_bytes == arena_bytes(outcome.tflite)
    assert trial.arena_bytes == pytest.approx(arena, rel=0.05)


def test_the_rates_are_those_of_the_file_on_the_validation_clips(sets):
    outcome = evaluate(candidate(), SETTINGS.model_copy(update={"epochs": 20}), sets)
    assert outcome.tflite is not None
    scores = LiteRT(outcome.tflite).predict(np.asarray(sets.validation.x))
    trial = outcome.trial
    assert trial.accuracy == accuracy(scores, sets.validation.y).value
    assert trial.frr == frr_at(scores[:, 1], sets.validation.y, 0.5)
    assert trial.accuracy is not None
    assert trial.accuracy > 0.9
    sizes = [constant.values.size for constant in constants(outcome.tflite)]
    assert trial.parameters == sum(sizes)


def test_the_same_candidate_gives_the_same_bytes(sets, evaluated):
    """The tests of the techniques say it of each of them."""
    assert evaluate(candidate(**PLAIN), SETTINGS, sets).tflite == evaluated(**PLAIN).tflite


def test_another_seed_gives_other_bytes(sets, evaluated):
    other = evaluate(candidate(**PLAIN), SETTINGS.model_copy(update={"seed": 1}), sets)
    assert other.tflite != evaluated(**PLAIN).tflite


def test_clusters_and_zeros_are_as_many_as_the_candidate_has(evaluated):
    outcome = evaluated(**PCQAT)
    assert outcome.tflite is not None
    pointwise = [
        constant.values
        for constant in constants(outcome.tflite)
        if constant.role == "kernel" and constant.op == "CONV_2D" and constant.values.size >= 16
    ]
    assert pointwise
    for kernel in pointwise:
        assert np.mean(kernel == 0) >= 0.5
        # Zeros from pruning stay, in addition to the clusters.
        assert max(np.unique(channel[channel != 0]).size for channel in kernel) <= 8
