"""Cepstral coefficients of a window that slides over sound, computed once for all windows.

The frames of neighbouring windows are the same stretches of sound, whose mel spectra are computed
once. Three things belong to the window, and only these are computed again for each:

- The peak. It divides the window, so it moves every decibel by the same number.
- The edges. Frames that reach beyond the window see zeros there: they are the shared stretches
  under a Hann window of which a part is cut off, a few spectra for each window.
- The floor `top_db` below the loudest bin, and with it the cosine transform.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import scipy.fft
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from stapes.frontends.mfcc import Mfcc
from stapes.frontends.numerics.mel import hann, mel_power

# Windows worked on at a time: more no longer fit the processor's cache.
_TOGETHER = 16

# Below it a mel band is silence, whatever the peak is; log10 must not see 0.
_LEAST_POWER = np.float32(1e-37)
_FLOOR_DB = np.float32(-100.0)


def sliding(
    y: NDArray[np.float32], settings: Mfcc, hop_frames: int, windows: int
) -> NDArray[np.float32]:
    """[samples] -> [windows, frames, bins, 1]."""
    features = np.zeros((windows, *settings.shape), np.float32)
    for first in range(0, windows, _TOGETHER):
        last = min(windows, first + _TOGETHER)
        begin = first * hop_frames * settings.hop_length
        end = (last - 1) * hop_frames * settings.hop_length + settings.window
        coefficients = _some(y[begin:end], settings, hop_frames, last - first)
        features[first:last, : coefficients.shape[1], :, 0] = coefficients
    return features


def _some(
    y: NDArray[np.float32], settings: Mfcc, hop_frames: int, windows: int
) -> NDArray[np.float32]:
    """[samples] -> [windows, frames that are not padding, bins]."""
    plan = _plan(settings)
    margin = settings.n_fft // 2
    padded = np.zeros(len(y) + 2 * margin + settings.n_fft, np.float32)
    padded[margin : margin + len(y)] = y
    frames = sliding_window_view(padded, settings.n_fft)[:: settings.hop_length]
    starts = hop_frames * np.arange(windows)
    # [windows, frames]: which stretch each frame of each window is.
    places = starts[:, None] + np.arange(plan.count)
    db = np.empty((windows, plan.count, settings.n_mels), np.float32)
    if len(plan.inner):
        shared = np.unique(places[:, plan.inner])
        # Where windows lie far apart, some stretches belong to none.
        row = np.searchsorted(shared, places[:, plan.inner])
        db[:, plan.inner] = _decibels(frames[shared] * plan.hann, settings)[row]
    for edge, cut in zip(plan.edges, plan.cut_hann, strict=True):
        db[:, edge] = _decibels(frames[places[:, edge]] * cut, settings)
    peak = _peaks(y, settings, starts * settings.hop_length)
    db -= (20.0 * np.log10(peak)).astype(np.float32)[:, None, None]
    loudest = np.maximum(db.max(axis=(1, 2)), _FLOOR_DB)
    floor = np.maximum(loudest - np.float32(settings.top_db), _FLOOR_DB)
    np.maximum(db, floor[:, None, None], out=db)
    coefficients: NDArray[np.float32] = db[:, : settings.frames] @ plan.cosines
    return coefficients


class _Plan:
    """What depends on the settings alone.

    count : frames of a window
    inner : those that lie wholly in the window
    edges, cut_hann : the others, and the Hann window of each without what is outside
    cosines : [mels, bins], the first rows of the orthonormal DCT-II
    """

    def __init__(self, settings: Mfcc) -> None:
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
        self.cosines = np.ascontiguousarray(cosines[:, : settings.n_mfcc])


@lru_cache(maxsize=8)
def _plan(settings: Mfcc) -> _Plan:
    return _Plan(settings)


def _decibels(frames: NDArray[np.float32], settings: Mfcc) -> NDArray[np.float32]:
    """[n, n_fft] -> [n, n_mels], in dB of the power as it is, without a floor."""
    mel = mel_power(
        frames, sample_rate=settings.sample_rate, n_fft=settings.n_fft, n_mels=settings.n_mels
    )
    np.maximum(mel, _LEAST_POWER, out=mel)
    np.log10(mel, out=mel)
    mel *= np.float32(10.0)
    return mel


def _peaks(
    y: NDArray[np.float32], settings: Mfcc, starts: NDArray[np.integer]
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
