"""The file beside each recording that `stapes listen --keep` writes: what was heard in it.

The recording is a WAV file of 16 kHz, int16, mono. This file has the same name and ends in .json.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import ConfigDict, Field

from stapes.contracts.measurements import Part, SkippedFile
from stapes.contracts.reading import read_document
from stapes.system.files import write_text

Kind = Literal["detection", "near miss"]


class Capture(Part):
    """The seconds around a detection or a near miss."""

    # `schema` in the file: pydantic reserves that name.
    schema_version: Literal[1] = Field(default=1, alias="schema")
    model: str
    """The model's name."""
    wake_word: str
    kind: Kind
    recorded: str | None
    """When the WAV file begins, in ISO 8601; None unless it is from a microphone."""
    source: str
    """The recording's name, `microphone` or `standard input`."""
    source_sha256: str | None = None
    """Of the recording's file; None where there is none, and in older files."""
    seconds: float = Field(ge=0)
    """In the WAV file: when the word was detected or, of a near miss, the highest score."""
    score: float
    """The highest around that moment."""
    threshold: float
    """A score above it is a detection."""
    step_seconds: float = Field(gt=0)
    """From one score to the next."""
    scores: list[float]
    """Score `k` depends on the sound until `(k + 1) * step_seconds` in the WAV file."""

    model_config = ConfigDict(populate_by_name=True)


class Labels(Part):
    """The captures of a folder, by their labels."""

    yes: int
    no: int
    unlabelled: int
    skipped: list[SkippedFile]


def write(capture: Capture, path: Path) -> None:
    """Write a sidecar in one step."""
    write_text(path, capture.model_dump_json(by_alias=True, indent=1) + "\n")


def read(path: Path) -> Capture:
    """Read a sidecar.

    Raises
    ------
    UsageError
        It cannot be read.
    StapesError
        It is broken, or of another schema.
    """
    return read_document(
        path,
        Capture,
        "sidecar of schema 1",
        fix="it belongs beside its WAV file",
        broken="stapes listen --keep writes them",
    )
