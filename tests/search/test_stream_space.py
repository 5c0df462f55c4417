"""The search space of detectors in a stream: draws are within its limits, and small ones first."""

from __future__ import annotations

import optuna
import pytest

from stapes.errors import UsageError
from stapes.models.stream_cnn import SIZES, receptive_field
from stapes.search.settings import STREAM_SIZES
from stapes.search.space import chains
from stapes.search.stream_space import starts, suggest
from stapes.techniques.registry import clusters, prunes

TECHNIQUES = chains("all", root="stream")


def test_the_sizes_are_the_architectures_own() -> None:
    assert set(STREAM_SIZES) == set(SIZES)
    for name, (least, largest, step) in STREAM_SIZES.items():
        assert SIZES[name] in range(least, largest + 1, step)


def test_the_order_of_the_chains_is_part_of_a_searchs_seed() -> None:
    assert TECHNIQUES == ["stream", "stream_qat", "stream_clustered", "stream_pruned"]


def test_draws_are_within_their_limits() -> None:
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=3))
    candidates = [suggest(study.ask(), TECHNIQUES, "micro", 40) for _ in range(200)]
    for candidate in candidates:
        for name, (least, largest, step) in STREAM_SIZES.items():
            assert candidate.sizes[name] in range(least, largest + 1, step)
        assert (candidate.architecture, candidate.frontend) == ("stream_cnn", "micro")
        assert receptive_field(**candidate.sizes) > 0
        assert (candidate.sparsity is not None) == prunes(candidate.technique)
        assert (candidate.clusters in (4, 8, 16, 32)) == clusters(candidate.technique)
    assert {candidate.technique for candidate in candidates} == set(TECHNIQUES)
    assert {candidate.epochs for candidate in candidates} == set(range(4, 11))
    assert {candidate.masks for candidate in candidates} == {False, True}


@pytest.mark.parametrize("epochs", [1, 3, 40])
def test_no_training_is_longer_than_the_settings_allow(epochs: int) -> None:
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    for start in starts(TECHNIQUES, epochs):
        study.enqueue_trial(start)
    drawn = [suggest(study.ask(), TECHNIQUES, "micro", epochs) for _ in range(12)]
    assert all(1 <= (candidate.epochs or 0) <= min(10, epochs) for candidate in drawn)


def test_each_start_can_be_drawn() -> None:
    first = list(starts(TECHNIQUES, 40))
    assert len(first) >= 3
    for start in first:
        study = optuna.create_study()
        study.enqueue_trial(start)
        assert suggest(study.ask(), TECHNIQUES, "micro", 40).technique == "stream"
        assert study.trials[0].params == start
    assert all("technique" not in start for start in starts(["stream_qat"], 40))


def test_chains_are_of_one_root() -> None:
    assert set(chains("stream*", root="stream")) == set(TECHNIQUES)
    assert chains("stream_qat, stream", root="stream") == ["stream", "stream_qat"]
    with pytest.raises(
        UsageError, match=r"techniques stream: makes detectors in a stream; .* metric frr@1/h"
    ):
        chains("int8,stream")
    with pytest.raises(
        UsageError, match=r"techniques int8: makes models of windows; .* metric frr@0.5"
    ):
        chains("int8", root="stream")
    with pytest.raises(UsageError, match="stream_tiny is unknown"):
        chains("stream_tiny", root="stream")
