"""All forms in which a model can be exported. A form is its file and an entry here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

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
    files: Callable[[Source, str, str], Mapping[str, bytes]]
    """Contents by name, from the source, the stem of the names, and the first line of README.md."""
    checks: Callable[[Source, Mapping[str, bytes], str, Progress], list[ExportCheck]]
    """Of files with that stem, by the programs that will read them."""
    edited: tuple[str, ...] = ()
    """Suffixes of examples that a person edits: one that is there stays."""


FORMS: dict[str, Form] = {
    "esphome": Form("esphome", esphome.files, checks, edited=(".yaml",)),
}
"""By the name that `--to` takes."""
