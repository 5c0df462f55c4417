"""The level of speech without its pauses, and gains that reach a level.

The power of a whole recording depends on its pauses. So the level is that of the active blocks: of
50 ms, with a power at most 30 dB below the loudest. It is a simple form of the active speech level
of ITU-T P.56, where the usual level of speech is 26 dB below full scale.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

SPEECH_DB = -26.0
"""The level of speech after scaling [dB relative to a power of 1]."""

_BLOCK_SECONDS = 0.05
_ACTIVE_DB = 30.0


def block_powers(y: NDArray[np.float32], sample_rate: int) -> NDArray[np.float64]:
    """Mean square of each 50 ms, [samples] -> [blocks]; of the whole if it is shorter.

    There must be at least one sample. A rest shorter than a block is left out.
    """
    size = min(len(y), max(1, round(_BLOCK_SECONDS * sample_rate)))
    whole = y[: len(y) // size * size].astype(np.float64).reshape(-1, size)
    return np.asarray(np.square(whole).mean(axis=1))


def active_power(powers: NDArray[np.float64]) -> float:
    """The mean power of the active blocks; 0 for silence.

    Examples
    --------
    >>> active_power(np.array([0.5, 0.5, 1e-6]))
    0.5
    """
    loudest = float(powers.max(initial=0.0))
    return float(powers[powers >= loudest * power(-_ACTIVE_DB)].mean()) if loudest else 0.0


def gain_to(measured: float, target: float) -> float:
    """The factor on the amplitude from one power to another; 1 for silence."""
    return math.sqrt(target / measured) if measured > 0 else 1.0


def power(db: float) -> float:
    """The power of a level in decibels."""
    return float(10.0 ** (db / 10.0))
