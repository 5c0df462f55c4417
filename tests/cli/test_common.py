"""What a command prints."""

from __future__ import annotations

import io

from rich.console import Console

from stapes.cli.common import show


def test_a_sentence_has_neither_markup_nor_control_characters() -> None:
    file = io.StringIO()
    show(None, lambda _: ["[red]a\x1b[31mb.wav[/red]"], Console(file=file), json=False)
    assert file.getvalue() == "[red]a·[31mb.wav[/red]\n"
