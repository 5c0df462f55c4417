"""The nouns of a corpus: a clip, a skipped file, and the names of the splits."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

SPLITS = ("train", "validation", "test")


@dataclass(frozen=True)
class Clip:
    """A sound file, or a window of one, with its label and speaker."""

    file: str
    """Its name in messages and results: the path within the corpus."""
    path: Path
    label: str
    speaker: str | None = None
    start: float | None = None
    """Begin of the window [s]; None for the loudest window of a file."""

    @property
    def name(self) -> str:
        """Unique within the corpus."""
        return self.file if self.start is None else f"{self.file}@{self.start:g}s"


@dataclass(frozen=True)
class Skipped:
    """A file that is not used, and why."""

    file: str
    reason: str
