"""What strangers name reaches the terminal without what it obeys, and not without end."""

from __future__ import annotations

import io
import sys

import pytest
from rich.console import Console

from stapes.cli import app
from stapes.cli.common import show
from stapes.errors import UsageError
from stapes.report.terminal.grid import grid
from stapes.report.terminal.progress import progress_on

EVIL = "\x1b]0;owned\x07\x9b31m\u202e"


def harmless(text: str) -> bool:
    return all(char.isprintable() or char == "\n" for char in text)


@pytest.mark.parametrize("error", [UsageError(EVIL), OSError(28, EVIL, EVIL), ValueError(EVIL)])
def test_an_error_is_harmless(error, monkeypatch, capsys):
    def fail(**_: object) -> None:
        raise error

    monkeypatch.setattr(app, "app", fail)
    monkeypatch.setattr(sys, "argv", ["stapes"])
    with pytest.raises(SystemExit):
        app.main()
    text = capsys.readouterr().err
    assert "owned" in text
    assert harmless(text)


def test_an_error_about_a_long_name_is_short(monkeypatch, capsys):
    def fail(**_: object) -> None:
        raise UsageError(f"The op {'x' * 20_000} is unknown: remove it.")

    monkeypatch.setattr(app, "app", fail)
    with pytest.raises(SystemExit):
        app.main()
    text = capsys.readouterr().err
    assert len(text) < 300
    assert text.endswith("x is unknown: remove it.\n")


def test_lines_tables_and_progress_are_harmless():
    file = io.StringIO()
    console = Console(file=file, width=500)
    table = grid("cells", ["one", "~two"], [(EVIL, EVIL + "\nline"), ("x" * 9000, "y")])
    show(None, lambda _: [EVIL, "x" * 9000, table], console, False)
    progress = progress_on(console)
    progress.begin(EVIL)
    progress.update(1, 2, EVIL)
    progress.note(EVIL)
    progress.end(EVIL)
    text = file.getvalue()
    assert text.count("owned") == 7
    assert harmless(text)
    assert text.count("x") < 500
