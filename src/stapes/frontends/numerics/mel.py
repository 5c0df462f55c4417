"""Slaney's mel scale and filters, and the Hann window: what `mfcc` and `logmel` share.

Source: Slaney's Auditory Toolbox 1998, by way of librosa.filters.mel, which the tests compare
with.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import scipy.fft
import scipy.sparse
from numpy.typing import NDArray

# Linear to 1,000 Hz, logarithmic above.
_HZ_PER_MEL = 200.0 / 3.0
_KNEE_HZ = 1000.0
_KNEE_MEL = _KNEE_HZ / _HZ_PER_MEL
_LOG_STEP = np.log(6.4) / 27.0


def mel_filters(sample_rate: int, n_fft: int, n_mels: int) -> NDArray[np.float32]:
    """Slaney's triangular filters, each of unit area.

    Returns
    -------
    filters : np.ndarray [shape=(1 + n_fft // 2, n_mels)]
        Columns weigh the bins of a power spectrum; centres are even on the mel scale from 0 Hz to
        half the sample rate.
    """
    bins = np.fft.rfftfreq(n_fft, 1.0 / sample_rate)
    edges = _mel_to_hz(np.linspace(0.0, _hz_to_mel(sample_rate / 2.0), n_mels + 2))
    width = np.diff(edges)
    rising = (bins[:, None] - edges[None, :-2]) / width[:-1]
    falling = (edges[None, 2:] - bins[:, None]) / width[1:]
    triangles = np.maximum(0.0, np.minimum(rising, falling))
    filters: NDArray[np.float32] = (triangles * 2.0 / (edges[2:] - edges[:-2])).astype(np.float32)
    return filters


@lru_cache(maxsize=8)
def hann(length: int) -> NDArray[np.float32]:
    """The periodic Hann window [shape=(length,)]."""
    phase = 2.0 * np.pi * np.arange(length) / length
    window: NDArray[np.float32] = (0.5 - 0.5 * np.cos(phase)).astype(np.float32)
    return window


def mel_power(
    frames: NDArray[np.float32], *, sample_rate: int, n_fft: int, n_mels: int
) -> NDArray[np.float32]:
    """Power of each frame in each mel band; no frame's depends on the others.

    Parameters
    ----------
    frames : np.ndarray [shape=(..., length)]
        Under their window; zeros follow where they are shorter than `n_fft` samples.

    Returns
    -------
    power : np.ndarray [shape=(..., n_mels)]
    """
    spectrum = scipy.fft.rfft(frames, n_fft, axis=-1)
    power = np.square(spectrum.real) + np.square(spectrum.imag)
    # Each bin is in two filters at most: the sparse product is a third of the dense one's time.
    mel: NDArray[np.float32] = power.reshape(-1, power.shape[-1]) @ _sparse(
        sample_rate, n_fft, n_mels
    )
    return mel.reshape(*power.shape[:-1], n_mels)


@lru_cache(maxsize=8)
def _sparse(sample_rate: int, n_fft: int, n_mels: int) -> scipy.sparse.csc_array:
    return scipy.sparse.csc_array(mel_filters(sample_rate, n_fft, n_mels))


def _hz_to_mel(hz: float) -> float:
    if hz < _KNEE_HZ:
        return hz / _HZ_PER_MEL
    return float(_KNEE_MEL + np.log(hz / _KNEE_HZ) / _LOG_STEP)


def _mel_to_hz(mel: NDArray[np.float64]) -> NDArray[np.float64]:
    # The exponent is held below the knee so that the unused branch cannot overflow.
    above = _KNEE_HZ * np.exp(_LOG_STEP * np.maximum(mel - _KNEE_MEL, 0.0))
    return np.where(mel < _KNEE_MEL, mel * _HZ_PER_MEL, above)
