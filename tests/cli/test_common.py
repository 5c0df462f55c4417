"""What a command prints."""

from __future__ import annotations

import io

import pytest
from rich.console import Console
from tests.report.results_by_hand import streamed, whole

from stapes.cli.common import results_lines, show
from stapes.report.terminal.tables import table


def test_a_sentence_has_neither_markup_nor_control_characters() -> None:
    file = io.StringIO()
    show(None, lambda _: ["[red]a\x1b[31mb.wav[/red]"], Console(file=file), json=False)
    assert file.getvalue() == "[red]a·[31mb.wav[/red]\n"


@pytest.mark.parametrize("width", [40, 80, 200])
def test_a_narrow_terminal_has_fewer_columns_and_no_number_is_cut(width) -> None:
    file = io.StringIO()
    show(None, lambda _: [table(whole())], Console(file=file, width=width), json=False)
    text = file.getvalue()
    assert "…" not in text
    assert "23,000" in text
    assert max(map(len, text.splitlines()[1:])) <= width  # Its title is a sentence.
    assert ("more column" in text) == (width < 200)


def test_a_recommended_row_that_a_device_takes_comes_with_the_next_step() -> None:
    def steps(results):
        lines = results_lines(results, verbose=False)
        return [line for line in lines if "stapes export" in str(line)]

    step = "`stapes export RUN --to esphome -o DIR` writes the files for a device."
    assert steps(streamed()) == [step]
    refused = streamed()
    refused["stream"].targets["esphome"].runs = False
    assert steps(refused) == []
    none = streamed()
    assert none.recommendation is not None
    none.recommendation.variant = None
    assert steps(none) == []
    # The last line is the recommendation.
    assert results_lines(streamed(), verbose=False)[-1] == "Ship stream, 8,000 bytes."
