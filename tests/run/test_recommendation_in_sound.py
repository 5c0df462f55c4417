"""What is recommended would serve in continuous sound; if nothing would, the sentence says why."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.report.results_by_hand import in_stream, known, results, row, streamed, streams

from stapes.contracts.measurements import TargetResult
from stapes.run.recommendation import front, recommend


def run(*rows, hours=5.0, recordings=12, **changed):
    """A run with continuous sound, at 1 false accept an hour."""
    setup = known(streamed().detection).model_copy(update={"hours": hours})
    trained = streams()
    trained.sound.recordings = recordings
    return results(*rows, **{"detection": setup, "streams": trained, **changed})


def at(model, target):
    """The row with a threshold for another rate."""
    model.detection.chosen.target_fa_per_hour = target
    return model


def without_agreement(model):
    """The row with decisions in TFLite Micro that are not LiteRT's."""
    model.targets["tflm"].agrees = False
    return model


def test_the_smallest_within_a_point_of_the_best_is_recommended():
    recommendation = recommend(
        run(
            in_stream("best", 9_000, 0.05),
            in_stream("near", 8_000, 0.06),
            in_stream("far", 7_000, 0.0601),
        ),
        {},
        0.5,
    )
    assert recommendation.variant == "near"
    assert (recommendation.max_frr, recommendation.unfit) == (10.0, {})


def test_of_equal_files_the_one_that_misses_less_is_recommended():
    rows = in_stream("near", 8_000, 0.06), in_stream("best", 8_000, 0.05)
    assert recommend(run(*rows), {}, 0.5).variant == "best"


def test_the_sentence_says_what_is_missed_and_what_it_costs():
    recommendation = recommend(
        run(in_stream("stream", 8_000, 0.05), in_stream("worse", 7_000, 0.25)), {}, 0.5
    )
    assert recommendation.sentence == (
        "Ship stream, 8,000 bytes. It misses 5.0 % of 40 words (95 %: 2.5 to 10.0) at 1 false "
        "accept an hour, in 5 hours of sound. Of 2 variants in continuous sound, 1 runs in TFLite "
        "Micro and misses at most 10 %; this is the smallest within a point of the best. Its arena "
        "is 11,000 bytes and half of its detections come within 0.12 s of the clip's end."
    )
    assert recommendation.unfit == {"worse": ["it misses 25.0 % of the words"]}


def test_a_detection_may_come_before_the_end_of_the_clip():
    early = in_stream("stream", 8_000, 0.05)
    known(early.detection).chosen.delay_seconds_p50 = -0.75
    sentence = recommend(run(early), {}, 0.5).sentence
    assert "half of its detections come at least 0.75 s before the clip's end." in sentence


def test_without_recordings_to_train_on_the_sentence_warns():
    sentence = recommend(run(in_stream("stream", 8_000, 0.05), recordings=0), {}, 0.5).sentence
    assert "trained without recordings of other sound" in sentence
    assert "--negatives" in sentence


def test_if_none_is_fit_the_sentence_says_so_and_what_would_help():
    recommendation = recommend(
        run(
            in_stream("deaf", 7_000, 1.0),
            in_stream("worst", 8_000, 0.5),
            in_stream("nearest", 9_000, 0.25),
        ),
        {},
        0.5,
    )
    assert recommendation.variant is None
    assert recommendation.sentence == (
        "None is fit to ship: no variant misses at most 10 % of the words at 1 false accept an "
        "hour. Nearest: nearest (it misses 25.0 % of the words); worst (it misses 50.0 % of the "
        "words). What would help: more hours of other sound (--negatives; 0.833 hours were trained "
        "on); more recordings of the word (20 clips were trained on); a longer word (95 % of the "
        "clips take at most 0.54 s)."
    )
    assert recommendation.unfit["deaf"] == ["it misses every word"]


def test_a_variant_that_misses_every_word_is_not_the_nearest():
    rows = in_stream("deaf", 7_000, 1.0), without_agreement(in_stream("stream", 8_000, 0.25))
    sentence = recommend(run(*rows), {}, 0.5).sentence
    assert "Nearest: stream (it misses 25.0 % of the words and TFLite Micro decides" in sentence


def test_the_advice_has_nothing_that_the_run_has_enough_of():
    enough = run(in_stream("stream", 8_000, 0.5))
    known(enough.streams).sound.train_minutes = 600.0
    enough.data.splits["train"].positives = 300
    sentence = recommend(enough, {}, 0.5).sentence
    assert "What would help: a longer word" in sentence


def test_without_detectors_in_a_stream_the_advice_names_them():
    window = row("int8", detection=in_stream("", 1, 0.5).detection, targets=_runs())
    recommendation = recommend(run(row("float32"), window, streams=None), {}, 0.5)
    assert recommendation.variant is None
    assert "What would help: detectors in a stream (--techniques all)." in recommendation.sentence


def test_a_limit_of_misses_is_met_at_the_limit():
    rows = (in_stream("stream", 8_000, 0.25),)
    assert recommend(run(*rows), {}, 0.5, max_frr=25.0).variant == "stream"
    assert recommend(run(*rows), {}, 0.5, max_frr=24.9).variant is None


def test_a_rate_that_the_hours_do_not_resolve_is_not_claimed():
    short = run(at(in_stream("stream", 8_000, 0.0), 2.5), hours=0.4)
    recommendation = recommend(short, {}, 0.5)
    assert recommendation.variant is None
    assert recommendation.unfit == {
        "stream": ["the sound resolves 2.5 false accepts an hour, not 1"]
    }
    assert (
        "1 hour of sound to count in (--continuous; there are 0.4 hours)" in recommendation.sentence
    )
    # The user may ask for the rate that was resolved.
    assert recommend(short, {}, 0.5, target=2.5).variant == "stream"


def test_a_variant_whose_decisions_differ_in_tflite_micro_is_not_recommended_for_a_device():
    rows = without_agreement(in_stream("differs", 7_000, 0.0)), in_stream("stream", 8_000, 0.05)
    recommendation = recommend(run(*rows), {}, 0.5)
    # It would be smaller and better; its 0 % do not count as the best either.
    assert recommendation.variant == "stream"
    assert recommendation.unfit == {"differs": ["TFLite Micro decides otherwise than LiteRT"]}
    # Where it ships in LiteRT, what was measured is what ships.
    assert recommend(run(*rows), {"latency": 1.0}, 0.5).variant == "differs"


def test_agreement_that_was_not_tested_is_no_obstacle():
    model = in_stream("stream_lut", 7_000, 0.0)
    model.targets["tflm"].agrees = None
    assert recommend(run(model), {}, 0.5).variant == "stream_lut"


@pytest.mark.parametrize(
    ("frr", "reason"),
    [(1.0, "it misses every word"), (None, "it has no threshold for the rate")],
)
def test_a_variant_that_detects_nothing_is_never_recommended(frr, reason):
    model = in_stream("stream", 8_000, 1.0)
    model.detection.chosen.frr = frr
    recommendation = recommend(run(model), {}, 0.5, max_frr=100.0)
    assert recommendation.variant is None
    assert recommendation.unfit == {"stream": [reason]}


def test_models_of_windows_that_were_measured_in_sound_compete_too():
    detection = in_stream("", 1, 0.05).detection
    small = row("small", 4_000, detection=detection, targets=_runs())
    recommendation = recommend(run(in_stream("stream", 8_000, 0.05), small), {}, 0.5)
    assert recommendation.variant == "small"
    # Without the measurement it does not, and its accuracy does not matter.
    unmeasured = row("small", 4_000, 40, targets=_runs())
    recommendation = recommend(run(in_stream("stream", 8_000, 0.05), unmeasured), {}, 0.5)
    assert recommendation.variant == "stream"
    assert recommendation.front == ["stream"]
    assert "Of 1 variant in continuous sound" in recommendation.sentence


def test_a_budget_and_the_target_are_obstacles():
    large = in_stream("large", 9_000, 0.0)
    refused = in_stream("refused", 5_000, 0.0)
    refused.targets["tflm"] = TargetResult(runs=False, reason="no op")
    recommendation = recommend(
        run(large, refused, in_stream("stream", 8_000, 0.05)), {"flash": 8_500.0}, 0.5
    )
    assert recommendation.variant == "stream"
    assert recommendation.unfit == {
        "large": ["flash is 500 bytes over"],
        "refused": ["it does not run in TFLite Micro"],
    }


def test_the_front_has_false_rejects_in_place_of_errors():
    # Equal in all but size and misses; the accuracy of `worse` does not save it.
    rows = [
        in_stream("stream", 8_000, 0.05),
        in_stream("tiny", 5_000, 0.25),
        in_stream("worse", 8_500, 0.25, accuracy=1.0),
        row("window", 100, 40),
    ]
    assert front(rows) == ["tiny", "stream"]


drawn_rows = st.lists(
    st.tuples(
        st.integers(1, 6),
        st.one_of(st.none(), st.sampled_from([0.0, 0.01, 0.02, 0.05, 0.1, 0.2, 1.0])),
        st.booleans(),
        st.sampled_from([1.0, 2.5]),
    ),
    min_size=1,
    max_size=8,
)


@given(drawn_rows, st.integers(1, 6), st.sampled_from([1.0, 5.0, 10.0, 100.0]))
def test_what_is_recommended_serves(drawn, flash, max_frr):
    rows = []
    for number, (size, frr, agrees, target) in enumerate(drawn):
        model = at(in_stream(f"v{number}", size, 0.0 if frr is None else frr), target)
        known(model.detection).chosen.frr = frr
        model.targets["tflm"].agrees = agrees
        rows.append(model)
    recommendation = recommend(run(*rows), {"flash": float(flash)}, 0.5, max_frr)
    serving = {
        f"v{number}": (size, frr)
        for number, (size, frr, agrees, target) in enumerate(drawn)
        if size <= flash
        and frr is not None
        and frr < 1
        and 100 * frr <= max_frr
        and agrees
        and target <= 1.0
    }
    assert set(recommendation.unfit) == {row.name for row in rows} - set(serving)
    if not serving:
        assert recommendation.variant is None
        assert recommendation.sentence.startswith("None is fit to ship: ")
        return
    size, frr = serving[known(recommendation.variant)]
    best = min(frr for _, frr in serving.values())
    assert frr <= best + 0.01
    assert size == min(size for size, frr in serving.values() if frr <= best + 0.01)


def _runs():
    return {
        "litert": TargetResult(runs=True, latency_us_p50=6.0),
        "tflm": TargetResult(runs=True, arena_bytes=9_000, agrees=True),
    }
