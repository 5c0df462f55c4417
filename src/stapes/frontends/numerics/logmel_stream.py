"""Log-mel bands over a fixed floor, for a stream: no frame depends on another.

`numerics.logmel` has the same bands below the loudest of a window, which a stream does not have.

Here 0 dB is a mel power of 1, of samples in [-1, 1]. The floor, -80 dB, is just above the noise of
samples whose last bit is random (a median of -82 dB). 20 dB is the loudest that a device must tell
apart: a sine of full scale has 18 to 24 dB, and speech at the level of the training sound has less
than 3 dB in 999 of 1,000 values. Each of the 256 steps is 0.39 dB.

Float64 makes the bits the same in chunks of any length.

Source: librosa.feature.melspectrogram, for the bands; tests compare with it.
"""

from __future__ import annotations

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from stapes.frontends.frontend import Spectral
from stapes.frontends.numerics.mel import hann, mel_decibels
from stapes.frontends.numerics.stream import BINS, FRAME, HOP, ZERO_POINT

FLOOR_DB = -80.0
"""The power of the lowest step, and of all below it [dB]."""
RANGE_DB = 100.0
"""From there to the highest step [dB]."""

_STEPS = 255


class LogMelStream:
    """The frames of a stream of sound; chunks of any length give the same as the whole sound."""

    def __init__(self, settings: Spectral) -> None:
        self._settings = settings
        self._rest = np.zeros(0, np.int16)

    def process(self, samples: NDArray[np.int16]) -> NDArray[np.int8]:
        """The frames that end in a chunk [samples] -> [n, 40]."""
        y = np.concatenate([self._rest, samples])
        count = max(0, (len(y) - FRAME) // HOP + 1)
        self._rest = y[count * HOP :]
        if not count:
            return np.zeros((0, BINS), np.int8)
        frames = sliding_window_view(y / 32_768.0, FRAME)[::HOP] * hann(FRAME)
        decibels = mel_decibels(frames, self._settings, 10 ** (FLOOR_DB / 10))
        return quantized(decibels)


def quantized(decibels: NDArray[np.floating]) -> NDArray[np.int8]:
    """Decibels as steps, of the same shape: 255 steps for `RANGE_DB`, clamped.

    Examples
    --------
    >>> quantized(np.array([-90.0, -80.0, -29.9, 20.0, 24.0]))
    array([-128, -128,    0,  127,  127], dtype=int8)
    """
    steps = np.rint((decibels - FLOOR_DB) * (_STEPS / RANGE_DB)) + ZERO_POINT
    clipped: NDArray[np.int8] = np.clip(steps, -128, 127).astype(np.int8)
    return clipped
