"""More training clips: augmented copies.

A corpus of a few hundred clips has few speakers, rooms and microphones, and a model overfits to
them. Each copy is faster or slower, at another moment, in another room, with noise
(`data.augmentation`). Only training clips have copies. Their features are in the feature cache.

Source of the change of speed: Ko et al. 2015, "Audio augmentation for speech recognition".
"""

from __future__ import annotations

from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

from stapes.data.augmentation import Ranges, augment
from stapes.data.cache import FeatureCache
from stapes.data.clip import Clip
from stapes.data.extraction import chunked, extract, in_threads
from stapes.data.features import Chosen
from stapes.errors import AudioError
from stapes.frontends.frontend import Frontend
from stapes.system.progress import SILENT, Progress

RANGES = Ranges(
    speed=(0.9, 1.1),
    shift_seconds=(-0.1, 0.1),
    reverberation_probability=0.3,
    noise_probability=0.7,
    snr_db=(5.0, 35.0),
)
_MOST = 7
_CHUNK = 32
_VERSION = 1
"""Raise it when copies change: the cache must not return older ones."""


def copies_for(clips: int, at_least: int) -> int:
    """Copies of each of so many clips that make about `at_least` in all; at most 7."""
    return min(_MOST, max(0, round(at_least / max(1, clips)) - 1))


def with_copies(
    chosen: Chosen,
    settings: Frontend,
    cache: FeatureCache,
    *,
    copies: int,
    seed: int,
    progress: Progress = SILENT,
) -> Chosen:
    """The clips and, after them, copies of each.

    Parameters
    ----------
    chosen : Chosen
        The training split.
    settings, cache
        The frontend, and its cache.
    copies : int >= 0
    seed : int
        Draws the changes; a copy does not depend on the other clips.
    """
    clips, keys = list(chosen.clips), list(chosen.keys)
    for number in range(copies):
        keyed = {
            _key(key, number, seed): clip
            for clip, key in zip(chosen.clips, chosen.keys, strict=True)
        }
        known = cache.known(keyed)
        missing = [(key, clip) for key, clip in keyed.items() if key not in known]
        done = number * len(keyed) + len(known)
        parts = chunked(missing, _CHUNK)
        for part, results in in_threads(parts, lambda part: _extract(part, settings)):
            # A clip whose file was deleted meanwhile has one copy less.
            rows = [
                (key, result)
                for (key, _), result in zip(part, results, strict=True)
                if not isinstance(result, AudioError)
            ]
            cache.put(rows)
            known |= {key for key, _ in rows}
            done += len(part)
            progress.update(done, copies * len(keyed))
        clips += [clip for key, clip in keyed.items() if key in known]
        keys += [key for key in keyed if key in known]
    labels = dict(zip(chosen.clips, chosen.y.tolist(), strict=True))
    y = np.array([labels[clip] for clip in clips], np.uint8)
    return Chosen(clips, keys, y, chosen.available_negatives)


def _extract(
    part: list[tuple[bytes, Clip]], settings: Frontend
) -> list[NDArray[np.float32] | AudioError]:
    keys = {id(clip): key for key, clip in part}

    def change(clip: Clip, y: NDArray[np.float32], rate: int) -> NDArray[np.float32]:
        rng = np.random.default_rng(list(keys[id(clip)]))
        return augment(y, rate, rng, RANGES)

    return extract([clip for _, clip in part], settings, change)


def _key(key: bytes, number: int, seed: int) -> bytes:
    text = f" copy {number} seed {seed} version {_VERSION} {RANGES}"
    return blake2b(key + text.encode(), digest_size=16).digest()
