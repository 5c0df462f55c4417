"""The table of detection and the notes below it, from results by hand."""

from __future__ import annotations

import io

import pytest
from rich.console import Console
from tests.report.results_by_hand import streamed
from tests.run.rows_by_hand import results, variant

from stapes.contracts.measurements import (
    Condition,
    DetCurve,
    Detection,
    DetectionSetup,
    Difference,
    OperatingPoint,
    Paired,
)
from stapes.report.terminal.tables import detection_notes, detections, sources

RATES = [0.1, 0.5, 2.0]


def point(rate=None, threshold=0.75, frr=0.25, reason=None):
    if threshold is None:
        hours = 10.0 if rate == 0.1 else None
        return OperatingPoint(
            target_fa_per_hour=rate, resolvable=False, needs_hours=hours, reason=reason
        )
    return OperatingPoint(
        target_fa_per_hour=rate,
        threshold=threshold,
        false_accepts=1,
        fa_per_hour=0.5,
        fa_per_hour_ci95=(0.01, 2.8),
        misses=round(100 * frr),
        frr=frr,
        frr_ci95=(0.18, 0.34),
        reason=reason,
    )


def condition(name, snr_db, frr):
    return Condition(
        name=name,
        snr_db=snr_db,
        hours=2.0,
        words=100,
        at_rates=[
            point(0.1, None, reason="not resolvable: 0.1 an hour needs 10 hours"),
            point(0.5, frr=0.25),
            point(2.0, frr=0.125),
        ],
        at_clean_threshold=point(frr=frr),
        det=DetCurve(threshold=[], fa_per_hour=[], frr=[]),
    )


def measured(name, chosen, p=None, p_words=None):
    worse = None
    if p_words is not None:
        worse = Difference(difference=0.0625, ci95=(0.01, 0.12), p=p_words)
    detection = Detection(
        auc=0.987654,
        eer=0.0234,
        threshold=chosen.threshold,
        chosen=chosen,
        conditions=[condition("clean", None, 0.25), condition("10 dB", 10.0, 0.625)],
        against_float32=worse,
    )
    test = None if p is None else Paired(n=100, only_this_wrong=1, only_other_wrong=0, p=p)
    return variant(name).model_copy(update={"detection": detection, "against_float32": test})


@pytest.fixture
def run():
    whole = results(
        measured("float32", point(0.5)),
        measured("int8", point(0.5), p=0.5, p_words=0.03125),
        measured("ceiling", point(0.5, None, reason="no threshold is strict enough"), p=1.0),
        variant("unmeasured"),
    )
    whole.detection = DetectionSetup(
        source="speech",
        files=3,
        hours=2.0,
        words_seconds=100.0,
        hop_ms=92.9,
        smoothing=4,
        refractory_seconds=1.0,
        tolerance_seconds=0.5,
        target_fa_per_hour=0.5,
        rates=RATES,
        noise="generated pink noise",
        snr_db=[10.0],
        skipped=[],
    )
    return whole


def shown(table):
    file = io.StringIO()
    Console(file=file, width=160).print(table)
    return file.getvalue()


def cells(text, name):
    [line] = [line for line in text.splitlines() if line.startswith(f"│ {name} ")]
    return [cell.strip() for cell in line.strip("│").split("│")]


def test_a_row_has_the_rates_that_the_hours_resolve_and_the_noise(run):
    text = shown(detections(run))
    assert "0.1 FA/h" not in " ".join(text.split())
    assert cells(text, "int8") == [
        "int8", "25.00 % (18.0 to 34.0)", "12.50 %", "0.5", "0.7500", "0.031", "62.50 %",
        "0.9877", "2.34 %",
    ]  # fmt: skip
    assert cells(text, "float32")[5] == "–"
    assert "unmeasured" not in text


def test_a_row_without_a_threshold_has_no_figures_at_one(run):
    row = cells(shown(detections(run)), "ceiling")
    assert [row[place] for place in (1, 3, 4, 5)] == ["–"] * 4


def test_notes_have_the_measurement_and_each_reason_once(run):
    assert detection_notes(run) == [
        "Continuous sound: False accepts are counted in 2 hours without the word (speech, 3 "
        "files). Misses are counted on 100 test clips of the word, each at a random moment of "
        "that sound (1.67 minutes of words). A window is scored every 93 ms, and the mean of 4 "
        "scores is compared with the threshold. After a detection, the next can come 1 s later. A "
        "detection counts for a word up to 0.5 s after its clip.",
        "FRR in noise is at the threshold chosen without noise. Noise: generated pink noise.",
        "1 model of windows was not measured in continuous sound: run again with --detect all.",
        "Not resolvable: 0.1 an hour needs 10 hours.",
        "ceiling: no threshold is strict enough.",
    ]


def test_what_holds_for_every_variant_names_none(run):
    run.variants = [
        measured(name, point(0.5, reason="the threshold is for 4 an hour"), p=1.0)
        for name in ("float32", "int8")
    ]
    assert detection_notes(run)[-1] == "The threshold is for 4 an hour."


def test_the_rule_of_a_device_is_described_for_detectors_in_a_stream():
    assert detection_notes(streamed())[0] == (
        "Continuous sound: False accepts are counted in 5 hours without the word (speech of no "
        "corpus, 12 files). Misses are counted on 40 test clips of the word, each at a random "
        "moment of that sound (1 minute of words). A detector in a stream gives an output every "
        "30 ms, and decides as ESPHome does: it detects when the mean of the last 5 outputs is "
        "strictly above the cutoff. After a start and after a detection it is deaf for a second of "
        "outputs below the cutoff. The first second of a recording, when it is always deaf, adds "
        "nothing to its hours. A detection counts for a word up to 0.75 s after its clip."
    )


def test_both_rules_are_described_where_both_kinds_were_measured():
    run = streamed()
    run.variants[2].detection = run.variants[0].detection
    text = detection_notes(run)[0]
    assert "A detector in a stream" in text
    assert "A window is scored every 30 ms" in text
    assert not [line for line in detection_notes(run) if "--detect all" in line]


def test_sources_are_those_of_the_recommended_model_or_of_the_best():
    run = streamed()
    text = shown(sources(run))
    assert "False accepts of stream by source of sound" in text
    assert cells(text, "meetings") == ["meetings", "2", "4", "2", "1 to 3"]
    run.recommendation.variant = "stream_qat"
    assert "of stream_qat by source" in shown(sources(run))
    run.recommendation = None
    assert "of stream by source" in shown(sources(run))


def test_without_sources_there_is_no_table_of_them(run):
    assert sources(run) is None


def test_without_detection_there_is_no_table(run):
    run.detection = None
    assert detections(run) is None
    assert detection_notes(run) == []
