"""The trials that no other beats, and the best one for a budget."""

from __future__ import annotations

from itertools import pairwise

import hypothesis.strategies as st
from hypothesis import given
from tests.search.by_hand import trial

from stapes.contracts.results import Trial
from stapes.search.front import best, costs, exceeded, fits, mark_front, thin_front

few = st.integers(1, 4)
TRIALS = st.lists(st.tuples(few, few, few, st.sampled_from([None, 0.0, 0.1, 0.2])), max_size=12)


def _trials(drawn: list[tuple[int, int, int, float | None]]) -> list[Trial]:
    return [
        trial(number, bytes=size, arena_bytes=arena, macs=macs, frr=frr)
        for number, (size, arena, macs, frr) in enumerate(drawn)
    ]


@given(TRIALS)
def test_the_front_is_what_nothing_measured_beats(
    drawn: list[tuple[int, int, int, float | None]],
) -> None:
    trials = _trials(drawn)
    mark_front(trials)
    measured = [one for one in trials if one.frr is not None]
    for one in trials:
        beaten = any(
            costs(other) != costs(one)
            and all(a <= b for a, b in zip(costs(other), costs(one), strict=True))
            for other in measured
        )
        assert one.front == (one.frr is not None and not beaten)
    assert any(one.front for one in trials) == bool(measured)


@given(TRIALS, few, few)
def test_the_best_fits_and_none_that_fits_has_a_lower_frr(
    drawn: list[tuple[int, int, int, float | None]], flash: int, arena: int
) -> None:
    trials = _trials(drawn)
    winner = best(trials, {"flash": flash, "arena": arena})
    fitting = [one for one in trials if fits(one, {"flash": flash, "arena": arena})]
    assert (winner is None) == (not fitting)
    if winner is not None:
        assert winner in fitting
        assert winner.frr == min(one.frr for one in fitting if one.frr is not None)


@given(TRIALS, st.integers(0, 4))
def test_the_thin_front_falls_as_it_grows(
    drawn: list[tuple[int, int, int, float | None]], most: int
) -> None:
    chosen = thin_front(_trials(drawn), most)
    assert len(chosen) <= most
    for smaller, larger in pairwise(chosen):
        assert smaller.bytes is not None
        assert larger.bytes is not None
        assert smaller.frr is not None
        assert larger.frr is not None
        assert smaller.bytes < larger.bytes
        assert smaller.frr > larger.frr


def test_among_equal_frr_accuracy_decides_then_cross_entropy_then_size() -> None:
    trials = [
        trial(0, accuracy=0.9, loss=0.01),
        trial(1, accuracy=0.95, loss=0.2, bytes=2000),
        trial(2, accuracy=0.95, loss=0.1),
        trial(3, accuracy=0.95, loss=0.1, bytes=2999),
    ]
    winner = best(trials, {})
    assert winner is not None
    assert winner.number == 3


def test_limits_that_are_exceeded_are_named() -> None:
    budget = {"flash": 4000.0, "arena": 8000.0}
    assert exceeded(4000, 8000, budget) == {}  # type: ignore[arg-type]
    assert exceeded(4001, 8000, budget) == {  # type: ignore[arg-type]
        "flash": "4,001 bytes of file, 4,000 at most"
    }
    assert exceeded(4000, None, budget) == {  # type: ignore[arg-type]
        "arena": "unknown bytes of arena, 8,000 at most"
    }
