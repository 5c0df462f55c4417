"""The reference's frontend: librosa's MFCCs of the peak-normalised clip, frames first.

Sources: Davis and Mermelstein 1980 (MFCC); librosa.feature.mfcc, whose defaults are followed and
which the tests hold this file against.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
import scipy.fft
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray
from pydantic import Field, model_validator

from stapes.frontends.mel import hann, mel_power
from stapes.frontends.window import Window

# Clips computed at a time: more no longer fit the processor's cache.
_BATCH = 4


class Mfcc(Window):
    """Settings of the `mfcc` frontend; the defaults are the reference's.

    `frames` is the model's: shorter clips are padded behind with zero features, longer ones are
    cut behind.
    """

    kind: Literal["mfcc"] = "mfcc"
    sample_rate: int = Field(default=22_050, gt=0, description="Hz")
    n_fft: int = Field(default=2048, ge=16, description="samples")
    hop_length: int = Field(default=512, gt=0, description="samples")
    n_mels: int = Field(default=128, gt=0)
    n_mfcc: int = Field(default=13, gt=0)
    top_db: float = Field(default=80.0, gt=0, description="dB below the clip's loudest bin")
    frames: int = Field(default=50, gt=0)

    @model_validator(mode="after")
    def _sizes_fit(self) -> Mfcc:
        if self.n_mfcc > self.n_mels:
            raise ValueError(f"n_mfcc ({self.n_mfcc}) must not exceed n_mels ({self.n_mels})")
        return self

    @property
    def shape(self) -> tuple[int, int, int]:
        """Shape of one clip's features: (frames, bins, 1)."""
        return (self.frames, self.n_mfcc, 1)


def mfcc(samples: NDArray[np.float32], settings: Mfcc | None = None) -> NDArray[np.float32]:
    """Mel-frequency cepstral coefficients of a batch of clips of one length.

    Parameters
    ----------
    samples : np.ndarray [shape=(n, samples)]
        Mono, at `settings.sample_rate` Hz. The scale does not matter: each clip is divided by its
        largest absolute sample. A silent clip is left as it is.
    settings : Mfcc
        Default: the reference's.

    Returns
    -------
    features : np.ndarray [shape=(n, frames, bins, 1)]
        float32, finite.

    Raises
    ------
    ValueError
        `samples` is not two-dimensional or has no sample in it.

    Examples
    --------
    >>> mfcc(np.zeros((2, 22_050), np.float32)).shape
    (2, 50, 13, 1)
    """
    settings = settings or Mfcc()
    if samples.ndim != 2 or samples.shape[1] == 0:
        raise ValueError(f"samples must be [n, samples], not {samples.shape}")
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
