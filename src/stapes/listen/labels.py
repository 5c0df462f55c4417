"""Label tracks of Audacity: begin, end and text of each label, with tabs between them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from stapes.contracts.listening import Heard
from stapes.system.files import write_text
from stapes.system.text import printable


def write(path: Path, heard: Sequence[Heard]) -> None:
    """Write a label track in one step, for File > Import > Labels."""
    write_text(path, "".join(map(_line, sorted(heard, key=lambda one: one.seconds))))


def path_of(path: Path, name: str, *, alone: bool) -> Path:
    """The track of a recording: of one of many, a file of its name below the path."""
    return path if alone else path / f"{name}.txt"


def _line(heard: Heard) -> str:
    kind = "" if heard.event == "detection" else " near miss"
    moment = f"{heard.seconds:.3f}"
    return f"{moment}\t{moment}\t{printable(heard.model)}{kind} {heard.score:.3f}\n"
