"""The front for a terminal, from results by hand."""

from __future__ import annotations

import io

from rich.console import Console
from tests.report.results_by_hand import refused, results, row, search, searched, trial, whole

from stapes.report.terminal.search import front, search_notes


def shown(table):
    file = io.StringIO()
    Console(file=file, width=160, color_system=None).print(table)
    return file.getvalue()


def cells(text, number):
    lines = [
        [cell.strip() for cell in line.strip("│").split("│")]
        for line in text.splitlines()
        if line.startswith("│")
    ]
    [row] = [line for line in lines if line[0] == str(number)]
    return row


def test_a_row_has_the_figures_of_validation():
    text = shown(front(searched()))
    assert "FRR at 0.5 % false positives on validation clips" in text
    assert cells(text, 12) == [
        "12", "best", "ds_cnn of 20 filters, 20 MFCCs, int8", "3,900", "6,900", "117,000", "1.25 %",
    ]  # fmt: skip
    assert cells(text, 46)[1] == ""


def test_an_unknown_value_is_a_dash():
    bare = trial(0, front=True, arena_bytes=None, macs=None)
    text = shown(front(results(row("float32"), search=search(bare))))
    assert cells(text, 0)[3:] == ["4,000", "–", "–", "10.00 %"]


def test_brackets_are_no_markup():
    hostile = trial(0, summary="[red]x[/b]", variant="[bold]")
    text = shown(front(results(search=search(hostile, metric="[/x]"))))
    assert cells(text, 0)[1:3] == ["[bold]", "[red]x[/b]"]
    assert "[/x]" in text


def test_notes_list_the_trials_the_choice_and_the_test():
    tried, by, chosen, test = search_notes(searched())
    assert tried.startswith("100 models were tried")
    assert by.startswith("Models were chosen by")
    assert chosen.startswith("Chosen: trial 12")
    assert test.startswith("On the test clips, which no choice used")


def test_a_search_without_a_result():
    nothing = results(row("float32"), search=search(refused(0)))
    assert front(nothing).row_count == 0
    assert search_notes(nothing)[-1].endswith("none was chosen.")
    assert front(whole()).row_count == 0
    assert search_notes(whole()) == []
