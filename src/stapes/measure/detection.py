"""Detection in continuous sound: false accepts an hour against false rejects.

The measurement does what a device does. A window slides over the sound by a fixed hop. The model
scores each window, and the last N scores are averaged (`smooth`). A smoothed score at or above the
threshold is a detection. After it, the device is deaf for the refractory period.

The rules:

- Each recording starts with no scores, and its averages begin with the Nth.
- A false accept is one detection in sound without the word. However long the score stays above the
  threshold, the next one comes after the refractory period.
- An embedded word is detected if a smoothed score reaches the threshold in a window that ends
  between the beginning of the word's clip and a tolerance after its end. Otherwise it is a false
  reject. Each word is tried alone: an earlier detection does not make the device deaf for it.
- A threshold is halfway between two scores that occur, so that no detection depends on rounding.
- For a target rate of false accepts, the threshold is the lowest one at which, and above which, no
  more occur than the rate allows in these hours. It is chosen on the sound that it is measured on,
  as is usual. `measure.bootstrap` has intervals for this choice.
- The hours leave out the time before the first average of each recording.
- The hours resolve a rate if it allows one false accept in them: 0.5 an hour needs two hours.

Sources: the first three rules are those of ESPHome's micro_wake_word (a moving average, a cutoff, a
wait) and of microWakeWord's tests, which count false accepts in ambient sound with a cool-down. The
curve is Martin et al. 1997, "The DET curve in assessment of detection task performance", with hours
in place of trials, as in Chen et al. 2014, "Small-footprint keyword spotting using deep neural
networks", and in Picovoice's wake-word benchmark.

Intervals: Wilson's for false rejects at a fixed threshold, which takes the words as independent;
the exact Poisson interval for false accepts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stapes.contracts.measurements import OperatingPoint
from stapes.measure.operating_points import counted


@dataclass(frozen=True)
class Curve:
    """False accepts and misses at every threshold.

    thresholds : np.ndarray [shape=(t,)], ascending
    false_accepts : np.ndarray [shape=(t,)], int
    words : np.ndarray [shape=(n,)], the highest smoothed score at each embedded word
    hours : float > 0, of sound without the word
    recordings, refractory : as `curve` takes them
    """

    thresholds: NDArray[np.float64]
    false_accepts: NDArray[np.int64]
    words: NDArray[np.float64]
    hours: float
    recordings: Sequence[NDArray[np.float64]]
    refractory: int

    @property
    def misses(self) -> NDArray[np.int64]:
        """Embedded words below each threshold [shape=(t,)]."""
        counts: NDArray[np.int64] = np.searchsorted(np.sort(self.words), self.thresholds, "left")
        return counts

    @property
    def n_words(self) -> int:
        """Embedded words."""
        return len(self.words)

    def point(self, threshold: float) -> OperatingPoint:
        """The figures at any threshold."""
        strict = np.array([threshold])
        accepts = sum(
            int(false_accepts(smoothed, strict, self.refractory)[0]) for smoothed in self.recordings
        )
        misses = int((self.words < threshold).sum())
        return counted(threshold, accepts, misses, words=self.n_words, hours=self.hours)


def smooth(scores: NDArray[np.floating], n: int) -> NDArray[np.float64]:
    """The mean of each score and the n - 1 before it.

    Parameters
    ----------
    scores : np.ndarray [shape=(windows,)]
    n : int > 0

    Returns
    -------
    smoothed : np.ndarray [shape=(max(0, windows - n + 1),)]
        Row `i` ends with window `i + n - 1`.

    Examples
    --------
    >>> smooth(np.array([0.0, 1.0, 1.0]), 2)
    array([0.5, 1. ])
    """
    if n < 1:
        raise ValueError(f"a mean of {n} scores")
    if len(scores) < n:
        return np.zeros(0)
    # A running sum would drift.
    parts = np.lib.stride_tricks.sliding_window_view(np.asarray(scores, np.float64), n)
    return np.asarray(parts.mean(axis=1))


def curve(
    recordings: Sequence[NDArray[np.float64]],
    words: Sequence[NDArray[np.float64]],
    hours: float,
    refractory: int,
) -> Curve:
    """Count false accepts and misses at every threshold that makes a difference.

    Parameters
    ----------
    recordings : sequence of np.ndarray [shape=(windows,)]
        Smoothed scores of each recording without the word.
    words : sequence of np.ndarray [shape=(windows,)]
        Smoothed scores of the windows that may detect each embedded word. A word without windows
        is missed.
    hours : float > 0
        Of the recordings.
    refractory : int > 0 [windows]
        After a detection in window `i`, the next is in window `i + refractory` or later.

    Raises
    ------
    ValueError
        No hours, no refractory window, or a score is no number.
    """
    if not hours > 0 or refractory < 1:
        raise ValueError(f"{hours} hours, a refractory period of {refractory} windows")
    best = np.array(
        [smoothed.max() if len(smoothed) else -np.inf for smoothed in words], np.float64
    )
    occurring = [best[best > -np.inf], *(peaks(smoothed) for smoothed in recordings)]
    values = np.unique(np.concatenate(occurring))
    if not np.isfinite(values).all():
        raise ValueError("a score is no number")
    thresholds = between(values)
    counts = np.zeros(len(thresholds), np.int64)
    for smoothed in recordings:
        counts += false_accepts(smoothed, thresholds, refractory)
    return Curve(thresholds, counts, best, hours, recordings, refractory)


def false_accepts(
    smoothed: NDArray[np.float64], thresholds: NDArray[np.float64], refractory: int
) -> NDArray[np.int64]:
    """Detections in one recording [shape=(t,)] at ascending thresholds [shape=(t,)], in one pass.

    Examples
    --------
    >>> false_accepts(np.array([0.9, 0.9, 0.2, 0.6]), np.array([0.5, 0.8]), 3)
    array([2, 1])
    """
    counts = np.zeros(len(thresholds), np.int64)
    ready = np.zeros(len(thresholds), np.int64)
    reached = np.searchsorted(thresholds, smoothed, "right")
    for window in np.flatnonzero(reached):
        part = slice(0, reached[window])
        accepts = ready[part] <= window
        counts[part] += accepts
        ready[part][accepts] = window + refractory
    return counts


def peaks(smoothed: NDArray[np.float64]) -> NDArray[np.float64]:
    """The scores that no neighbour exceeds: only there a threshold decides if there is a detection.

    On a slope it decides when. That moves the refractory period, which the counts respect.
    """
    if not len(smoothed):
        return smoothed
    before = np.append(-np.inf, smoothed[:-1])
    after = np.append(smoothed[1:], -np.inf)
    return smoothed[(smoothed >= before) & (smoothed >= after)]


def between(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Thresholds below, between and above these values, but none above 1."""
    if not len(values):
        return np.array([1.0])
    top = values[-1]
    above = [] if top == 1.0 else [(top + 1.0) / 2 if top < 1.0 else np.nextafter(top, np.inf)]
    return np.concatenate([values[:1], (values[:-1] + values[1:]) / 2, above])
