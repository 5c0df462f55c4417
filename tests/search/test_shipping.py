"""What is said of the best model, and which rows are on the front."""

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
    made: VariantResult = row(name, size, right, targets={"tflm": TFLM})
    return made


def test_the_best_is_told_of_those_that_fit_alone() -> None:
    tried = search(
        trial(0, 3000), trial(1, 3500, 0.05), trial(2, 9000, 0.01), trial(3, 9000, None), best=1
    )
    found = results(_row("float32", 80_000, 38), _row("best", 3500, 36), search=tried)
    said = recommend(found, SearchSettings(budget=BUDGET)).sentence
    assert "of 2 trials that fit flash 4,000 bytes, arena 8,000 bytes" in said
    tried.trials = tried.trials[1:]
    said = recommend(found, SearchSettings(budget=BUDGET)).sentence
    assert "of 1 trial that fits flash" in said


def test_the_front_of_the_rows_is_of_what_the_test_clips_say() -> None:
    rows = (_row("float32", 80_000, 38), _row("best", 3500, 30), _row("trial_2", 3400, 36))
    found = results(*rows, search=search(trial(1, 3500, 0.05), best=1))
    given = recommend(found, SearchSettings(budget=BUDGET))
    assert given.front == ["trial_2", "float32"]
    assert given.sentence.startswith("Ship best, 3,500 bytes")
