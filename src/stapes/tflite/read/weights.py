"""Measures of a kernel as a .tflite stores it: output channels first, inputs last."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def two_by_four_compliance(kernel: NDArray[Any]) -> float | None:
    """The part of groups of four input channels with at least two zeros.

    Parameters
    ----------
    kernel : np.ndarray [shape=(..., inputs)]

    Returns
    -------
    part : float in [0, 1], or None if the channels are not a multiple of four
    """
    if kernel.ndim < 2 or kernel.shape[-1] % 4 or kernel.size == 0:
        return None
    groups = kernel.reshape(-1, 4)
    return float(((groups == 0).sum(axis=1) >= 2).mean())


def most_distinct_in_a_channel(kernel: NDArray[Any]) -> int:
    """The largest number of distinct values in one output channel."""
    return max(len(np.unique(channel)) for channel in kernel)
