"""What a run is made of before anything is trained: the corpus, the clips that are chosen, copies.

`stapes run` and `stapes evaluate` choose their clips here, so that both have the same.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from contextlib import AbstractContextManager
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from stapes.contracts.measurements import SkippedFile
from stapes.contracts.results import Data, Split
from stapes.data import corpus as corpora
from stapes.data.cache import FeatureCache, open_cache
from stapes.data.clip import SPLITS, Skipped
from stapes.data.copies import copies_for
from stapes.data.copies import with_copies as copied
from stapes.data.corpus import Corpus
from stapes.data.features import Chosen, choose
from stapes.data.slug import slug
from stapes.errors import UsageError
from stapes.run.job import Job
from stapes.run.settings import RunSettings
from stapes.system.files import cache_folder
from stapes.system.progress import Progress
from stapes.system.version import __version__

FEWEST = {"train": 8, "test": 4}
"""Clips of each class that a split needs at least."""


def load_corpus(root: Path, settings: RunSettings) -> Corpus:
    """List the clips of a folder as the settings split them."""
    return corpora.load(
        root,
        settings.word,
        negatives=settings.negatives,
        window_seconds=settings.frontend.window_seconds,
        validation=settings.validation,
        test=settings.test,
    )


def synthetic_folder(job: Job) -> Path:
    """The folder of synthetic speech for the word, made if it is not in the cache."""
    from stapes.data.sources.synthetic import make_corpus

    try:
        engine = version("espeakng-loader")
    except PackageNotFoundError:
        engine = "none"
    settings, wanted = job.settings, job.settings.synthetic
    name = f"{slug(settings.word)}-{wanted.voices}x{wanted.takes}-seed{settings.seed}"
    out = cache_folder() / "synthetic" / f"{name}-{__version__}-{engine}"
    return make_corpus(
        settings.word,
        out,
        voices=wanted.voices,
        takes=wanted.takes,
        seed=settings.seed,
        jobs=job.jobs,
        progress=job.progress,
    )


def choose_clips(
    corpus: Corpus,
    settings: RunSettings,
    cache: FeatureCache,
    progress: Progress,
    splits: tuple[str, ...] = SPLITS,
) -> tuple[dict[str, Chosen], list[Skipped]]:
    """The clips of each split, their features in the cache, and what cannot be used."""
    progress.begin("Computing features")
    chosen, skipped = choose(
        corpus,
        settings.frontend,
        cache,
        ratio=settings.ratio,
        seed=settings.seed,
        splits=splits,
        progress=progress,
    )
    used = sum(len(part.keys) for part in chosen.values())
    progress.end(f"{used} clips, {len(skipped) + len(corpus.skipped)} skipped")
    return chosen, skipped


def training_copies(chosen: dict[str, Chosen], settings: RunSettings) -> int:
    """How many copies of each training clip a small corpus needs."""
    return copies_for(len(chosen["train"].keys), settings.training_clips)


def with_copies(
    chosen: dict[str, Chosen],
    copies: Mapping[str, int],
    settings: RunSettings,
    cache: FeatureCache,
    progress: Progress,
) -> dict[str, Chosen]:
    """The splits, with so many copies of each clip behind the clips of those that `copies` has."""
    used = dict(chosen)
    for split, count in copies.items():
        if count:
            progress.begin(f"Augmenting the clips of the {split} split")
            used[split] = copied(
                chosen[split],
                settings.frontend,
                cache,
                copies=count,
                seed=settings.seed,
                progress=progress,
            )
            progress.end(f"{len(used[split].keys)} {split} clips")
    return used


def feature_cache(settings: RunSettings) -> AbstractContextManager[FeatureCache]:
    """The user's cache of the features of a frontend."""
    return open_cache(cache_folder() / "features", settings.frontend)


def require_enough(
    chosen: dict[str, Chosen], settings: RunSettings, needed: Mapping[str, int] = FEWEST
) -> None:
    """Raise UsageError where a split has too few clips of a class."""
    for split, fewest in needed.items():
        part = chosen[split]
        for what, count in (
            (f'clips of "{settings.word}"', part.positives),
            ("clips of other words", part.negatives),
        ):
            if count < fewest:
                raise UsageError(
                    f"--word {settings.word}: {count} usable {what} are in the {split} split and "
                    f"{fewest} are needed; add recordings."
                )


def describe(
    corpus: Corpus,
    settings: RunSettings,
    chosen: dict[str, Chosen],
    copies: int,
    skipped: list[Skipped],
) -> Data:
    """The data as results.json has it."""
    splits = {
        split: Split(
            positives=part.positives,
            negatives=part.negatives,
            negatives_available=part.available_negatives,
            speakers=corpus.speakers(part.clips),
        )
        for split, part in chosen.items()
    }
    source = str(settings.data) if settings.data else "synthetic speech by espeak-ng"
    if settings.negatives:
        source += f", and {settings.negatives}"
    everything = sorted((*corpus.skipped, *skipped), key=lambda skipped: skipped.file)
    return Data(
        source=source,
        synthetic=corpus.synthetic,
        split_rule=corpus.split_rule,
        shared_speakers=corpus.shared_speakers,
        splits={split: splits[split] for split in SPLITS},
        copies=copies,
        skipped=[SkippedFile(file=each.file, reason=each.reason) for each in everything],
    )


def digest(chosen: dict[str, Chosen]) -> str:
    """SHA-256 of which clips were chosen, in which order and with which labels."""
    found = hashlib.sha256()
    for split in SPLITS:
        for key, label in zip(chosen[split].keys, chosen[split].y, strict=True):
            found.update(split.encode() + bytes([label]) + key)
    return found.hexdigest()
