"""Mel-frequency cepstral coefficients, as librosa computes them.

Sources: Davis and Mermelstein 1980 (MFCC); librosa.feature.mfcc, for the defaults; tests compare
with it.
"""

from __future__ import annotations

import numpy as np
import scipy.fft
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from stapes.frontends.frontend import Spectral
from stapes.frontends.numerics.mel import hann, mel_decibels

# Clips per step: more do not fit the processor's cache.
_BATCH = 4


def mfcc(samples: NDArray[np.float32], settings: Spectral) -> NDArray[np.float32]:
    """[n, samples] -> [n, frames, bins, 1]; a clip that is too short ends in zeros."""
    features = np.zeros((len(samples), *settings.shape), np.float32)
    for start in range(0, len(samples), _BATCH):
        part = slice(start, start + _BATCH)
        coefficients = _coefficients(samples[part], settings)[:, : settings.frames]
        features[part, : coefficients.shape[1], :, 0] = coefficients
    return features


def normalise_peak(y: NDArray[np.float32]) -> NDArray[np.float32]:
    """Divide each clip by its largest absolute sample, [..., samples]; silence is unchanged.

    The reference divides silence by zero, and trains on the result.
    """
    peak: NDArray[np.float32] = np.abs(y).max(axis=-1, keepdims=True, initial=0.0)
    peak[peak == 0] = 1
    return y / peak


def _coefficients(y: NDArray[np.float32], settings: Spectral) -> NDArray[np.float32]:
    """[n, samples] -> [n, all frames, n_mfcc]; each clip is computed alone."""
    margin = settings.n_fft // 2
    padded = np.zeros((len(y), y.shape[1] + 2 * margin), np.float32)
    padded[:, margin : margin + y.shape[1]] = normalise_peak(y)
    frames = sliding_window_view(padded, settings.n_fft, axis=1)[:, :: settings.hop_length]
    decibels = mel_decibels(frames * hann(settings.n_fft), settings, 1e-10)
    # The floor depends on the loudest bin of the clip, not of the batch.
    floor = decibels.max(axis=(1, 2), keepdims=True) - np.float32(settings.top_db)
    floored = np.maximum(decibels, floor)
    coefficients: NDArray[np.float32] = scipy.fft.dct(floored, type=2, norm="ortho", axis=-1)
    return coefficients[..., : settings.bins]
