"""Two runs are paired by name, and their differences are listed."""

from __future__ import annotations

import io
import json

import pytest
from pydantic_core import to_json
from rich.console import Console
from tests.report.results_by_hand import (
    known,
    measured,
    results,
    row,
    searched,
    streamed,
    trial,
    whole,
)

from stapes.contracts.results import write
from stapes.errors import StapesError, UsageError
from stapes.report import writing
from stapes.report.page.comparison import compare, comparison_page, lines, sentences, size_of_both
from stapes.report.writing import write_comparison, write_report

NAMES = ("first", "second")


@pytest.fixture(scope="module")
def other():
    run = measured(results(row("float32", 80_000, 38), row("int8", 22_000, 30), row("new")))
    return run.model_copy(update={"seed": 7, "settings": {"word": "house", "train": {"epochs": 5}}})


def test_models_are_paired_by_name(other):
    comparison = compare(whole(), other, NAMES)
    assert [pair.name for pair in comparison.pairs] == ["float32", "int8"]
    assert comparison.only == (["qat", "small"], ["new"])
    assert [column.key for column in comparison.columns] == [
        *("bytes", "tflm_arena_bytes", "frr", "frr_at_10_db", "accuracy")
    ]
    int8 = comparison.pairs[1]
    assert [cell.value for cell in int8.cells[0]] == [23_000, 22_000]
    assert int8.cells[2][0].value is not None


def test_the_difference_is_of_false_rejects_where_both_runs_have_them():
    other = streamed()
    known(other.variants[0].detection).chosen.frr = 0.125
    comparison = compare(streamed(), other, NAMES)
    assert comparison.by_frr
    assert [pair.points.text for pair in comparison.pairs] == ["+7.50", "+0.00", "–"]
    html = comparison_page(streamed(), other, NAMES)
    assert f"FRR in sound of {NAMES[1]} minus that of {NAMES[0]}, in percentage points." in html
    clips = compare(results(row("int8", right=38)), results(row("int8", right=32)), NAMES)
    assert not clips.by_frr
    assert clips.pairs[0].points.value == pytest.approx(-0.15)


def test_differences_are_listed(other):
    comparison = compare(whole(), other, NAMES)
    assert ("seed", "0", "7") in comparison.settings
    assert ("train.epochs", "3", "5") in comparison.settings
    assert ("train.keep_best", "true", "not set") in comparison.settings
    assert not [name for name, _, _ in comparison.settings if name == "word"]
    assert comparison.same_clips


def test_equal_runs_have_no_differences():
    comparison = compare(whole(), whole(), NAMES)
    assert (comparison.settings, comparison.only) == ([], ([], []))
    assert sentences(comparison) == [
        "The test clips are the same.",
        "The settings, versions and data are the same.",
    ]


def test_runs_from_before_there_were_settings_do_not_differ_in_each_of_them(other):
    comparison = compare(results(row("float32")), other, NAMES)
    assert [name for name, _, _ in comparison.settings] == ["seed"]
    assert comparison.same_clips is None
    assert "A run does not list its settings: see its run.yaml." in sentences(comparison)


def test_the_terminal_has_a_row_a_pair(other):
    file = io.StringIO()
    console = Console(file=file, width=160, color_system=None)
    for line in lines(compare(whole(), other, ("[red]one", "two"))):
        console.print(line, markup=False, highlight=False)
    text = file.getvalue()
    [int8] = [line for line in text.splitlines() if line.startswith("│ int8")]
    assert [cell.strip() for cell in int8.strip("│").split("│")] == [
        *("int8", "+0.00", "23,000", "22,000", "no", "no", "5.00 %", "5.00 %"),
        *("20.00 %", "20.00 %", "90.00 %", "75.00 %"),
    ]
    assert "[red]one" in text
    assert "Only in two: new." in text
    assert "seed: 0, 7" in text


def test_a_trial_of_one_number_is_another_model_in_another_search():
    one, two = searched(), searched()
    [first] = [one for one in known(two.search).trials if one.variant == "trial_0"]
    first.candidate = trial(1).candidate
    pairs = [pair.name for pair in compare(one, two, NAMES).pairs]
    assert pairs == ["float32", "best", "trial_4"]
    assert compare(one, two, NAMES).only == (["trial_0"], ["trial_0"])
    assert [pair.name for pair in compare(one, searched(), NAMES).pairs][2:] == [
        "trial_0",
        "trial_4",
    ]


def test_a_search_and_a_run_are_compared():
    assert [pair.name for pair in compare(whole(), searched(), NAMES).pairs] == ["float32"]
    assert "best" in comparison_page(whole(), searched(), NAMES)


def test_the_chart_has_both_runs(other):
    chart = known(size_of_both(whole(), other, NAMES))
    assert [series.name for series in chart.series] == list(NAMES)
    assert [len(series.x) for series in chart.series] == [4, 3]
    assert size_of_both(results(), results(), NAMES) is None


def test_the_page_has_the_same_sentences(other):
    text = comparison_page(whole(), other, ("<b>one", "two"))
    assert "&lt;b&gt;one" in text
    assert "<b>one" not in text
    assert "train.keep_best" in text
    assert "Only in two: new." in text
    assert text == comparison_page(whole(), other, ("<b>one", "two"))


def test_runs_without_a_common_model_have_a_page():
    assert "No model is in both runs." in comparison_page(results(), results(), NAMES)


@pytest.fixture
def folders(tmp_path, other):
    for name, run in (("a", whole()), ("b", other)):
        (tmp_path / name).mkdir()
        write(run, tmp_path / name / "results.json")
    return tmp_path / "a", tmp_path / "b"


def test_what_report_writes_of_one_run(folders, tmp_path):
    run, _ = folders
    write_report(run, plot=tmp_path / "plot.svg")
    assert sorted(path.name for path in run.iterdir()) == [
        "report.html",
        "results.csv",
        "results.json",
    ]
    assert (tmp_path / "plot.svg").read_text("utf-8").startswith("<svg")
    write_report(run, page=tmp_path / "else.html")
    assert (tmp_path / "else.html").read_bytes() == (run / "report.html").read_bytes()


def test_what_report_writes_of_two_runs(folders):
    run, other = folders
    comparison = write_comparison(run, other)
    assert comparison.names == ("a", "b")
    assert (run / "comparison-b.html").is_file()
    assert not (run / "results.csv").exists()


def test_folders_with_the_same_name_have_their_parents_in_their_names(folders, tmp_path):
    run, other = folders
    (tmp_path / "c").mkdir()
    same = other.rename(tmp_path / "c" / "a")
    assert write_comparison(run, same).names == (f"{tmp_path.name}/a", "c/a")


def test_a_run_is_not_compared_with_itself(folders):
    with pytest.raises(UsageError, match="compared with"):
        write_comparison(folders[0], folders[0])


def test_a_folder_without_results_is_named(folders, tmp_path):
    with pytest.raises(StapesError, match="empty"):
        write_comparison(folders[0], tmp_path / "empty")


@pytest.mark.parametrize(
    ("options", "option"),
    [({"page": "results.json"}, "page"), ({"plot": "picture.png"}, "plot")],
)
def test_another_kind_of_file_is_not_written_over(folders, options, option):
    first, _ = folders
    before = (first / "results.json").read_bytes()
    with pytest.raises(UsageError, match=f"{option} .*name a file that ends in"):
        write_report(first, **{name: first / file for name, file in options.items()})
    assert (first / "results.json").read_bytes() == before


def test_a_comparison_is_plain_data():
    document = json.loads(to_json(compare(whole(), whole(), ("one", "two"))))
    assert [column["title"] for column in document["columns"]][:1] == ["file bytes"]
    assert "<function" not in repr(compare(whole(), whole(), ("one", "two")))


def test_a_run_in_a_folder_that_cannot_be_written_has_its_page_elsewhere(tmp_path, monkeypatch):
    def refuse(*_):
        raise OSError(30, "Read-only file system")

    run = tmp_path / "run"
    write(whole(), run / "results.json")
    monkeypatch.setattr(writing, "write_csv", refuse)
    with pytest.raises(UsageError, match=r"Read-only file system\); name another place with page"):
        write_report(run)
    write_report(run, page=tmp_path / "page.html")
    assert (tmp_path / "page.html").is_file()
    assert [path.name for path in run.iterdir()] == ["results.json"]
