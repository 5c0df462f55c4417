"""Masks over features in training, so that no model relies on one moment or band of a word.

Source: Park et al. 2019, "SpecAugment: a simple data augmentation method for automatic speech
recognition", arXiv:1904.08779: one time mask and one frequency mask, without its time warping,
which its authors found to matter least.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def masked(
    x: NDArray[np.float32], time: int, frequency: int, rng: np.random.Generator
) -> NDArray[np.float32]:
    """Hide a stretch of frames and a band of bins of each clip.

    What is hidden becomes the clip's mean of that bin over time, as in the paper, where features
    are normalised and their mean is 0. Other values would add an event that the clip does not
    contain: a minimum is silence, and 0 in an MFCC or in decibels is a loud sound.

    Parameters
    ----------
    x : np.ndarray [shape=(n, frames, bins, ...)] float32
        Features; not changed.
    time : int >= 0 [frames]
        The widest mask. Each clip's width is uniform from 0 to it, and never all frames.
    frequency : int >= 0 [bins]
        The same over bins.
    rng : np.random.Generator
        Draws widths and places.

    Returns
    -------
    np.ndarray, of the shape and type of `x`

    Raises
    ------
    ValueError
        The features have fewer than three axes.

    Examples
    --------
    >>> x = np.arange(6, dtype=np.float32).reshape(1, 3, 2)
    >>> masked(x, 0, 0, np.random.default_rng(0)).tolist() == x.tolist()
    True
    """
    if x.ndim < 3:
        raise ValueError(f"features {x.shape} have no frames and bins to mask")
    clips, frames, bins = x.shape[:3]
    hidden = _stretches(clips, frames, time, rng)[:, :, None]
    hidden = hidden | _stretches(clips, bins, frequency, rng)[:, None, :]
    hidden = hidden.reshape(*hidden.shape, *[1] * (x.ndim - 3))
    return np.where(hidden, x.mean(axis=1, keepdims=True, dtype=np.float32), x)


def _stretches(clips: int, length: int, widest: int, rng: np.random.Generator) -> NDArray[np.bool_]:
    """One stretch per clip [shape=(clips, length)], of any width up to the widest."""
    width = rng.integers(0, max(0, min(widest, length - 1)), clips, endpoint=True)
    begin = rng.integers(0, length - width, endpoint=True)
    place = np.arange(length)
    return (place >= begin[:, None]) & (place < (begin + width)[:, None])
