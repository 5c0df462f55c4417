"""The results of `stapes evaluate` and `stapes data check`; `--json` prints them."""

from __future__ import annotations

from pydantic import Field

from stapes.contracts.measurements import Part, SkippedFile
from stapes.contracts.results import Confusion


class Evaluation(Part):
    """One model on one split."""

    model: str
    word: str
    data: str
    synthetic: bool
    split: str
    split_rule: str
    bytes: int
    data_bytes: int
    gzip_bytes: int
    accuracy: float | None
    accuracy_ci95: tuple[float, float]
    n: int
    positives: int
    negatives: int
    confusion: Confusion
    skipped: list[SkippedFile]


class LabelCount(Part):
    """Usable clips of one label by split."""

    label: str
    train: int
    validation: int
    test: int


class Place(Part):
    """Where a detector in a stream finds the word in a training clip."""

    clip: str
    begin_seconds: float | None = None
    """By the word's energy, before its end."""
    end_seconds: float | None = None
    """From the begin of the clip; of one that is longer than 5 s, of its loudest 5 s."""
    score: float
    """Of the word there, the median of its copies; below one half it was not found."""


class Where(Part):
    """Where a run's detector in a stream finds the word, the clips with low scores first."""

    run: str
    not_found: int
    """Clips whose word was not found."""
    median_end_seconds: float | None
    """Of the words that were found."""
    clips: list[Place]


class Check(Part):
    """The state of a corpus."""

    data: str
    split_rule: str
    synthetic: bool
    usable: int
    labels: list[LabelCount]
    speakers: dict[str, int | None]
    skipped: list[SkippedFile]
    understood: list[str] = Field(default_factory=list)
    """What each folder was taken for, a line each."""
    where: Where | None = None
    """If a run was named."""
