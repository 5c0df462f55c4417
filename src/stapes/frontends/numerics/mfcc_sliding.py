"""Cepstral coefficients of a sliding window.

Windows have frames in common, whose mel spectra are computed once. Three things depend on the
window, and are computed for each:

- The peak. The window is divided by it, so it adds one number to all decibels.
- The edges. Frames that reach beyond the window have zeros there: they are the common frames under
  a part of a Hann window, a few spectra for each window.
- The floor `top_db` below the loudest bin, and so the cosine transform.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import scipy.fft
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from stapes.frontends.frontend import Spectral
from stapes.frontends.numerics.mel import hann, mel_decibels

# Windows per step: more do not fit the processor's cache.
_BATCH = 16

# A mel band with less power is silence, whatever the peak; log10 of 0 is not finite.
_LEAST_POWER = 1e-37
_FLOOR_DB = np.float32(-100.0)


def sliding(
    y: NDArray[np.float32], settings: Spectral, hop_frames: int, windows: int
) -> NDArray[np.float32]:
    """[samples] -> [windows, frames, bins, 1]."""
    features = np.zeros((windows, *settings.shape), np.float32)
    for first in range(0, windows, _BATCH):
        last = min(windows, first + _BATCH)
        begin = first * hop_frames * settings.hop_length
        end = (last - 1) * hop_frames * settings.hop_length + settings.window
        coefficients = _coefficients(y[begin:end], settings, hop_frames, last - first)
        features[first:last, : coefficients.shape[1], :, 0] = coefficients
    return features


def _coefficients(
    y: NDArray[np.float32], settings: Spectral, hop_frames: int, windows: int
) -> NDArray[np.float32]:
    """[samples] -> [windows, frames without padding, bins]."""
    plan = _plan(settings)
    margin = settings.n_fft // 2
    padded = np.zeros(len(y) + 2 * margin + settings.n_fft, np.float32)
    padded[margin : margin + len(y)] = y
    frames = sliding_window_view(padded, settings.n_fft)[:: settings.hop_length]
    starts = hop_frames * np.arange(windows)
    # [windows, frames]: the number of each frame of each window in `frames`.
    places = starts[:, None] + np.arange(plan.count)
    db = np.empty((windows, plan.count, settings.n_mels), np.float32)
    if len(plan.inner):
        shared = np.unique(places[:, plan.inner])
        # Between windows that are far apart, frames are in no window.
        row = np.searchsorted(shared, places[:, plan.inner])
        db[:, plan.inner] = mel_decibels(frames[shared] * plan.hann, settings, _LEAST_POWER)[row]
    for edge, cut in zip(plan.edges, plan.cut_hann, strict=True):
        db[:, edge] = mel_decibels(frames[places[:, edge]] * cut, settings, _LEAST_POWER)
    peak = _peaks(y, settings, starts * settings.hop_length)
    db -= (20.0 * np.log10(peak)).astype(np.float32)[:, None, None]
    loudest = np.maximum(db.max(axis=(1, 2)), _FLOOR_DB)
    floor = np.maximum(loudest - np.float32(settings.top_db), _FLOOR_DB)
    np.maximum(db, floor[:, None, None], out=db)
    coefficients: NDArray[np.float32] = db[:, : settings.frames] @ plan.cosines
    return coefficients


class _Plan:
    """Values that depend on the settings alone.

    count : frames of a window
    inner : those wholly in the window
    edges, cut_hann : the others, and the part of the Hann window of each that is inside
    cosines : [mels, bins], the first rows of the orthonormal DCT-II
    """

    def __init__(self, settings: Spectral) -> None:
        margin = settings.n_fft // 2
        self.count = (settings.window + 2 * margin - settings.n_fft) // settings.hop_length + 1
        self.hann = hann(settings.n_fft)
        first = settings.hop_length * np.arange(self.count) - margin
        inside = (first >= 0) & (first + settings.n_fft <= settings.window)
        self.inner = np.flatnonzero(inside)
        self.edges = np.flatnonzero(~inside)
        sample = first[self.edges, None] + np.arange(settings.n_fft)
        self.cut_hann = self.hann * ((sample >= 0) & (sample < settings.window))
        identity = np.eye(settings.n_mels, dtype=np.float32)
        cosines = scipy.fft.dct(identity, type=2, norm="ortho", axis=-1)
        self.cosines = np.ascontiguousarray(cosines[:, : settings.bins])


_plan = lru_cache(maxsize=8)(_Plan)


def _peaks(
    y: NDArray[np.float32], settings: Spectral, starts: NDArray[np.integer]
) -> NDArray[np.float32]:
    """The largest absolute sample of each window, 1 for silence: [shape=(windows,)]."""
    whole, rest = divmod(settings.window, settings.hop_length)
    count = -(-len(y) // settings.hop_length)
    sizes = np.zeros(count * settings.hop_length, np.float32)
    np.abs(y, out=sizes[: len(y)])
    blocks = sizes.reshape(count, settings.hop_length)
    first = starts // settings.hop_length
    peak = np.zeros(len(starts), np.float32)
    if whole:
        rows = sliding_window_view(blocks.max(axis=1), whole)[first]
        np.maximum(peak, rows.max(axis=1), out=peak)
    if rest:
        np.maximum(peak, blocks[first + whole, :rest].max(axis=1), out=peak)
    peak[peak == 0] = 1
    return peak
