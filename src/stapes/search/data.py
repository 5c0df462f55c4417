"""Clips and features of a search: the same clips for every frontend, row by row."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from stapes.data.clip import SPLITS, Skipped
from stapes.data.corpus import Corpus
from stapes.data.features import Chosen
from stapes.errors import StapesError
from stapes.frontends.frontend import Frontend
from stapes.run.feature_files import gather_splits
from stapes.run.preparation import (
    FEWEST,
    choose_clips,
    feature_cache,
    require_enough,
    training_copies,
    with_copies,
)
from stapes.search.settings import SearchSettings
from stapes.system.progress import Progress

_FEWEST = 8
"""Validation clips of each class that models can be chosen by."""


@dataclass(frozen=True)
class Clips:
    """The clips of a search.

    chosen : by split, without copies
    used : by split, as models are trained on and chosen by them: with copies
    copies : of each training clip
    """

    chosen: dict[str, Chosen]
    used: dict[str, Chosen]
    skipped: list[Skipped]
    copies: int


def kinds(settings: SearchSettings) -> dict[str, Frontend]:
    """The frontends by their kinds, the baseline's first."""
    found: dict[str, Frontend] = {settings.frontend.kind: settings.frontend}
    for each in settings.frontends:
        found.setdefault(each.kind, each)
    return found


def prepare(corpus: Corpus, settings: SearchSettings, progress: Progress) -> Clips:
    """Choose the clips, and see that the cache holds their features of every frontend.

    Raises
    ------
    UsageError
        There are too few of a class to train on, to choose by, or to measure on.
    """
    first: Clips | None = None
    for frontend in kinds(settings).values():
        progress.note(f"Frontend {frontend.kind}:")
        clips = _prepare_one(corpus, _with(settings, frontend), progress)
        if first is not None and _keys(clips) != _keys(first):
            raise StapesError("The clips changed while their features were computed: search again.")
        first = first or clips
    assert first is not None
    return first


def gather_all(clips: Clips, settings: SearchSettings, work: Path) -> None:
    """Put the features of every frontend into files, a folder each."""
    for kind, frontend in kinds(settings).items():
        folder = work / kind
        folder.mkdir(exist_ok=True)
        with feature_cache(_with(settings, frontend)) as cache:
            gather_splits(clips.used, cache, folder)


def _prepare_one(corpus: Corpus, settings: SearchSettings, progress: Progress) -> Clips:
    with feature_cache(settings) as cache:
        chosen, skipped = choose_clips(corpus, settings, cache, progress)
        require_enough(chosen, settings, {**FEWEST, "validation": _FEWEST})
        training = training_copies(chosen, settings)
        copies = {"train": training, "validation": settings.validation_copies}
        used = with_copies(chosen, copies, settings, cache, progress)
    return Clips(chosen, used, skipped, training)


def _with(settings: SearchSettings, frontend: Frontend) -> SearchSettings:
    return settings.model_copy(update={"frontend": frontend})


def _keys(clips: Clips) -> dict[str, list[bytes]]:
    return {split: clips.used[split].keys for split in SPLITS}
