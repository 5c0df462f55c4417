"""The sentences about a search have the figures of results.json, even if it lacks some."""

from __future__ import annotations

import math

import pytest
from tests.report.results_by_hand import known, refused, results, row, search, searched, trial

from stapes.report.search_notes import (
    architecture,
    best_row,
    best_trial,
    chosen,
    chosen_by,
    counts,
    listed,
    measured,
    metric,
    metric_note,
    on_test,
    outcome,
    reasons,
    row_of,
)


def test_counts_with_the_commonest_reasons():
    assert counts(known(searched().search)) == (
        "100 models were tried: 89 measured, 10 refused before training (e.g. its file has 90,000 "
        "bytes, more than the 4,096 of flash), 1 failed (its training diverged)."
    )


@pytest.mark.parametrize(
    ("trials", "sentence"),
    [
        ([], "No model was tried."),
        ([trial(0)], "1 model was tried: 1 measured."),
        ([trial(0, frr=None)], "1 model was tried: 0 measured, 1 without figures."),
    ],
)
def test_counts_of_few(trials, sentence):
    assert counts(search(*trials)) == sentence


def test_all_refused():
    sentence = counts(search(refused(0, 5_000), refused(1, 6_000)))
    assert sentence == (
        "2 models were tried: 0 measured, 2 refused before training (e.g. its file has 5,000 "
        "bytes, more than the 4,096 of flash)."
    )


def test_reasons_that_differ_in_numbers_alone_are_one():
    texts = ["5 bytes over."] * 3 + ["7 bytes over", "no op", "a", "b", "b"]
    assert reasons(texts) == "4 ×, e.g. 5 bytes over; 2 ×, e.g. b; no op; 1 for other reasons"


def test_the_outcome_of_a_trial():
    assert outcome(trial(0)) == "measured"
    assert outcome(refused(0)).startswith("refused: its file has")
    assert outcome(trial(0, frr=None, failed="it diverged")) == "failed: it diverged"
    for odd in (trial(0, frr=None), trial(0, frr=math.nan), trial(0, bytes=None)):
        assert not measured(odd)


def test_an_architecture_has_a_name_whatever_the_candidate_holds():
    assert architecture(trial(0)) == "ds_cnn"
    assert architecture(trial(0, candidate={"architecture": {"name": "x"}})) == "x"
    for odd in ({}, {"architecture": 3}, {"architecture": ""}, {"architecture": {"name": None}}):
        assert architecture(trial(0, candidate=odd)) == "model"


def test_the_metric_in_words():
    assert metric(search()) == "FRR at 0.5 % false positives"
    assert metric_note(search()) == "FRR is at 0.5 % false positives"
    assert metric(search(metric="<b>")) == "<b>"
    assert metric_note(search(metric="eer")) == "FRR is the metric eer"


def test_the_metric_and_clips_of_the_choice():
    assert chosen_by(search()) == (
        "Models were chosen by FRR at 0.5 % false positives on 1,200 validation clips (400 of the "
        "word, 800 others, including 3 augmented copies of each), within flash 4,096 "
        "bytes, arena 8,192 bytes."
    )
    assert chosen_by(search(validation_copies=0, budget={})).endswith(
        "(400 of the word, 800 others)."
    )
    assert "including 1 augmented copy of each" in chosen_by(search(validation_copies=1))


def test_the_metric_and_sound_of_the_choice():
    streams = search(metric="frr@1/h", validation_hours=2.0, validation_words=200, budget={})
    assert metric(streams) == "FRR at 1 false accept an hour"
    assert chosen_by(streams) == (
        "Models were chosen by FRR at 1 false accept an hour in 2 hours of validation sound and "
        "200 words in such sound."
    )
    short = search(metric="frr@1/h", validation_hours=0.5, validation_words=200, budget={})
    assert "(which resolve 2 false accepts an hour: that rate was used)" in chosen_by(short)
    best = trial(3, frr=0.25, bytes=1000, arena_bytes=None)
    tried = search(best, best=3, validation_hours=2.0)
    assert "FRR 25.00 % in validation sound" in chosen(tried)


def test_the_chosen_trial():
    assert chosen(known(searched().search)) == (
        "Chosen: trial 12, ds_cnn of 20 filters, 20 MFCCs, int8 (3,900 bytes, 6,900 of arena, FRR "
        "1.25 % on validation clips)."
    )
    assert chosen(search(refused(0))) == (
        "No model fits flash 4,096 bytes, arena 8,192 bytes: none was chosen."
    )
    bare = trial(3, bytes=None, arena_bytes=None, frr=None, summary="x")
    assert chosen(search(bare, best=3)) == "Chosen: trial 3, x."
    assert best_trial(search(trial(0), best=9)) is None


def test_best_and_float32_on_the_test_clips():
    assert on_test(searched()) == (
        "On the test clips, which no choice used: best has an accuracy of 90.00 %, float32 95.00 % "
        "(p = 0.62); at 0.5 % false positives best misses 2.50 % of the words, float32 1.00 % "
        "(p = 0.25)."
    )


def test_without_a_best_there_is_no_sentence_on_test_clips():
    assert on_test(results(row("float32"), search=search(trial(0)))) == ""
    bare = [row(name, accuracy=None) for name in ("float32", "best")]
    assert on_test(results(*bare, search=search(trial(0), best=0))) == ""
    assert best_row(results(row("best"))) is None


def test_the_front_and_the_variants_are_listed_by_size():
    trials = listed(
        search(
            trial(0, 3_000, front=True),
            trial(1, 2_000),
            trial(2, 1_000, variant="trial_2"),
            trial(3, 500, frr=None, front=True, failed="x"),
            trial(4, 900),
            best=4,
        )
    )
    assert [row.number for row in trials] == [4, 2, 0]


def test_a_trial_whose_variant_is_missing_has_no_test_figures():
    assert row_of(trial(0, variant="gone"), results(row("float32"))) is None
