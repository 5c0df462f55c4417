"""How long a word is, by the energy of its clips: no corpus states where words begin and end.

The word of a clip is the shortest stretch that holds 90 % of its energy above the noise floor. The
word's length is what 95 of 100 clips need.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from stapes.audio.read import check
from stapes.data.clip import Clip
from stapes.data.extraction import chunked, in_threads
from stapes.data.sound.continuous import excerpt
from stapes.errors import AudioError

_STEPS_A_SECOND = 100
_SHARE = 0.9
_FLOOR = 0.2
"""The part of the steps that hold no word."""
_CLIPS = 0.95
_CHUNK = 32


def stretch(y: NDArray[np.float32], rate: int) -> tuple[int, int]:
    """Where the word of a clip begins, and its length [samples].

    Parameters
    ----------
    y : np.ndarray [shape=(samples,)]
    rate : int [Hz]
    """
    hop = max(1, rate // _STEPS_A_SECOND)
    count = len(y) // hop
    energy = np.square(y[: count * hop], dtype=np.float64).reshape(count, hop).sum(axis=1)
    energy = np.maximum(energy - np.quantile(energy, _FLOOR), 0.0) if count else energy
    total = np.concatenate([[0.0], np.cumsum(energy)])
    if not total[-1]:
        return 0, len(y)  # Nothing is above the floor.
    ends = np.searchsorted(total, total[:-1] + _SHARE * total[-1])
    lengths = (ends - np.arange(count))[ends <= count]
    begin = int(lengths.argmin())
    return begin * hop, int(lengths[begin]) * hop


def needed(lengths: Sequence[float]) -> int:
    """The length that 95 of 100 clips need, rounded up.

    Examples
    --------
    >>> needed([50] * 90 + [80] * 10)
    80
    """
    return int(np.ceil(np.quantile(lengths, _CLIPS)))


def word_seconds(clips: list[Clip]) -> float | None:
    """The word's length in clips [s]; None if none of them can be used."""
    steps: list[float] = []
    for _, lengths in in_threads(chunked(clips, _CHUNK), lambda part: list(map(_steps, part))):
        steps += [length for length in lengths if length is not None]
    return needed(steps) / _STEPS_A_SECOND if steps else None


def _steps(clip: Clip) -> float | None:
    try:
        y, rate = excerpt(clip, 1.0)
        check(clip.path, y, rate)
    except AudioError:
        return None
    return _STEPS_A_SECOND * stretch(y, rate)[1] / rate
