"""Samples to features: what the model sees of a sound.

`mfcc` is the reference's frontend: librosa's MFCCs of the peak-normalised clip, frames first.
Each clip is computed on its own, so its features are the same bits in a batch of any size.

Sources: Davis and Mermelstein 1980 (MFCC); Slaney's Auditory Toolbox 1998 (mel scale and filters);
librosa.feature.mfcc, whose defaults are followed and which the tests hold this file against.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import scipy.fft
import scipy.sparse
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, model_validator

# Clips computed at a time: more no longer fit the processor's cache.
_BATCH = 4


class Mfcc(BaseModel):
    """Settings of the `mfcc` frontend; the defaults are the reference's.

    `frames` is the model's: shorter clips are padded behind with zero features, longer ones are
    cut behind.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    sample_rate: int = Field(default=22_050, gt=0, description="Hz")
    window_seconds: float = Field(default=1.0, gt=0, le=60, description="of sound that is used")
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
    def window(self) -> int:
        """Length of the window [samples]."""
        return round(self.window_seconds * self.sample_rate)

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


def _coefficients(y: NDArray[np.float32], settings: Mfcc) -> NDArray[np.float32]:
    """[n, samples] -> [n, all frames, n_mfcc]; no step mixes clips, or depends on their number."""
    filters, window = tables(settings)
    margin = settings.n_fft // 2
    padded = np.zeros((len(y), y.shape[1] + 2 * margin), np.float32)
    padded[:, margin : margin + y.shape[1]] = normalise_peak(y)
    frames = sliding_window_view(padded, settings.n_fft, axis=1)[:, :: settings.hop_length]
    spectrum = scipy.fft.rfft(frames * window, axis=-1)
    power = np.square(spectrum.real) + np.square(spectrum.imag)
    bins = power.shape[-1]
    # Each bin is in two filters at most: the sparse product is a third of the dense one's time.
    mel = (power.reshape(-1, bins) @ filters).reshape(*power.shape[:2], -1)
    decibels = 10.0 * np.log10(np.maximum(mel, np.float32(1e-10)))
    # The floor is set by each clip's own loudest bin, whatever else is in the batch.
    floor = decibels.max(axis=(1, 2), keepdims=True) - np.float32(settings.top_db)
    floored = np.maximum(decibels, floor)
    coefficients: NDArray[np.float32] = scipy.fft.dct(floored, type=2, norm="ortho", axis=-1)
    return coefficients[..., : settings.n_mfcc]


@lru_cache(maxsize=8)
def tables(settings: Mfcc) -> tuple[scipy.sparse.csc_array, NDArray[np.float32]]:
    """The mel filters [shape=(1 + n_fft // 2, n_mels)] and the periodic Hann window of a frame."""
    filters = mel_filters(settings.sample_rate, settings.n_fft, settings.n_mels)
    phase = 2.0 * np.pi * np.arange(settings.n_fft) / settings.n_fft
    hann = (0.5 - 0.5 * np.cos(phase)).astype(np.float32)
    return scipy.sparse.csc_array(filters), hann


# Slaney's mel scale: linear to 1,000 Hz, logarithmic above.
_HZ_PER_MEL = 200.0 / 3.0
_KNEE_HZ = 1000.0
_KNEE_MEL = _KNEE_HZ / _HZ_PER_MEL
_LOG_STEP = np.log(6.4) / 27.0


def _hz_to_mel(hz: float) -> float:
    if hz < _KNEE_HZ:
        return hz / _HZ_PER_MEL
    return float(_KNEE_MEL + np.log(hz / _KNEE_HZ) / _LOG_STEP)


def _mel_to_hz(mel: NDArray[np.float64]) -> NDArray[np.float64]:
    # The exponent is held below the knee so that the unused branch cannot overflow.
    above = _KNEE_HZ * np.exp(_LOG_STEP * np.maximum(mel - _KNEE_MEL, 0.0))
    return np.where(mel < _KNEE_MEL, mel * _HZ_PER_MEL, above)
