"""All forms in which a model can be exported. A form is its file and an entry here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from stapes.contracts.export import ExportCheck
from stapes.export import esphome
from stapes.export.checks.esphome import checks
from stapes.export.source import Source
from stapes.system.progress import Progress


@dataclass(frozen=True)
class Form:
    """What a device takes."""

    target: str
    """The target that must run the model, by its name in results.json."""
    stem: Callable[[Source, str | None], str]
    """The name of the files, from an option or the wake word."""
    files: Callable[[Source, str, str], Mapping[str, bytes]]
    """Contents by name, from the source, the name, and the mark of the signed file."""
    arena_size: Callable[[int], int]
    """The arena that the files ask for, from the smallest [bytes]."""
    checks: Callable[[Source, Path, str, Progress], list[ExportCheck]]
    """Of the files in a folder, by the programs that will read them."""
    signed: str
    """The file whose first line is the mark."""


FORMS: dict[str, Form] = {
    "esphome": Form(
        "esphome",
        esphome.file_id,
        esphome.files,
        esphome.arena_size,
        checks,
        signed=esphome.README,
    ),
}
"""By the name that `--to` takes."""
