"""What the frames of a stream are, whichever frontend computes them.

Sound has 16,000 samples a second. Frame `f` is of the 30 ms that begin at sample 160 `f`. It has 40
steps from -128 to 127. Each frontend maps its own range to these, and a model takes every step for
the same real number: from 0 to 26, as ESPHome and microWakeWord have it. So the scale of a model's
input does not depend on the frontend, and neither do training, quantization and targets.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

HOP = 160
"""Samples from frame to frame."""
FRAME = 480
"""Samples of a frame."""
BINS = 40
"""Features of a frame."""

LARGEST = 26.0
"""The real number of the highest step; the lowest stands for 0."""
SCALE, ZERO_POINT = LARGEST / 255, -128

_TOGETHER = 6000
"""Hops of sound that are held as integers at once."""

FrameStream = Callable[[NDArray[np.int16]], NDArray[np.int8]]
"""From the next chunk of sound, of any length, to the frames that end in it [n, 40]."""


def frames(process: FrameStream, y: NDArray[np.float32]) -> NDArray[np.int8]:
    """The frames of a recording [samples] -> [frames, 40], from a stream that has just begun."""
    return np.concatenate([np.zeros((0, BINS), np.int8), *map(process, chunks(y))])


def chunks(y: NDArray[np.float32]) -> Iterator[NDArray[np.int16]]:
    """The sound of a recording [samples] in chunks, as a device gets it."""
    for first in range(0, len(y), _TOGETHER * HOP):
        yield pcm16(y[first : first + _TOGETHER * HOP])


def real(steps: NDArray[np.int8]) -> NDArray[np.float32]:
    """The features that quantized ones stand for."""
    return (steps.astype(np.float32) - ZERO_POINT) * np.float32(SCALE)


def pcm16(y: NDArray[np.floating]) -> NDArray[np.int16]:
    """Samples in [-1, 1] as a device gets them: rounded, and clipped to 16 bits.

    Examples
    --------
    >>> pcm16(np.array([-2.0, 0.5, 1.0]))
    array([-32768,  16384,  32767], dtype=int16)
    """
    pcm: NDArray[np.int16] = np.clip(np.rint(y * 32_768.0), -32_768, 32_767).astype(np.int16)
    return pcm
