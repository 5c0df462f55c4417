"""The search space: what is drawn is in it, and it begins where small models are."""

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


def test_what_is_drawn_is_within_its_limits() -> None:
    for each in _drawn(200):
        for name, size in each.sizes.items():
            least, largest, step = SIZES[each.architecture][name]
            assert least <= size <= largest
            assert (size - least) % step == 0
        assert (each.sparsity is not None) == (prunes(each.technique))
        assert (each.clusters in (4, 8, 16, 32)) == (clusters(each.technique))
        assert 1e-3 <= each.learning_rate <= 1e-2
        assert each.frontend in CHOICES[1]


def test_everything_there_is_is_drawn() -> None:
    found = _drawn(400)
    assert {each.architecture for each in found} == set(SIZES)
    assert {each.technique for each in found} == set(chains("all"))
    assert {each.slim for each in found} == {"any", "tflm"}
    assert {each.masks for each in found} == {False, True}


def test_each_start_can_be_drawn() -> None:
    given = list(starts(*CHOICES))
    assert len(given) >= 5
    for start in given:
        study = optuna.create_study()
        study.enqueue_trial(start)
        drawn = suggest(study.ask(), *CHOICES)
        assert study.trials[0].params.items() >= start.items()
        assert drawn.technique == "int8"


def test_starts_need_what_the_search_has() -> None:
    found = list(starts(("ds_cnn",), ("mfcc",), ["qat"]))
    assert [start["architecture"] for start in found] == ["ds_cnn"]
    assert "technique" not in found[0]
    assert list(starts(("ds_cnn",), ("micro",), ["qat"])) == []


def test_chains_are_named_or_all_that_are_not_missing() -> None:
    assert chains("all") == chains("all")
    assert "clustered_lut" not in chains("all", ["clustered_lut"])
    assert chains(" qat, int8") == ["int8", "qat"]


@pytest.mark.parametrize("names", ["float32", "int8,nothing", "", ","])
def test_other_techniques_are_refused(names: str) -> None:
    with pytest.raises(UsageError, match=r"techniques: .* is unknown"):
        chains(names)
