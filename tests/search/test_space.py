"""The search space: draws are within its limits, and small models come first."""

from __future__ import annotations

from typing import Any

import optuna
import pytest

from stapes.errors import UsageError
from stapes.models.architectures import ARCHITECTURES, sizes_of
from stapes.search.settings import SIZES
from stapes.search.space import chains, starts, suggest
from stapes.techniques.registry import TECHNIQUES, clusters, prunes
from stapes.techniques.variant import Technique, Variant

CHOICES: Any = (tuple(SIZES), ("mfcc", "logmel"), chains("all"))


def _drawn(count: int) -> list[Any]:
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=3))
    return [suggest(study.ask(), *CHOICES) for _ in range(count)]


def test_the_sizes_are_the_architectures_own() -> None:
    assert all(name in ARCHITECTURES for name in SIZES)
    assert all(set(sizes) == set(sizes_of(name)) for name, sizes in SIZES.items())


def test_the_order_of_the_chains_is_part_of_a_searchs_seed() -> None:
    plain = ["int8", "qat"]
    staged = ["clustered_int8", "clustered_lut", "cqat", "pcqat", "pcqat_lut", "pqat"]
    assert chains("all") == [*plain, *staged, "pruned_int8"]


def test_a_new_technique_is_drawn_with_what_its_stages_need(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    toy = Technique("a toy", "nobody", lambda _: Variant(b""), "sparse_clustered", searched=True)
    monkeypatch.setitem(TECHNIQUES, "toy", toy)
    assert chains("all")[-1] == "toy"
    assert chains("toy,int8") == ["int8", "toy"]
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    drawn = suggest(study.ask(), tuple(SIZES), ("mfcc",), ["toy"])
    assert drawn.sparsity is not None
    assert drawn.clusters is not None
    assert " toy " in drawn.summary


@pytest.mark.parametrize("names", ["stream", "stream*", "int8,stream_qat"])
def test_detectors_in_a_stream_are_refused_in_one_sentence(names: str) -> None:
    with pytest.raises(
        UsageError, match="makes detectors in a stream; search for them with metric frr@1/h"
    ):
        chains(names)


def test_draws_are_within_their_limits() -> None:
    for candidate in _drawn(200):
        for name, size in candidate.sizes.items():
            least, largest, step = SIZES[candidate.architecture][name]
            assert least <= size <= largest
            assert (size - least) % step == 0
        assert (candidate.sparsity is not None) == prunes(candidate.technique)
        assert (candidate.clusters in (4, 8, 16, 32)) == clusters(candidate.technique)
        assert 1e-3 <= candidate.learning_rate <= 1e-2
        assert candidate.frontend in CHOICES[1]


def test_every_choice_is_drawn() -> None:
    candidates = _drawn(400)
    assert {candidate.architecture for candidate in candidates} == set(SIZES)
    assert {candidate.technique for candidate in candidates} == set(chains("all"))
    assert {candidate.slim for candidate in candidates} == {"any", "tflm"}
    assert {candidate.masks for candidate in candidates} == {False, True}


def test_each_start_can_be_drawn() -> None:
    first = list(starts(*CHOICES))
    assert len(first) >= 5
    for start in first:
        study = optuna.create_study()
        study.enqueue_trial(start)
        drawn = suggest(study.ask(), *CHOICES)
        assert study.trials[0].params.items() >= start.items()
        assert drawn.technique == "int8"


def test_starts_are_of_the_searchs_choices() -> None:
    first = list(starts(("ds_cnn",), ("mfcc",), ["qat"]))
    assert [start["architecture"] for start in first] == ["ds_cnn"]
    assert "technique" not in first[0]
    assert list(starts(("ds_cnn",), ("micro",), ["qat"])) == []


def test_chains_are_named_or_all_that_are_not_missing() -> None:
    assert chains("all") == chains("all")
    assert "clustered_lut" not in chains("all", ["clustered_lut"])
    assert chains(" qat, int8") == ["int8", "qat"]


@pytest.mark.parametrize("names", ["float32", "int8,nothing", "", ","])
def test_other_techniques_are_refused(names: str) -> None:
    with pytest.raises(UsageError, match=r"techniques: .* is unknown"):
        chains(names)
