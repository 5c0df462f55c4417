"""How loud speech is while somebody speaks, and how loud noise is to be beside it.

The power of a whole recording depends on how long its pauses are, so levels are those of the active
parts: the blocks of 50 ms whose power is within 30 dB of the loudest block's. It is a plain form of
the active speech level of ITU-T P.56, whose tests of speech take -26 dB below full scale as the
usual level.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

SPEECH_DB = -26.0
"""The level that speech is brought to [dB below a sine's full scale squared, a power of 1]."""

_BLOCK_SECONDS = 0.05
_ACTIVE_DB = 30.0


def block_powers(y: NDArray[np.float32], sample_rate: int) -> NDArray[np.float64]:
    """Mean square of each 50 ms of sound; of the whole where there is less.

    Parameters
    ----------
    y : np.ndarray [shape=(samples,)]
        At least one sample; a rest shorter than a block is left out.
    sample_rate : int > 0 [Hz]

    Returns
    -------
    powers : np.ndarray [shape=(blocks,)]
    """
    size = min(len(y), max(1, round(_BLOCK_SECONDS * sample_rate)))
    whole = y[: len(y) // size * size].astype(np.float64).reshape(-1, size)
    return np.asarray(np.square(whole).mean(axis=1))


def active_power(powers: NDArray[np.float64]) -> float:
    """The mean power of the blocks in which somebody speaks; 0 for silence.

    Examples
    --------
    >>> active_power(np.array([0.5, 0.5, 1e-6]))
    0.5
    """
    loudest = float(powers.max(initial=0.0))
    return float(powers[powers >= loudest * power(-_ACTIVE_DB)].mean()) if loudest else 0.0


def gain_to(measured: float, wanted: float) -> float:
    """The factor on the amplitude that takes one power to another; 1 for silence."""
    return math.sqrt(wanted / measured) if measured > 0 else 1.0


def power(db: float) -> float:
    """The power that a level in decibels is."""
    return float(10.0 ** (db / 10.0))
