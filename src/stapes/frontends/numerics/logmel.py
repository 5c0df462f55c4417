"""Log-mel bands relative to the loudest of the window.

Source: librosa.feature.melspectrogram and power_to_db; tests compare with them.
"""

from __future__ import annotations

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from stapes.frontends.frontend import Spectral
from stapes.frontends.numerics.mel import hann, mel_decibels
from stapes.frontends.numerics.windows import cut, padded

# Clips per step: more do not fit the processor's cache.
_BATCH = 4

# Far below the least power of 16 bits; log10 of 0 is not finite.
_LEAST_POWER = 1e-30


def logmel(
    samples: NDArray[np.float32], settings: Spectral, frame_length: int
) -> NDArray[np.float32]:
    """[n, samples] -> [n, frames, bins, 1]."""
    y = padded(samples, settings.window)
    features = np.empty((len(y), *settings.shape), np.float32)
    for start in range(0, len(y), _BATCH):
        part = slice(start, start + _BATCH)
        db = _decibels(y[part], settings, frame_length)
        features[part, :, :, 0] = _below_loudest(db, settings.top_db)
    return features


def sliding(
    y: NDArray[np.float32], settings: Spectral, frame_length: int, hop_frames: int, windows: int
) -> NDArray[np.float32]:
    """[samples] -> [windows, frames, bins, 1]: each frame is computed once."""
    db = cut(_decibels(y, settings, frame_length), settings.frames, hop_frames, windows)
    return _below_loudest(db, settings.top_db)[..., None]


def _decibels(y: NDArray[np.float32], settings: Spectral, frame_length: int) -> NDArray[np.float32]:
    """Every frame wholly in the sound: [..., samples] -> [..., frames, bins], in dB."""
    frames = sliding_window_view(y, frame_length, axis=-1)
    windowed = frames[..., :: settings.hop_length, :] * hann(frame_length)
    return mel_decibels(windowed, settings, _LEAST_POWER)


def _below_loudest(db: NDArray[np.float32], top_db: float) -> NDArray[np.float32]:
    """[n, frames, bins] in dB -> 1 for a clip's loudest value to 0 for `top_db` below it."""
    part = (db - db.max(axis=(1, 2), keepdims=True)) / np.float32(top_db) + np.float32(1)
    features: NDArray[np.float32] = np.maximum(part, np.float32(0))
    return features
