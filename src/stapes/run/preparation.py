"""The data of a run, before anything is trained: the corpus, the chosen clips, and their copies.

`stapes run` and `stapes evaluate` choose their clips here, so that both have the same.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from stapes.contracts.measurements import SkippedFile
from stapes.contracts.results import Data, Split
from stapes.data import corpus as corpora
from stapes.data.cache import FeatureCache, open_cache
from stapes.data.captures import Labelled
from stapes.data.clip import SPLITS, Skipped
from stapes.data.copies import copies_for
from stapes.data.copies import with_copies as copied
from stapes.data.corpus import Corpus
from stapes.data.cutting import cut_advice
from stapes.data.features import Chosen, choose
from stapes.data.shortcuts import by_header
from stapes.data.slug import slug
from stapes.data.splitting import FEWEST as FEWEST
from stapes.data.word_length import word_seconds
from stapes.errors import UsageError
from stapes.run.job import Job
from stapes.run.settings import RunSettings
from stapes.system.files import cache_folder, sha256
from stapes.system.progress import SILENT, Progress
from stapes.system.version import __version__


def load_corpus(root: Path, settings: RunSettings, progress: Progress = SILENT) -> Corpus:
    """List the clips of a folder as the settings split them, and report what the folders are."""
    corpus = corpora.load(
        root,
        settings.word,
        negatives=settings.negatives,
        positive=settings.positive_dir,
        negative=settings.negative_dir,
        window_seconds=settings.frontend.window_seconds,
        validation=settings.validation,
        test=settings.test,
    )
    for line in () if corpus.synthetic else corpus.understood:
        progress.note(line)
    return corpus


def synthetic_folder(job: Job) -> Path:
    """The folder of synthetic speech for the word, made if it is not in the cache."""
    from stapes.data.sources.synthetic import make_corpus

    settings, synthetic = job.settings, job.settings.synthetic
    name = f"{slug(settings.word)}-{synthetic.voices}x{synthetic.takes}-seed{settings.seed}"
    return make_corpus(
        settings.word,
        synthetic_place(name),
        voices=synthetic.voices,
        takes=synthetic.takes,
        seed=settings.seed,
        jobs=job.jobs,
        progress=job.progress,
    )


def synthetic_place(name: str) -> Path:
    """A folder of synthetic speech in the cache; another version has another."""
    try:
        engine = version("espeakng-loader")
    except PackageNotFoundError:
        engine = "none"
    return cache_folder() / "synthetic" / f"{name}-{__version__}-{engine}"


def choose_clips(
    corpus: Corpus,
    settings: RunSettings,
    cache: FeatureCache,
    progress: Progress,
    splits: tuple[str, ...] = SPLITS,
) -> tuple[dict[str, Chosen], list[Skipped]]:
    """Choose the clips of each split, cache their features, and list what cannot be used."""
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


def advice(corpus: Corpus, chosen: dict[str, Chosen]) -> list[str]:
    """What may be wrong with the clips, before anything is trained."""
    parts = [zip(part.clips, part.y, strict=True) for part in chosen.values()]
    pairs = [(clip, y) for part in parts for clip, y in part if clip.start is None]
    words, others = ([clip for clip, y in pairs if bool(y) == one] for one in (True, False))
    long = cut_advice(words)
    differ = (
        [] if corpus.synthetic else by_header([c.path for c in words], [c.path for c in others])
    )
    return [*([long] if long else []), *differ]


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
    """The splits; those that `copies` names have so many copies of each clip after their clips."""
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
    """The user's cache for the features of the settings' frontend."""
    return open_cache(cache_folder() / "features", settings.frontend)


def require_enough(
    chosen: dict[str, Chosen], settings: RunSettings, needed: Mapping[str, int] = FEWEST
) -> None:
    """Raise UsageError if a split has too few clips of a class."""
    for split, fewest in needed.items():
        part = chosen[split]
        for clips, count in (
            (f'clips of "{settings.word}"', part.positives),
            ("clips of other words", part.negatives),
        ):
            if count < fewest:
                raise UsageError(
                    f"{count} usable {clips} are in the {split} split and {fewest} are needed; "
                    "add recordings."
                )


def describe(
    corpus: Corpus,
    settings: RunSettings,
    chosen: dict[str, Chosen],
    copies: int,
    skipped: list[Skipped],
) -> Data:
    """The data as results.json has it."""
    source = str(settings.data) if settings.data else "synthetic speech by espeak-ng"
    if settings.negatives:
        source += f", and {settings.negatives}"
    return Data(
        source=source,
        synthetic=corpus.synthetic,
        split_rule=corpus.split_rule,
        shared_speakers=corpus.shared_speakers,
        splits={
            split: Split(
                positives=chosen[split].positives,
                negatives=chosen[split].negatives,
                negatives_available=chosen[split].available_negatives,
                speakers=corpus.speakers(chosen[split].clips),
            )
            for split in SPLITS
        },
        copies=copies,
        word_seconds=word_seconds(corpus.positives("train")),
        skipped=skipped_files(corpus, skipped),
    )


def skipped_files(corpus: Corpus, skipped: list[Skipped]) -> list[SkippedFile]:
    """All clips that are not used, by name."""
    clips = sorted((*corpus.skipped, *skipped), key=lambda clip: clip.file)
    return [SkippedFile(file=clip.file, reason=clip.reason) for clip in clips]


def digest(chosen: dict[str, Chosen], captures: Sequence[Labelled] = ()) -> str:
    """SHA-256 of the chosen clips, their order and their labels, and of the captures."""
    whole = hashlib.sha256()
    for split in SPLITS:
        for key, label in zip(chosen[split].keys, chosen[split].y, strict=True):
            whole.update(split.encode() + bytes([label]) + key)
    for labelled in captures:
        facts = (labelled.name, labelled.word, labelled.capture.seconds, sha256(labelled.path))
        whole.update(repr(facts).encode())
    return whole.hexdigest()
