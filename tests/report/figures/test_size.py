"""The figure of sizes has false rejects in continuous sound where they were measured."""

from __future__ import annotations

import pytest
from tests.report.results_by_hand import in_stream, known, results, row, streamed, whole

from stapes.report.figures.size import size
from stapes.report.page.comparison import size_of_both
from stapes.report.style import staircase
from stapes.report.writing import picture

CLIPS = (row("float32"), row("int8", 23_000), row("qat", 23_100, 34), row("small", 5_000, 30))


def by_name(chart):
    return {series.name: series for series in chart.series}


def test_accuracy_where_nothing_was_measured_in_sound():
    chart = known(size(results(*CLIPS)))
    assert (chart.title, chart.y.title) == ("Size against accuracy", "accuracy [%]")
    int8 = by_name(chart)["int8"]
    assert (int8.x, int8.y) == ([23_000], [90.0])
    assert (int8.low, int8.high) == ([pytest.approx(80)], [pytest.approx(95)])
    assert chart.x.log
    assert chart.x.low < 5_000 < 80_000 < chart.x.high


def test_false_rejects_in_sound_of_the_rows_that_have_them():
    run = streamed()
    chart = known(size(run))
    assert chart.title == "Size against FRR at 1 FA/h"
    # The model of windows was not measured in sound, and has no place on the axis.
    assert list(by_name(chart)) == ["stream", "stream_qat"]
    stream = by_name(chart)["stream"]
    assert (stream.x, stream.y) == ([8_000], [5.0])
    assert (stream.low, stream.high) == ([pytest.approx(2.5)], [pytest.approx(10.0)])
    assert stream.hover == ["stream\n8,000 bytes\nFRR 5.00 %, 95 %: 2.5 to 10.0"]
    assert chart.y.low == 0


def test_a_row_without_a_threshold_has_no_place():
    run = streamed()
    known(run.variants[0].detection).chosen.frr = None
    assert list(by_name(known(size(run)))) == ["stream_qat"]


def test_a_rate_without_an_interval_has_a_point():
    run = streamed()
    known(run.variants[0].detection).chosen.frr_ci95 = None
    stream = by_name(known(size(run)))["stream"]
    assert stream.low == stream.y == stream.high


def test_the_dotted_line_is_the_best_for_the_size():
    rows = list(CLIPS)
    assert [row.name for row in staircase(rows)] == ["small", "int8"]
    chart = known(size(results(*rows)))
    assert chart.guide[:3] == [(5_000, 75.0), (23_000, 75.0), (23_000, 90.0)]
    assert chart.guide[-1] == (chart.x.high, 90.0)


def test_the_dotted_line_goes_down_where_fewer_false_rejects_are_better():
    rows = [in_stream("small", 5_000, 0.5), in_stream("large", 9_000, 0.25)]
    rows += [in_stream("worse", 9_500, 0.375), row("window", 1_000, 40)]
    assert [row.name for row in staircase(rows)] == ["small", "large"]
    chart = known(size(results(*rows)))
    assert chart.guide[:3] == [(5_000, 50.0), (9_000, 50.0), (9_000, 25.0)]


def test_points_that_hide_each_other_name_each_other():
    chart = known(size(results(row("float32"), row("pruned", 80_010), row("int8", 23_000))))
    series = by_name(chart)
    assert "at the same place: pruned" in series["float32"].hover[0]
    assert "same place" not in series["int8"].hover[0]


def test_two_runs_are_drawn_by_what_both_have():
    names = ("one", "other")
    chart = known(size_of_both(streamed(), whole(), names))
    assert chart.y.title == "FRR in sound [%]"
    chart = known(size_of_both(streamed(), results(*CLIPS), names))
    assert chart.y.title == "accuracy [%]"


def test_the_picture_names_what_it_was_measured_on():
    assert "40 words, 5 hours without" in picture(streamed())
    assert "the fewest false rejects" in picture(streamed())
    assert "40 test clips" in picture(results(*CLIPS))


def test_a_run_without_a_model_has_no_figure():
    assert size(results()) is None
