"""Clips and features of a search: the same clips, in the same order, for every frontend."""

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

FEWEST_TO_VALIDATE = 8
"""The fewest validation clips of each class: models are chosen by them."""


@dataclass(frozen=True)
class Clips:
    """The clips of a search.

    chosen : by split, without copies
    used : by split, with copies, for training and validation
    copies : of each training clip
    """

    chosen: dict[str, Chosen]
    used: dict[str, Chosen]
    skipped: list[Skipped]
    copies: int


def kinds(settings: SearchSettings) -> dict[str, Frontend]:
    """The frontends by their kinds, the baseline's first."""
    by_kind: dict[str, Frontend] = {settings.frontend.kind: settings.frontend}
    for frontend in settings.frontends:
        by_kind.setdefault(frontend.kind, frontend)
    return by_kind


def prepare(corpus: Corpus, settings: SearchSettings, progress: Progress) -> Clips:
    """Choose the clips, and compute their features of every frontend into the cache.

    Raises
    ------
    UsageError
        A split has too few clips of a class.
    """
    prepared = []
    for frontend in kinds(settings).values():
        progress.note(f"Frontend {frontend.kind}:")
        prepared.append(_prepare_one(corpus, _with(settings, frontend), progress))
        if _keys(prepared[0]) != _keys(prepared[-1]):
            raise StapesError("The clips changed while their features were computed: search again.")
    return prepared[0]


def gather_all(clips: Clips, settings: SearchSettings, work: Path) -> None:
    """Write the features of every frontend into its folder in `work`."""
    for kind, frontend in kinds(settings).items():
        folder = work / kind
        folder.mkdir(exist_ok=True)
        with feature_cache(_with(settings, frontend)) as cache:
            gather_splits(clips.used, cache, folder)


def _prepare_one(corpus: Corpus, settings: SearchSettings, progress: Progress) -> Clips:
    with feature_cache(settings) as cache:
        chosen, skipped = choose_clips(corpus, settings, cache, progress)
        require_enough(chosen, settings, {**FEWEST, "validation": FEWEST_TO_VALIDATE})
        training = training_copies(chosen, settings)
        copies = {"train": training, "validation": settings.validation_copies}
        used = with_copies(chosen, copies, settings, cache, progress)
    return Clips(chosen, used, skipped, training)


def _with(settings: SearchSettings, frontend: Frontend) -> SearchSettings:
    return settings.model_copy(update={"frontend": frontend})


def _keys(clips: Clips) -> dict[str, list[bytes]]:
    return {split: clips.used[split].keys for split in SPLITS}
