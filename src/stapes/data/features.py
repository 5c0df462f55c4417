"""A corpus through a frontend: the sets that a model is trained, calibrated and measured on.

Every clip of the corpus is decoded, and the cache keeps its features: another word, seed or ratio
computes nothing again. A clip with the content of an earlier one (test first, then validation, then
training) is skipped: no sound is both trained on and measured on.

Each split has every positive clip and `ratio` negative clips for each positive. They come from each
label in turn, in an order that the seed draws, so that every other word has its share.

Threads work on a few clips at a time, so memory does not grow with the corpus. Features are
gathered from the cache into a memory-mapped file.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from hashlib import blake2b
from itertools import chain, zip_longest
from pathlib import Path

import numpy as np
from numpy.lib.format import open_memmap
from numpy.typing import NDArray

from stapes.data.cache import FeatureCache
from stapes.data.clip import SPLITS, Clip, Skipped
from stapes.data.corpus import Corpus
from stapes.data.extraction import chunked, extract, in_threads
from stapes.errors import AudioError
from stapes.frontends.frontend import Frontend
from stapes.system.files import reserve
from stapes.system.progress import SILENT, Progress

_CHUNK = 32


@dataclass(frozen=True)
class FeatureSet:
    """Features of the clips of one split.

    x : np.ndarray [shape=(n, frames, bins, 1)], float32, in memory or memory-mapped
    y : np.ndarray [shape=(n,)], uint8, 1 = the wake word
    clip : the clips' names, n of them
    """

    x: NDArray[np.float32]
    y: NDArray[np.uint8]
    clip: list[str]


@dataclass(frozen=True)
class Chosen:
    """The chosen clips of one split, with the keys of their features in the cache."""

    clips: list[Clip]
    keys: list[bytes]
    y: NDArray[np.uint8]
    available_negatives: int

    @property
    def positives(self) -> int:
        """The number of positive clips."""
        return int(self.y.sum())

    @property
    def negatives(self) -> int:
        """The number of negative clips."""
        return len(self.y) - self.positives


@dataclass
class _Work:
    cache: FeatureCache
    settings: Frontend
    progress: Progress
    digests: dict[Path, bytes] = field(default_factory=dict)
    seen: dict[bytes, Clip] = field(default_factory=dict)
    skipped: list[Skipped] = field(default_factory=list)
    done: int = 0
    total: int = 0

    def advance(self, count: int) -> None:
        self.done += count
        self.progress.update(self.done, max(self.done, self.total))


def choose(
    corpus: Corpus,
    settings: Frontend,
    cache: FeatureCache,
    *,
    ratio: float = 1.0,
    seed: int = 0,
    splits: tuple[str, ...] = SPLITS,
    progress: Progress = SILENT,
) -> tuple[dict[str, Chosen], list[Skipped]]:
    """Choose the clips of each split and compute those features that the cache lacks.

    Parameters
    ----------
    corpus : Corpus
    settings, cache
        The frontend, and its cache, whose content does not change the result.
    ratio : float > 0
        Negative clips for each positive one, in every split, as far as there are any.
    seed : int
        Draws the order of the negatives.
    splits : tuple of str

    Returns
    -------
    (dict of str to Chosen, list of Skipped)
        The chosen clips by split, and the clips of these splits that cannot be used.
    """
    work = _Work(cache, settings, progress)
    work.total = sum(len(corpus.splits[split]) for split in splits)
    chosen = {}
    for number, split in enumerate(reversed(SPLITS)):
        if split not in splits:
            continue
        positives = _usable(corpus.positives(split), work)
        others = _usable(corpus.negatives(split), work)
        count = round(len(positives) * ratio)
        negatives = _in_turn(others, np.random.default_rng([seed, number]))[:count]
        pairs = positives + negatives
        chosen[split] = Chosen(
            clips=[clip for clip, _ in pairs],
            keys=[key for _, key in pairs],
            y=np.repeat(np.array([1, 0], np.uint8), [len(positives), len(negatives)]),
            available_negatives=len(others),
        )
    return chosen, work.skipped


def gather(chosen: Chosen, cache: FeatureCache, path: Path | None = None) -> FeatureSet:
    """The features of the chosen clips, in memory or, with `path`, in a memory-mapped .npy file."""
    shape = (len(chosen.keys), *cache.shape)
    x: NDArray[np.float32]
    if path is None:
        x = np.empty(shape, np.float32)
    else:
        x = open_memmap(path, mode="w+", dtype=np.float32, shape=shape)
        reserve(path)
    cache.get(chosen.keys, x)
    return FeatureSet(x, chosen.y, [clip.name for clip in chosen.clips])


def first_of_each(
    clips: list[Clip], digests: dict[Path, bytes], seen: dict[bytes, Clip], skipped: list[Skipped]
) -> list[tuple[Clip, bytes]]:
    """The clips whose content is not in `seen`, with their keys; `skipped` gets the others.

    The call fills all three collections, for the next call.
    """
    keyed = []
    for clip in clips:
        try:
            key = _key(clip, digests)
        except OSError as error:
            skipped.append(Skipped(clip.name, f"cannot be read ({error.strerror})"))
            continue
        first = seen.setdefault(key, clip)
        if first is clip:
            keyed.append((clip, key))
        else:
            other = first.label if first.label.casefold() != clip.label.casefold() else ""
            wrong = f", which has the label {other}: remove the wrong one" if other else ""
            skipped.append(Skipped(clip.name, f"the same file as {first.name}{wrong}"))
    return keyed


def _usable(clips: list[Clip], work: _Work) -> list[tuple[Clip, bytes]]:
    """The clips that have features, with their keys; the others become skipped."""
    usable: list[tuple[Clip, bytes]] = []
    for chunk in chunked(clips, 64 * _CHUNK):
        keyed = first_of_each(chunk, work.digests, work.seen, work.skipped)
        known = work.cache.known(key for _, key in keyed)
        missing = [clip for clip, key in keyed if key not in known]
        keys = dict(keyed)
        failed: set[Clip] = set()
        work.advance(len(chunk) - len(missing))
        parts = chunked(missing, _CHUNK)
        for part, results in in_threads(parts, lambda part: extract(part, work.settings)):
            rows: list[tuple[bytes, NDArray[np.float32]]] = []
            for clip, result in zip(part, results, strict=True):
                if isinstance(result, AudioError):
                    failed.add(clip)
                    work.skipped.append(Skipped(clip.name, result.reason))
                else:
                    rows.append((keys[clip], result))
            work.cache.put(rows)
            work.advance(len(part))
        usable += [(clip, key) for clip, key in keyed if clip not in failed]
    return usable


def _key(clip: Clip, digests: dict[Path, bytes]) -> bytes:
    """The key of a clip in the cache; `digests` has files that were read before."""
    if clip.path not in digests:
        digest = blake2b(digest_size=16)
        with clip.path.open("rb") as file:
            while piece := file.read(1 << 20):
                digest.update(piece)
        digests[clip.path] = digest.digest()
    if clip.start is None:
        return digests[clip.path]
    return blake2b(digests[clip.path] + str(clip.start).encode(), digest_size=16).digest()


def _in_turn(clips: list[tuple[Clip, bytes]], rng: np.random.Generator) -> list[tuple[Clip, bytes]]:
    """One clip of each label in turn, the clips of a label in random order."""
    labels: dict[str, list[tuple[Clip, bytes]]] = {}
    for clip, key in sorted(clips, key=lambda pair: pair[0].name):
        labels.setdefault(clip.label, []).append((clip, key))
    shuffled = [[members[i] for i in rng.permutation(len(members))] for members in labels.values()]
    turns = chain.from_iterable(zip_longest(*shuffled))
    return [pair for pair in turns if pair is not None]
