"""Sentences about the length of the word, and about clips in which it is not found."""

from __future__ import annotations

import pytest
from tests.report.results_by_hand import results as made
from tests.report.results_by_hand import row

from stapes.contracts.streams import StreamBaseline, StreamForm, Streams, StreamSound
from stapes.report.about_words import about_words, cut_words, not_found
from stapes.report.notes import about_data

BASELINE = StreamBaseline(
    parameters=2481, macs=6000, receptive_field=113, stride=3, step_ms=30.0, kept_epoch=3
)
SOUND = StreamSound(
    words=2000, hours=5.0, train_minutes=60.0, validation_minutes=10.0, recordings=9,
    word_frames=88, made_rooms=True, made_noise=True, skipped=[],
)  # fmt: skip


def of(word_seconds: float | None, window: float = 1.0):
    results = made(row("float32"))
    results.settings = {"frontend": {"kind": "mfcc", "window_seconds": window}}
    results.data.word_seconds = word_seconds
    return results


def test_a_word_that_is_longer_than_the_window_gets_a_warning():
    assert cut_words(1.24, 1.0) == [
        "5 % of the clips' words are longer than 1.24 s, and the window is 1 s: --window auto "
        "makes it as long as the word."
    ]
    assert about_words(of(1.24)) == cut_words(1.24, 1.0)
    assert set(cut_words(1.24, 1.0)) <= set(about_data(of(1.24)))


@pytest.mark.parametrize("results", [of(None), of(1.0), of(0.6), of(1.3, 1.5)])
def test_another_word_gets_none(results):
    assert about_words(results) == []


def test_a_users_model_and_detectors_in_a_stream_have_no_window_to_choose():
    results = of(1.24)
    results.baseline.model = "mine.keras"
    assert about_words(results) == []
    results = of(1.24)
    form = StreamForm(stride=3, step_ms=30.0, receptive_field=113)
    results.variants = [row("stream", stream=form)]
    assert about_words(results) == []


def test_older_results_have_no_sentence():
    results = made(row("float32"))
    results.settings = {}
    assert about_words(results) == []
    assert not_found(BASELINE) == []


def test_clips_whose_word_was_not_found_are_counted():
    results = of(0.6)
    baseline = BASELINE.model_copy(update={"clips": 1300, "clips_not_found": 12})
    results.streams = Streams(baseline=baseline, sound=SOUND)
    [sentence] = about_words(results)
    assert sentence.startswith("In 12 of 1,300 training clips, ")
    assert "stapes data check DIR --where RUN" in sentence
    assert not_found(baseline.model_copy(update={"clips_not_found": 0})) == []
