"""A toy word: a tone that rises through the bins, in noise; and sound without it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from stapes.data.stream.frames import Words
from stapes.models.settings import StreamSettings

SETTINGS = StreamSettings(
    width=6,
    blocks=2,
    kernel=5,
    epochs=4,
    steps=15,
    words=12,
    others=12,
    average=0.8,
    learning_rate=1e-2,
    rescore_epochs=2,
    locate_epoch=3,
)

WORD = 40
"""Frames of the tone."""
BEFORE = 30
"""Frames of the clip before it."""
CLIP = 100


def noise(frames: int, seed: int) -> NDArray[np.int8]:
    rng = np.random.default_rng(seed)
    return rng.integers(-100, 0, (frames, 40)).astype(np.int8)


def others(frames: int, seed: int) -> NDArray[np.int8]:
    """Noise with tones that fall."""
    x = noise(frames, seed)
    for begin in range(150, frames - WORD, 300):
        _tone(x, begin, rises=False)
    return x


def words(count: int, seed: int) -> Words:
    """Clips that each hold the word in their first part, every 250 frames."""
    x = noise(250 * (count + 1), seed)
    marks = []
    for number in range(count):
        begin = 150 + 250 * number
        _tone(x, begin + BEFORE, rises=True)
        marks.append((begin, begin + CLIP, number))
    return Words(x, np.array(marks, np.int64))


def _tone(x: NDArray[np.int8], begin: int, *, rises: bool) -> None:
    for frame in range(WORD):
        bin_ = frame if rises else WORD - 1 - frame
        x[begin + frame, max(0, bin_ - 2) : bin_ + 3] = 100
