"""The page's tables say what results.json says."""

from __future__ import annotations

import pytest
from tests.report.results_by_hand import beep, known, misses, results, row, searched, whole

from stapes.contracts.measurements import TargetResult, TestClip
from stapes.report.page import clips as page_clips
from stapes.report.page import notes as page_notes
from stapes.report.page.detection import how, rates_table
from stapes.report.page.table import heads, rows, said_of
from stapes.report.style import probability


@pytest.fixture(scope="module")
def run():
    return whole()


@pytest.fixture(scope="module")
def table(run):
    """Each row's cells by the head of their column."""
    names = [head.text for head in heads(run)]
    return {each.name: dict(zip(names, each.cells, strict=True)) for each in rows(run)}


def test_a_row_is_held_against_float32(table):
    qat = table["qat"]
    assert qat["size ×"].text == "0.289"
    assert qat["points"].text == "−5.00"
    assert qat["points"].value == pytest.approx(-5)
    assert qat["p"].text == "1.00"
    assert table["float32"]["points"].text == ""


def test_a_row_tells_its_accuracy_with_its_interval(table):
    cell = table["int8"]["accuracy"]
    assert (cell.text, cell.below) == ("90.00 %", "80.0 to 95.0")
    assert table["int8"]["missed"].value == 2


def test_a_row_tells_false_rejects_at_the_operating_point(run, table):
    chosen = run.variants[1].detection.chosen
    assert table["int8"]["FRR"].value == chosen.frr
    assert "false accepts an hour" in table["int8"]["FRR"].title


def test_where_it_runs_and_why_not(table):
    assert table["int8"]["LiteRT"].kind == "yes"
    assert (table["int8"]["TFLM"].text, table["int8"]["TFLM"].kind) == ("✗", "no")
    assert table["int8"]["TFLM"].title == "no: hybrid models are not supported"
    assert table["small"]["U55"].kind == "part"


def test_the_reasons_stand_among_the_details(run):
    int8 = next(each for each in rows(run) if each.name == "int8")
    assert ("TFLM", "no: hybrid models are not supported") in int8.details
    assert int8.best


def test_a_target_in_words():
    found = TargetResult(
        runs=True,
        arena_bytes=23_600,
        n_compared=40,
        decisions_that_differ=2,
        cpu_ops=["SOFTMAX: x"],
    )
    assert said_of(found) == (
        "in part, 23,600 bytes of arena, decides otherwise than LiteRT on 2 of 40 clips, "
        "on the CPU: SOFTMAX: x"
    )
    assert said_of(None) == "not measured"


def test_words_missed_among_the_clips_have_a_column_where_any_were_counted(table):
    found = results(row("float32", misses=misses(0.05)), row("int8"))
    names = [head.text for head in heads(found)]
    assert names[7:10] == ["false", "FRR at 0.5 %", "FRR"]
    first, second = (dict(zip(names, each.cells, strict=True)) for each in rows(found))
    cell = first["FRR at 0.5 %"]
    assert (cell.text, cell.below) == ("5.00 %", "2.5 to 10.0")
    assert cell.title == "at 0.5 % false positives, threshold 0.875"
    assert second["FRR at 0.5 %"].value is None
    assert "FRR at 0.5 %" not in table["int8"]


def test_a_search_has_no_column_of_what_it_does_not_measure():
    found = searched()
    assert "FRR" not in [head.text for head in heads(found)]
    assert len(rows(found)[1].cells) == len(heads(found))
    [said] = [text for name, text in rows(found)[1].details if name == "against float32"]
    assert "at 0.5 % false positives +1.5 points of words missed (-1.0 to +4.0, p 0.25)" in said


def test_an_older_run_has_dashes():
    [cells] = [each.cells for each in rows(results(row("float32")))]
    assert [cell.text for cell in cells[-5:]] == ["–"] * 5


@pytest.mark.parametrize(("p", "text"), [(0.0001, "< 0.001"), (0.0312, "0.031"), (0.5, "0.50")])
def test_p_values(p, text):
    assert probability(p) == text


def test_rates_that_cannot_be_resolved_say_why(run):
    found = known(rates_table(run))
    assert found.heads[:4] == ["at 0.1/h", "at 0.5/h", "at 1/h", "at 2/h"]
    name, cells = found.rows[1]
    assert name == "int8"
    assert (cells[0].text, cells[0].value) == ("not resolvable", None)
    assert cells[2].below
    assert found.heads[4:6] == ["at the threshold", "false/h"]
    assert found.reasons == ["At 0.1 an hour: 3 hours resolve no rate below 0.33 an hour."]
    assert "3 hours without the word" in how(run)
    assert "a window every 100 ms, the mean of 3 scores" in how(run)


def test_the_hardest_clips_come_first(run):
    found = known(page_clips.wrong_clips(run))
    counts = [len(clip.wrong) for clip in found.shown]
    assert counts == sorted(counts, reverse=True)
    assert (found.shown[0].name, found.shown[0].models) == ("house/0000.wav", "all")
    assert found.shown[0].mistake == "missed"
    assert found.shown[0].sound
    assert any(clip.mistake == "false accept" for clip in found.shown)
    assert page_clips.summary(found, 40) == (
        "10 of 40 test clips are decided wrongly by some model, 4 by every one."
    )


def test_the_models_of_a_clip_are_named_in_few_words():
    names = ("a", "b", "c")
    wrong = ([0, 1], [0], [0])
    clips = [TestClip(name=f"{n}.wav", label="house", word=True) for n in range(2)]
    made = [row(name, wrong=each) for name, each in zip(names, wrong, strict=True)]
    found = known(page_clips.wrong_clips(results(*made, clips=clips)))
    assert [clip.models for clip in found.shown] == ["all", "a"]
    made[2] = row("c")
    found = known(page_clips.wrong_clips(results(*made, clips=clips)))
    assert found.shown[0].models == "all but c"


def test_many_clips_and_much_sound_are_cut_and_counted():
    sound = "A" * 300_000
    clips = [
        TestClip(name=f"{n}.wav", label="house", word=True, sound=sound if n < 4 else None)
        for n in range(500)
    ]
    found = known(page_clips.wrong_clips(results(row("a", wrong=list(range(500))), clips=clips)))
    assert (len(found.shown), found.left_out) == (200, 300)
    assert sum(bool(clip.sound) for clip in found.shown) == 2
    assert "2 sounds had no room" in page_clips.summary(found, 500)


def test_confusion(run):
    matrix = next(each for each in page_clips.matrices(run) if each.name == "int8")
    assert [number for _, number, _ in matrix.cells] == [18, 2, 2, 18]
    assert [part for _, _, part in matrix.cells] == [0.9, 0.1, 0.1, 0.9]


def test_notes_name_their_models(run):
    taken = dict(page_notes.not_taken(run))
    assert taken["two epochs"] == ["qat"]
    assert len(taken["dense: the last layer is left as it is"]) == 4
    refused = page_notes.not_run(run)
    assert ("U85", "not tried: install stapes[npu]", [r.name for r in run.variants]) in refused
    assert page_notes.models([r.name for r in run.variants], run) == "all 4 models"


def test_settings_in_one_list(run):
    assert page_notes.flat(run.settings) == [
        ("word", "house"),
        ("train.epochs", "3"),
        ("train.keep_best", "true"),
    ]
    assert page_notes.flat({"a": None, "b": [1, 2]}) == [("a", "none"), ("b", "1, 2")]


def test_the_tone_of_these_tests_is_an_mp3():
    assert len(beep(440)) > 500
