"""The sentence for the best model, and which rows are on the front."""

from __future__ import annotations

from tests.report.results_by_hand import results, row, search, trial

from stapes.contracts.measurements import TargetResult
from stapes.contracts.results import VariantResult
from stapes.run.budget import Limit
from stapes.search.settings import SearchSettings
from stapes.search.shipping import recommend

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
