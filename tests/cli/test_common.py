"""What a command prints."""

from __future__ import annotations

import io

import pytest
from rich.console import Console
from tests.report.results_by_hand import whole

from stapes.cli.common import show
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
