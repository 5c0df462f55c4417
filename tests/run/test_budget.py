"""A budget as text is read as its limits, or refused with the reason."""

from __future__ import annotations

import doctest

import pytest

from stapes.run import budget
from stapes.run.budget import parse_budget


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("flash=20k,arena=24k,latency=5ms", {"flash": 20_000, "arena": 24_000, "latency": 5}),
        (" flash = 20 KiB , latency = 0.5 s ", {"flash": 20_480, "latency": 500}),
        ("arena=24000,latency=2", {"arena": 24_000, "latency": 2}),
        ("arena=2Ki", {"arena": 2_048}),
        ("latency=250us,flash=1.5MB", {"latency": 0.25, "flash": 1_500_000}),
    ],
)
def test_budgets_are_read(text, expected):
    assert parse_budget(text) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "names no limit"),
        ("ram=3k", "ram=3k: give flash, arena, latency"),
        ("flash", "flash needs a number above 0"),
        ("flash=0", "flash needs a number above 0"),
        ("flash=-3k", "flash needs a number"),
        ("flash=3ms", "flash needs a number above 0 and one of b, k, kb"),
        ("latency=3k", "latency needs a number above 0 and one of ms, us, s"),
        ("flash=1k,flash=2k", "given twice"),
        ("flash=1e3k", "flash needs"),
        ("flash=nan", "flash needs"),
    ],
)
def test_a_budget_without_a_limit_is_refused(text, message):
    with pytest.raises(ValueError, match=message):
        parse_budget(text)


def test_examples_run():
    assert doctest.testmod(budget).failed == 0
