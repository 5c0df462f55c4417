"""The sentences about a run, next to its figures."""

from __future__ import annotations

import pytest
from tests.report.results_by_hand import misses, results, row, streamed, whole

from stapes.contracts.measurements import TargetResult
from stapes.report.notes import (
    about_data,
    at_rate,
    first_misses,
    flat,
    frr_of_clips,
    headed,
    headline,
    limits_of,
    model_notes,
    models,
    reasons,
)


@pytest.fixture(scope="module")
def run():
    return whole()


def refused(reason):
    return TargetResult(runs=False, reason=reason)


def test_notes_name_their_models(run):
    taken = dict(model_notes(run))
    assert taken["two epochs"] == ["qat"]
    assert len(taken["dense: the last layer is left as it is"]) == 4


def test_models_with_one_reason_are_one_entry(run):
    names = [variant.name for variant in run.variants]
    entries = reasons(run, runs=False)
    assert ("ethos_u85", "not tried: install stapes[npu]", names) in entries
    assert ("tflm", "hybrid models are not supported", ["int8"]) in entries
    assert models(names, run) == "every model"
    assert models(names[:2], run) == "float32, int8"


def test_the_detectors_in_a_stream_and_their_sound_are_described():
    run = streamed()
    assert about_data(run)[-2:] == [
        "The detectors in a stream, on the frontend micro, have 2,353 parameters and 3,552 "
        "multiply-accumulates a step of 30 ms; an output depends on 0.90 s.",
        "They were trained on 264 embedded words and 2.5 hours of sound without the word, made "
        "from 50 minutes in 12 recordings, with made rooms and recorded noise.",
    ]
    run.streams.sound.frontend = "logmel"
    assert "on the frontend logmel, have" in about_data(run)[-2]
    run.streams.sound.recordings = 0
    assert "as no recording was given with --negatives" in about_data(run)[-1]


def test_the_baseline_of_a_run_of_detectors_in_a_stream_is_described_once():
    run = streamed()
    assert any(sentence.startswith("The baseline, ") for sentence in about_data(run))
    run.baseline.history = run.streams.baseline.history
    assert not any(sentence.startswith("The baseline, ") for sentence in about_data(run))


def test_a_text_has_its_first_sentence_as_its_head():
    assert headed("Ship it, 8.5 kB. It misses 5.0 %. Or not.") == (
        "Ship it, 8.5 kB.",
        "It misses 5.0 %. Or not.",
    )
    assert headed("One alone.") == ("One alone.", "")


def test_the_limits_are_those_that_decided(run):
    assert limits_of(run) == "flash 65,536 bytes; at most 1 point of accuracy below float32"
    assert limits_of(streamed()) == ("at most 10 % of the words missed at 1 false accept an hour")
    assert limits_of(results()) == ""


def test_esphomes_reason_alone_is_split_into_parts_with_their_models():
    run = results(
        row("a", targets={"esphome": refused("x; y"), "tflm": refused("p; q")}),
        row("b", targets={"esphome": refused("x; z")}),
    )
    assert reasons(run, runs=False) == [
        ("tflm", "p; q", ["a"]),
        ("esphome", "x", ["a", "b"]),
        ("esphome", "y", ["a"]),
        ("esphome", "z", ["b"]),
    ]


def test_a_model_that_runs_in_part_has_its_reason_apart():
    partly = TargetResult(runs=True, reason="1 op is the CPU's")
    run = results(row("a", targets={"ethos_u55": partly, "later": refused("too large")}))
    assert reasons(run, runs=True) == [("ethos_u55", "1 op is the CPU's", ["a"])]
    # A target that this version does not know is there too.
    assert reasons(run, runs=False) == [("later", "too large", ["a"])]


def test_the_data_in_a_line_and_in_sentences(run):
    assert headline(run) == "40 test clips of 7 speakers, 20 of the word; recordings"
    assert about_data(run)[0] == "Split by the speaker's name."
    assert "1 file of continuous sound could not be used." in about_data(run)


def test_the_first_model_with_frr_of_clips_shows_how_it_was_measured():
    counts = misses(0.125)
    run = results(row("a"), row("b", misses=counts))
    assert first_misses(run) == counts
    assert at_rate(counts) == "0.5 % false positives"
    assert frr_of_clips(run) == (
        "FRR of clips is at 0.5 % false positives: on 200 test clips of the word, with at most 2 "
        "of 400 other test clips above the threshold."
    )
    assert frr_of_clips(results(row("a"))) == ""


def test_settings_in_one_list(run):
    assert flat(run.settings) == [
        ("word", "house"),
        ("train.epochs", "3"),
        ("train.keep_best", "true"),
    ]
    assert flat({"a": None, "b": [1, 2]}) == [("a", "none"), ("b", "1, 2")]
