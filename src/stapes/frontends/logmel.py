"""Log-mel bands relative to the loudest of the window: the same however loud it is spoken.

A frame lies wholly in its window, so nothing but the loudest band belongs to the window alone, and
a device computes each frame once.

Sources: the sizes (40 bands of 30 ms, each 20 ms) are those of TFLite Micro's micro_speech;
librosa.feature.melspectrogram and power_to_db, which the tests hold this file against.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray
from pydantic import Field, model_validator

from stapes.frontends.mel import hann, mel_power
from stapes.frontends.window import Window

# Clips computed at a time: more no longer fit the processor's cache.
_BATCH = 4

# A band without sound: far below what 16 bits can say, and log10 must not see 0.
_LEAST_POWER = np.float32(1e-30)


class LogMel(Window):
    """Settings of the `logmel` frontend."""

    kind: Literal["logmel"] = "logmel"
    sample_rate: int = Field(default=16_000, gt=0, description="Hz")
    frame_length: int = Field(default=480, ge=16, description="samples")
    hop_length: int = Field(default=320, gt=0, description="samples")
    n_fft: int = Field(default=512, ge=16, description="samples")
    n_mels: int = Field(default=40, gt=0)
    top_db: float = Field(default=80.0, gt=0, description="dB below the window's loudest band")

    @model_validator(mode="after")
    def _sizes_fit(self) -> LogMel:
        for name, most in (("n_fft", self.n_fft), ("the window", self.window)):
            if self.frame_length > most:
                raise ValueError(
                    f"frame_length ({self.frame_length}) must not exceed {name} ({most} samples)"
                )
        return self

    @property
    def frames(self) -> int:
        """Frames that lie wholly in the window."""
        return 1 + (self.window - self.frame_length) // self.hop_length

    @property
    def shape(self) -> tuple[int, int, int]:
        """Shape of one clip's features: (frames, bins, 1)."""
        return (self.frames, self.n_mels, 1)


def logmel(samples: NDArray[np.float32], settings: LogMel | None = None) -> NDArray[np.float32]:
    """Log-mel bands of a batch of clips of one length.

    Parameters
    ----------
    samples : np.ndarray [shape=(n, samples)]
        Mono, at `settings.sample_rate` Hz. The scale does not matter. A clip that is shorter than
        the window is padded behind with silence, a longer one is cut behind.
    settings : LogMel

    Returns
    -------
    features : np.ndarray [shape=(n, frames, bins, 1)]
        float32 from 0 (`top_db` below the clip's loudest band, or more) to 1 (the loudest). In a
        silent clip all bands are as loud: it is 1 throughout.

    Raises
    ------
    ValueError
        `samples` is not two-dimensional or has no sample in it.

    Examples
    --------
    >>> logmel(np.zeros((2, 16_000), np.float32)).shape
    (2, 49, 40, 1)
    """
    settings = settings or LogMel()
    if samples.ndim != 2 or samples.shape[1] == 0:
        raise ValueError(f"samples must be [n, samples], not {samples.shape}")
    y = np.zeros((len(samples), settings.window), np.float32)
    y[:, : samples.shape[1]] = samples[:, : settings.window]
    features = np.empty((len(samples), *settings.shape), np.float32)
    for start in range(0, len(y), _BATCH):
        part = slice(start, start + _BATCH)
        features[part, :, :, 0] = below_loudest(decibels(y[part], settings), settings.top_db)
    return features


def decibels(y: NDArray[np.float32], settings: LogMel) -> NDArray[np.float32]:
    """Every frame that lies wholly in the sound: [..., samples] -> [..., frames, bins], in dB."""
    frames = sliding_window_view(y, settings.frame_length, axis=-1)
    mel = mel_power(
        frames[..., :: settings.hop_length, :] * hann(settings.frame_length),
        sample_rate=settings.sample_rate,
        n_fft=settings.n_fft,
        n_mels=settings.n_mels,
    )
    np.maximum(mel, _LEAST_POWER, out=mel)
    np.log10(mel, out=mel)
    mel *= np.float32(10.0)
    return mel


def below_loudest(db: NDArray[np.float32], top_db: float) -> NDArray[np.float32]:
    """[n, frames, bins] in dB -> 1 for the loudest of each clip to 0 for `top_db` below it."""
    part = (db - db.max(axis=(1, 2), keepdims=True)) / np.float32(top_db) + np.float32(1)
    features: NDArray[np.float32] = np.maximum(part, np.float32(0))
    return features
