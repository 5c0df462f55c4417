"""The results of `stapes evaluate` and `stapes data check`; `--json` prints them."""

from __future__ import annotations

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


class Check(Part):
    """The state of a corpus."""

    data: str
    split_rule: str
    synthetic: bool
    usable: int
    labels: list[LabelCount]
    speakers: dict[str, int | None]
    skipped: list[SkippedFile]
