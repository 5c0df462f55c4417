"""The data of a run, as results.json describes it."""

from __future__ import annotations

from stapes.contracts.measurements import Part, SkippedFile


class Split(Part):
    """The used clips of one split."""

    positives: int
    negatives: int
    negatives_available: int
    speakers: int | None
    """None if the corpus does not name them."""


class Data(Part):
    """The data of the run."""

    source: str
    synthetic: bool
    split_rule: str
    shared_speakers: bool
    splits: dict[str, Split]
    copies: int = 0
    """Augmented copies of every training clip, which no split counts."""
    word_seconds: float | None = None
    """What 95 of 100 training clips of the word need, by their energy. None in older files."""
    skipped: list[SkippedFile]
