"""How FRR of clips was measured is the same for all models, and in words."""

from __future__ import annotations

from tests.report.results_by_hand import misses, results, row

from stapes.report.misses import at_rate, counted, first_misses


def test_the_first_model_that_has_any_shows_how_they_were_measured():
    counts = misses(0.125)
    assert first_misses(results(row("a"), row("b", misses=counts))) == counts
    assert first_misses(results(row("a"))) is None
    assert at_rate(counts) == "0.5 % false positives"
    assert counted(counts) == (
        "200 test clips of the word and 400 others, of which at most 2 may lie above the threshold"
    )
