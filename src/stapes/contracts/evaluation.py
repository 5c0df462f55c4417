"""The results of `stapes evaluate` and `stapes data check`; `--json` prints them."""

from __future__ import annotations

from pydantic import Field

from stapes.contracts.measurements import Part, SkippedFile
from stapes.contracts.results import Confusion

_EASY = 0.9
"""Between real words, properties alone told 71 to 85 % of the clips apart."""


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


class Cut(Part):
    """The clips that recordings were cut into."""

    out: str
    recordings: int
    """That gave a clip."""
    seconds: float
    """Of all recordings that decode."""
    clips: dict[str, int]
    """By label."""
    skipped: list[SkippedFile]


class Shortcut(Part):
    """A property of the clips that tells the word from others, without the word."""

    what: str
    word: float
    """The median of the word's clips."""
    other: float
    """The median of others."""
    told_apart: float
    """Part of the pairs of a word and another clip that it orders alike; 0.5 is chance."""


class Shortcuts(Part):
    """How well properties alone tell the word's clips from others."""

    balanced_accuracy: float
    """Of a plain classifier, on clips that it did not see."""
    chance: float
    """What 95 % of draws without a difference stay below."""
    properties: list[Shortcut]

    @property
    def beats_chance(self) -> bool:
        """Whether properties tell anything."""
        return self.balanced_accuracy > self.chance

    @property
    def too_easy(self) -> bool:
        """Whether a model could learn them in place of the word."""
        return self.beats_chance and (self.balanced_accuracy >= _EASY or bool(self.properties))


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
    long_words: str | None = None
    """What becomes of clips of the word that are too long for one, if there are any."""
    shortcuts: Shortcuts | None = None
    """If a word was named, and both classes have enough clips."""
    where: Where | None = None
    """If a run was named."""
