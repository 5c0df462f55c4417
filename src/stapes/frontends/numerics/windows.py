"""Clips of the window's length, and the windows of a stretch of frames."""

from __future__ import annotations

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray


def padded(samples: NDArray[np.float32], window: int) -> NDArray[np.float32]:
    """[n, samples] -> [n, window]: silence behind what is shorter, the rest cut behind."""
    y = np.zeros((len(samples), window), np.float32)
    y[:, : samples.shape[1]] = samples[:, :window]
    return y


def cut(
    frames: NDArray[np.float32], length: int, hop_frames: int, windows: int
) -> NDArray[np.float32]:
    """Every frame of a stretch, [frames, bins] -> those of each window, [windows, length, bins]."""
    views = sliding_window_view(frames, length, axis=0)[::hop_frames][:windows]
    return np.moveaxis(views, 1, 2)
