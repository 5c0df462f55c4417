"""Slaney's mel scale and filters, and the Hann window, for `mfcc` and `logmel`.

Source: Slaney's Auditory Toolbox 1998, as in librosa.filters.mel; tests compare with it.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TypeVar

import numpy as np
import scipy.fft
import scipy.sparse
from numpy.typing import NDArray

from stapes.frontends.frontend import Spectral

Real = TypeVar("Real", np.float32, np.float64)

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
        Weights of the bins of a power spectrum; the centres are uniform on the mel scale from 0 Hz
        to half the sample rate.
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


def mel_decibels(frames: NDArray[Real], settings: Spectral, least: float) -> NDArray[Real]:
    """Power in each mel band [dB]: windowed frames [..., length] -> [..., n_mels].

    `least` is the least power, above 0. Frames shorter than `n_fft` are padded with zeros. No frame
    depends on the others.
    """
    spectrum = scipy.fft.rfft(frames, settings.n_fft, axis=-1)
    power = np.square(spectrum.real) + np.square(spectrum.imag)
    filters = _sparse(settings.sample_rate, settings.n_fft, settings.n_mels)
    # A bin is in two filters at most, so a sparse product needs a third of the time.
    mel: NDArray[Real] = power.reshape(-1, power.shape[-1]) @ filters
    np.maximum(mel, np.float32(least), out=mel)
    np.log10(mel, out=mel)
    mel *= np.float32(10.0)
    return mel.reshape(*power.shape[:-1], settings.n_mels)


@lru_cache(maxsize=8)
def _sparse(sample_rate: int, n_fft: int, n_mels: int) -> scipy.sparse.csc_array:
    return scipy.sparse.csc_array(mel_filters(sample_rate, n_fft, n_mels))


def _hz_to_mel(hz: float) -> float:
    if hz < _KNEE_HZ:
        return hz / _HZ_PER_MEL
    return float(_KNEE_MEL + np.log(hz / _KNEE_HZ) / _LOG_STEP)


def _mel_to_hz(mel: NDArray[np.float64]) -> NDArray[np.float64]:
    # The maximum keeps the unused branch from overflow.
    above = _KNEE_HZ * np.exp(_LOG_STEP * np.maximum(mel - _KNEE_MEL, 0.0))
    return np.where(mel < _KNEE_MEL, mel * _HZ_PER_MEL, above)
