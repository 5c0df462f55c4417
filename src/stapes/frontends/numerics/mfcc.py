"""Mel-frequency cepstral coefficients, as librosa computes them.

Sources: Davis and Mermelstein 1980 (MFCC); librosa.feature.mfcc, whose defaults are followed and
which the tests compare with.
"""

from __future__ import annotations

import numpy as np
import scipy.fft
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from stapes.frontends.mfcc import Mfcc
from stapes.frontends.numerics.mel import hann, mel_power

# Clips computed at a time: more no longer fit the processor's cache.
_BATCH = 4


def mfcc(samples: NDArray[np.float32], settings: Mfcc) -> NDArray[np.float32]:
    """[n, samples] -> [n, frames, bins, 1]; zeros stand behind a clip that is too short."""
    features = np.zeros((len(samples), *settings.shape), np.float32)
    for start in range(0, len(samples), _BATCH):
        part = slice(start, start + _BATCH)
        coefficients = _coefficients(samples[part], settings)[:, : settings.frames]
        features[part, : coefficients.shape[1], :, 0] = coefficients
    return features


def normalise_peak(y: NDArray[np.float32]) -> NDArray[np.float32]:
    """Divide each clip by its largest absolute sample; silence stays silence.

    The reference divides silence by zero and trains on what comes of it.

    Parameters
    ----------
    y : np.ndarray [shape=(..., samples)]
    """
    peak: NDArray[np.float32] = np.abs(y).max(axis=-1, keepdims=True, initial=0.0)
    peak[peak == 0] = 1
    return y / peak


def _coefficients(y: NDArray[np.float32], settings: Mfcc) -> NDArray[np.float32]:
    """[n, samples] -> [n, all frames, n_mfcc]; no step mixes clips, or depends on their number."""
    margin = settings.n_fft // 2
    padded = np.zeros((len(y), y.shape[1] + 2 * margin), np.float32)
    padded[:, margin : margin + y.shape[1]] = normalise_peak(y)
    frames = sliding_window_view(padded, settings.n_fft, axis=1)[:, :: settings.hop_length]
    mel = mel_power(
        frames * hann(settings.n_fft),
        sample_rate=settings.sample_rate,
        n_fft=settings.n_fft,
        n_mels=settings.n_mels,
    )
    decibels = 10.0 * np.log10(np.maximum(mel, np.float32(1e-10)))
    # The floor is set by each clip's own loudest bin, whatever else is in the batch.
    floor = decibels.max(axis=(1, 2), keepdims=True) - np.float32(settings.top_db)
    floored = np.maximum(decibels, floor)
    coefficients: NDArray[np.float32] = scipy.fft.dct(floored, type=2, norm="ortho", axis=-1)
    return coefficients[..., : settings.n_mfcc]
