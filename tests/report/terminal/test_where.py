"""Where a word is found, for a terminal: low scores first, and a summary."""

from __future__ import annotations

import io
from typing import Any

from rich.console import Console
from rich.table import Table

from stapes.contracts.evaluation import Check, Place, Where
from stapes.report.terminal import where as module
from stapes.report.terminal.tables import check_lines
from stapes.report.terminal.where import where_lines

PLACES = [
    Place(clip="yes/[b]d\x1b.wav", score=0.0),
    Place(clip="yes/c.wav", begin_seconds=0.1, end_seconds=0.2, score=0.12),
    Place(clip="yes/a.wav", begin_seconds=0.3, end_seconds=0.9, score=0.984),
]


def where_of(places=PLACES, **changed) -> Where:
    return Where(
        **{"run": "runs/yes", "not_found": 2, "median_end_seconds": 0.9, "clips": places, **changed}
    )


def shown(lines: list[Any]) -> str:
    file = io.StringIO()
    console = Console(file=file, width=120)
    for line in lines:
        console.print(line, markup=False)
    return file.getvalue()


def cells(text: str, name: str) -> list[str]:
    [line] = [line for line in text.splitlines() if name in line]
    return [cell for cell in line.replace("│", " ").replace("┃", " ").split() if cell]


def test_each_clip_has_its_end_and_its_score():
    text = shown(where_lines(where_of())[:1])
    assert "Where runs/yes finds the word" in text
    assert cells(text, "a.wav") == ["yes/a.wav", "0.30", "0.90", "0.98"]
    assert cells(text, "[b]d")[1:] == ["-", "-", "0.00"]
    assert "\x1b" not in text
    places = [text.index(name) for name in ("[b]d", "c.wav", "a.wav")]
    assert places == sorted(places)


def test_a_summary_names_the_clips_to_listen_to():
    _, median, listen = where_lines(where_of())
    assert median == "The word ends at 0.90 s in the median."
    assert str(listen).startswith("2 of 3 clips have a score below 0.5: no word was found. Listen")
    _, found = where_lines(where_of(PLACES[2:], not_found=0, median_end_seconds=None))
    assert found == "The word was found in each of 1 clip."


def test_a_long_list_is_cut(monkeypatch):
    monkeypatch.setattr(module, "_MOST", 2)
    table, left, *_ = where_lines(where_of())
    assert isinstance(table, Table)
    assert left == "... and 1 more clip: see `where` with --json"
    assert table.row_count == 2


def test_a_check_shows_it_where_a_run_was_named():
    check = Check(
        data="recordings", split_rule="by a hash", synthetic=False, usable=3, labels=[],
        speakers={"train": None}, skipped=[],
    )  # fmt: skip
    before = len(check_lines(check))
    check.where = where_of()
    assert len(check_lines(check)) == before + 3
