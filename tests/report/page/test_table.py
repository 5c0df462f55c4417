"""The page's tables have the values of results.json."""

from __future__ import annotations

import pytest
from tests.report.results_by_hand import (
    beep,
    known,
    misses,
    results,
    row,
    searched,
    streamed,
    whole,
)

from stapes.contracts.measurements import TargetResult, TestClip
from stapes.report.page import clips as page_clips
from stapes.report.page.table import rows, shown_columns, sound_table, sources_table
from stapes.report.sound import how
from stapes.report.target_columns import sentence


@pytest.fixture(scope="module")
def run():
    return whole()


@pytest.fixture(scope="module")
def table(run):
    """Each row's cells by the title of their column."""
    return cells_of(run)


def cells_of(run):
    shown = shown_columns(run)
    names = [column.title for column in shown]
    return {row.name: dict(zip(names, row.cells, strict=True)) for row in rows(run, shown)}


def details_of(run):
    """Each row's details."""
    return {row.name: row.details for row in rows(run, shown_columns(run))}


def test_a_row_is_compared_with_float32(table):
    qat = table["qat"]
    assert "size ×" not in qat  # It is among the details.
    assert qat["points"].text == "-5.00"
    assert qat["points"].value == pytest.approx(-0.05)
    assert qat["p"].text == "1.00"
    assert table["float32"]["points"].text == "–"


def test_a_row_has_its_accuracy_with_its_interval(table):
    cell = table["int8"]["accuracy"]
    assert (cell.text, cell.interval) == ("90.00 %", "80.0 to 95.0")
    # Where continuous sound was measured, errors of clips are among the details.
    assert "misses" not in table["int8"]
    assert cells_of(results(row("float32"), row("int8")))["int8"]["misses"].value == 2


def test_a_row_has_false_rejects_at_the_operating_point(run, table):
    chosen = run.variants[1].detection.chosen
    assert table["int8"]["FRR at 0.5 FA/h"].value == chosen.frr
    assert table["int8"]["FRR at 0.5 FA/h"].note == "threshold 0.800, 0.333 FA/h"


def test_a_row_has_the_targets_that_run_it_and_reasons_of_the_others(table):
    assert table["int8"]["LiteRT"].text == "yes"
    assert table["int8"]["TFLM"].text == "no"
    assert table["int8"]["TFLM"].note == "no: hybrid models are not supported"
    assert table["small"]["U55"].text == "in part"
    # It was tried with no model.
    assert "U85" not in table["int8"]


def test_the_details_have_the_reasons_and_all_that_the_table_leaves_out(run):
    details = details_of(run)["int8"]
    assert ("TFLM", "no: hybrid models are not supported") in details
    assert ("data bytes", "22,000") in details
    assert ("FRR in sound minus float32's", "+5.00 (-2.0 to +12.0)") in details
    assert not [title for title, _ in details if title in ("file bytes", "accuracy")]
    assert [row.name for row in rows(run, shown_columns(run)) if row.best] == ["int8"]


def test_a_target_that_this_version_does_not_know_is_among_the_details():
    later = TargetResult(runs=False, reason="too large")
    run = results(row("float32", targets={"later": later}))
    assert ("later", "no: too large") in details_of(run)["float32"]


def test_the_details_name_the_paper_of_a_technique():
    details = details_of(results(row("float32"), row("qat"), row("a_later_one")))
    assert ("source", "Jacob et al. 2018, arXiv:1712.05877") in details["qat"]
    assert not [title for title, _ in details["a_later_one"] if title == "source"]


def test_a_target_in_words():
    result = TargetResult(
        runs=True,
        configuration="one core",
        n_compared=40,
        decisions_that_differ=2,
        cpu_ops=["SOFTMAX: x"],
    )
    assert sentence(result) == (
        "in part, one core, differs from LiteRT on 2 of 40 inputs, on the CPU: SOFTMAX: x"
    )
    assert sentence(None) == "not measured"
    untried = TargetResult(runs=False, tried=False, reason="not tried: install stapes[npu]")
    assert sentence(untried) == "not tried: install stapes[npu]"


def test_frr_of_clips_has_a_column_where_it_was_measured(table):
    cells = cells_of(results(row("float32", misses=misses(0.05)), row("int8")))
    cell = cells["float32"]["FRR of clips"]
    assert (cell.text, cell.interval) == ("5.00 %", "2.5 to 10.0")
    assert cell.note == "at 0.5 % false positives, threshold 0.875"
    assert cells["int8"]["FRR of clips"].value is None
    assert "FRR of clips" not in table["int8"]


def test_a_search_has_no_column_of_what_it_does_not_measure():
    assert "FRR in sound" not in cells_of(searched())["best"]
    assert ("FRR of clips minus float32's", "+1.50 (-1.0 to +4.0)") in details_of(searched())[
        "best"
    ]


def test_rates_that_cannot_be_resolved_have_a_reason_instead_of_a_column(run):
    sound = known(sound_table(run))
    assert [column.title for column in sound.columns] == [
        *("FRR at 0.5 FA/h", "FRR at 1 FA/h", "FRR at 2 FA/h", "FA/h", "threshold"),
        *("p of FRR in sound", "FRR at 20 dB", "FRR at 10 dB", "FRR at 5 dB", "FRR at 0 dB"),
        *("AUC", "EER"),
    ]
    name, cells = sound.rows[1]
    assert name == "int8"
    assert cells[2].interval
    assert sound.reasons == ["At 0.1 FA/h 3 hours resolve no rate below 0.33 an hour."]
    assert "3 hours without the word" in how(run)
    assert "A window is scored every 100 ms, and the mean of 3 scores is" in how(run)


def test_the_hardest_clips_come_first(run):
    clips = known(page_clips.wrong_clips(run))
    counts = [len(clip.wrong) for clip in clips.shown]
    assert counts == sorted(counts, reverse=True)
    assert (clips.shown[0].name, clips.shown[0].models) == ("house/0000.wav", "all")
    assert clips.shown[0].mistake == "miss"
    assert clips.shown[0].sound
    assert any(clip.mistake == "false positive" for clip in clips.shown)
    assert page_clips.summary(clips, 40) == (
        "At least one model gets 10 of 40 test clips wrong; every model gets 4 wrong."
    )


def test_the_models_of_a_clip_are_named_in_few_words():
    names = ("a", "b", "c")
    wrong = ([0, 1], [0], [0])
    clips = [TestClip(name=f"{n}.wav", label="house", word=True) for n in range(2)]
    models = [row(name, wrong=indices) for name, indices in zip(names, wrong, strict=True)]
    wrong_clips = known(page_clips.wrong_clips(results(*models, clips=clips)))
    assert [clip.models for clip in wrong_clips.shown] == ["all", "a"]
    models[2] = row("c")
    wrong_clips = known(page_clips.wrong_clips(results(*models, clips=clips)))
    assert wrong_clips.shown[0].models == "all except c"


def test_many_clips_and_much_sound_are_cut_and_counted():
    sound = "A" * 300_000
    clips = [
        TestClip(name=f"{n}.wav", label="house", word=True, sound=sound if n < 4 else None)
        for n in range(500)
    ]
    wrong = known(page_clips.wrong_clips(results(row("a", wrong=list(range(500))), clips=clips)))
    assert (len(wrong.shown), wrong.left_out) == (200, 300)
    assert sum(bool(clip.sound) for clip in wrong.shown) == 2
    assert "2 sounds did not fit" in page_clips.summary(wrong, 500)


def test_confusion(run):
    matrix = next(matrix for matrix in page_clips.matrices(run) if matrix.name == "int8")
    assert [title for title, _, _ in matrix.cells][1:3] == ["misses", "false positives"]
    assert [number for _, number, _ in matrix.cells] == [18, 2, 2, 18]
    assert [part for _, _, part in matrix.cells] == [0.9, 0.1, 0.1, 0.9]


def test_the_sound_of_these_tests_is_an_mp3():
    assert len(beep(440)) > 500


def test_false_accepts_have_a_row_for_each_source_of_sound():
    table = known(sources_table(streamed()))
    assert table.models == ["stream", "stream_qat"]
    assert [source for source, _ in table.rows] == ["meetings", "read speech"]
    hours, stream, _ = table.rows[0][1]
    assert (hours.text, stream.text, stream.interval) == ("2", "2", "1 to 3")
    assert stream.note == "4 false accepts"
    assert sources_table(whole()) is None


def test_a_source_of_one_model_alone_is_not_measured_for_the_others():
    run = streamed()
    known(known(run.variants[1].detection).by_source).pop()
    [_, (source, cells)] = known(sources_table(run)).rows
    assert (source, [cell.text for cell in cells]) == ("read speech", ["3", "0.333", "–"])


def test_the_page_shows_what_matters_first():
    run = streamed()
    shown = shown_columns(run)
    assert [column.title for column in shown[:8]] == [
        *("file bytes", "arena bytes", "FRR at 1 FA/h", "FRR at 10 dB", "delay s", "ESPHome"),
        *("TFLM agrees", "accuracy"),
    ]
    first, _, window = rows(run, shown)
    assert first.best
    assert [cell.text for cell in first.cells[:8]] == [
        *("8,000", "11,000", "5.00 %", "5.00 %", "0.12", "yes", "yes", "90.00 %")
    ]
    assert [cell.text for cell in window.cells[2:5]] == ["–", "–", "–"]
