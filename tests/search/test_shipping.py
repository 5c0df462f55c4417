"""The sentence for the best model, and which rows are on the front."""

from __future__ import annotations

import pytest
from tests.report.results_by_hand import measured, results, row, search, trial

from stapes.contracts.measurements import TargetResult
from stapes.contracts.results import Results, VariantResult
from stapes.run.budget import Limit
from stapes.search.settings import SearchSettings
from stapes.search.shipping import recommend, recommend_stream

BUDGET: dict[Limit, float] = {"flash": 4000.0, "arena": 8000.0}
TFLM = TargetResult(tried=True, runs=True, arena_bytes=6000)


def _row(name: str, size: int, right: int) -> VariantResult:
    variant: VariantResult = row(name, size, right, targets={"tflm": TFLM})
    return variant


def test_the_sentence_counts_the_trials_that_fit() -> None:
    tried = search(
        trial(0, 3000), trial(1, 3500, 0.05), trial(2, 9000, 0.01), trial(3, 9000, None), best=1
    )
    run = results(_row("float32", 80_000, 38), _row("best", 3500, 36), search=tried)
    sentence = recommend(run, SearchSettings(budget=BUDGET)).sentence
    assert "Of 2 trials that fit flash 4,000 bytes, arena 8,000 bytes" in sentence
    tried.trials = tried.trials[1:]
    sentence = recommend(run, SearchSettings(budget=BUDGET)).sentence
    assert "Of 1 trial that fits flash" in sentence


def test_the_front_of_the_rows_is_from_the_test_clips() -> None:
    rows = (_row("float32", 80_000, 38), _row("best", 3500, 30), _row("trial_2", 3400, 36))
    run = results(*rows, search=search(trial(1, 3500, 0.05), best=1))
    recommendation = recommend(run, SearchSettings(budget=BUDGET))
    assert recommendation.front == ["trial_2", "float32"]
    assert recommendation.sentence.startswith("Ship best, 3,500 bytes")


def _in_sound(frr: float) -> Results:
    """A search whose best trial misses so much in test sound, at half a false accept an hour."""
    run: Results = measured(results(row("float32", 80_000, 38), row("best", 3500, 36)))
    best = run["best"]
    best.targets = {"tflm": TFLM.model_copy(update={"agrees": True})}
    assert best.detection is not None
    best.detection.chosen.frr = frr
    run.search = search(trial(0, 3000, 0.3), trial(1, 3500, 0.05), best=1)
    return run


STREAMS = SearchSettings(metric="frr@0.5/h", budget=BUDGET, max_frr=5)


def test_the_best_detector_is_recommended_if_it_serves_in_test_sound() -> None:
    recommendation = recommend_stream(_in_sound(0.04), STREAMS)
    assert recommendation.variant == "best"
    assert recommendation.sentence.startswith("Ship best, 3,500 bytes. It misses 4.0 % of ")
    assert "It is trial 1: " in recommendation.sentence
    assert "Of 2 trials that fit flash 4,000 bytes" in recommendation.sentence
    assert recommendation.max_frr == 5
    assert "float32" in recommendation.front


@pytest.mark.parametrize("frr", [0.06, 1.0])
def test_a_detector_that_misses_too_much_is_not_recommended(frr: float) -> None:
    recommendation = recommend_stream(_in_sound(frr), STREAMS)
    assert recommendation.variant is None
    assert recommendation.sentence.startswith("None is fit to ship: no variant misses at most 5 %")
    assert "Nearest: best (it misses" in recommendation.sentence


def test_a_detector_that_tflite_micro_decides_otherwise_is_not_recommended() -> None:
    run = _in_sound(0.01)
    run["best"].targets["tflm"].agrees = False
    assert "decides otherwise than LiteRT" in recommend_stream(run, STREAMS).sentence


def test_without_a_measured_best_nothing_is_recommended() -> None:
    run = _in_sound(0.01)
    run["best"].detection = None
    assert "was not measured in continuous sound" in recommend_stream(run, STREAMS).sentence
    assert run.search is not None
    run.search.best = None
    none = recommend_stream(run, STREAMS)
    assert none.variant is None
    assert none.sentence.startswith("No trained model fits flash 4,000 bytes")
