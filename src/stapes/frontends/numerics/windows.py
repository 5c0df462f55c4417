"""Clips of the window's length, and the windows of many frames."""

from __future__ import annotations

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray


def padded(samples: NDArray[np.float32], window: int) -> NDArray[np.float32]:
    """[n, samples] -> [n, window], padded with silence or cut at the end."""
    y = np.zeros((len(samples), window), np.float32)
    y[:, : samples.shape[1]] = samples[:, :window]
    return y


def cut(
    frames: NDArray[np.float32], length: int, hop_frames: int, windows: int
) -> NDArray[np.float32]:
    """[frames, bins] -> the frames of each window, [windows, length, bins]."""
    views = sliding_window_view(frames, length, axis=0)[::hop_frames][:windows]
    return np.moveaxis(views, 1, 2)
