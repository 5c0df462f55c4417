"""Words missed at a rate of false positives are told as results.json has them."""

from __future__ import annotations

from tests.report.results_by_hand import misses, results, row

from stapes.contracts.measurements import Difference
from stapes.report.misses import MISS_COLUMNS, at_rate, counted, first_misses, miss_cells, missed_at

WORSE = Difference(difference=0.0625, ci95=(0.0, 0.125), p=0.03125)


def test_cells_of_the_csv():
    found = miss_cells(row("int8", misses=misses(0.125, WORSE)))
    assert tuple(found) == MISS_COLUMNS
    assert list(found.values()) == ["0.125", "0.0625", "0.25", "0.5", "0.0625", "0.03125"]


def test_what_was_not_measured_is_an_empty_cell():
    assert set(miss_cells(row("int8")).values()) == {""}
    assert list(miss_cells(row("int8", misses=misses(0.0))).values())[-2:] == ["", ""]


def test_the_first_that_was_counted_tells_how():
    counts = misses(0.125)
    assert first_misses(results(row("a"), row("b", misses=counts))) == counts
    assert first_misses(results(row("a"))) is None
    assert at_rate(counts) == "0.5 % false positives"
    assert counted(counts) == (
        "200 test clips of the word and 400 others, of which at most 2 may lie above the threshold"
    )


def test_the_part_that_is_missed():
    assert missed_at(row("a", misses=misses(0.125))) == 0.125
    assert missed_at(row("a")) is None
