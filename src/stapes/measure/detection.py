"""Detection in continuous sound: false accepts an hour against false rejects.

What is measured is what a device does. A window slides over the sound by a fixed hop; the model
scores each window; the last N scores are averaged (`smooth`); a smoothed score at or above the
threshold is a detection, after which the device is deaf for the refractory period.

The rules:

- The averages begin when N scores are there; each recording begins anew.
- A false accept is one detection in sound without the word. The threshold is crossed once for it,
  however long the score stays above: the next can come when the refractory period is over.
- An embedded word is detected if a smoothed score reaches the threshold in a window that ends where
  the word's clip begins, or later, and at most a tolerance after it ends. Else it is a false
  reject. What came before it does not make the device deaf: each word is tried on its own.
- A threshold lies halfway between two scores that occur, so that no detection hangs on rounding.
- For a wanted rate of false accepts, the threshold is the lowest at which, as at every higher one,
  no more occur than the rate allows in the hours that were heard. It is chosen on the sound that
  it is measured on, as is usual, and with few false accepts it could as well have been another:
  `measure.bootstrap` puts that into the intervals.
- The hours are those in which a detection can happen: the time until the first average of each
  recording does not count.
- The hours carry a rate if one false accept in them is no more than the rate: 0.5 an hour needs two
  hours. For a lower rate nothing is told.

Sources: the first three rules are those of ESPHome's micro_wake_word (a moving average, a cutoff, a
wait) and of microWakeWord's tests, which count false accepts in ambient sound with a cool-down; the
curve is Martin et al. 1997, "The DET curve in assessment of detection task performance", with hours
in place of trials, as in Chen et al. 2014, "Small-footprint keyword spotting using deep neural
networks", and in Picovoice's wake-word benchmark.

Metrics: `smooth`, `false_accepts`, `Curve` (all thresholds), `at_rate`, `at_threshold`, `det`.
Intervals: Wilson's for false rejects at a given threshold, which takes the words as independent;
the exact Poisson interval for false accepts.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stapes.contracts.measurements import DetCurve, OperatingPoint
from stapes.measure.intervals import poisson_rate, wilson

_MOST_POINTS = 120
"""Of a curve that is to be drawn."""

_UNREACHED = (
    "scores of sound without the word reach the highest that there is: no threshold is strict "
    "enough for this rate"
)


@dataclass(frozen=True)
class Curve:
    """What every threshold gives.

    thresholds : np.ndarray [shape=(t,)], ascending
    false_accepts : np.ndarray [shape=(t,)], int
    words : np.ndarray [shape=(n,)], the highest smoothed score at each embedded word
    hours : float > 0, of sound without the word
    recordings, refractory : what was counted in, as `curve` was given it
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
        found: NDArray[np.int64] = np.searchsorted(np.sort(self.words), self.thresholds, "left")
        return found


def smooth(scores: NDArray[np.floating], n: int) -> NDArray[np.float64]:
    """The mean of each score and the n - 1 before it.

    Parameters
    ----------
    scores : np.ndarray [shape=(windows,)]
    n : int > 0

    Returns
    -------
    smoothed : np.ndarray [shape=(max(0, windows - n + 1),)]
        Row `i` is known when window `i + n - 1` was scored.

    Examples
    --------
    >>> smooth(np.array([0.0, 1.0, 1.0]), 2)
    array([0.5, 1. ])
    """
    if n < 1:
        raise ValueError(f"a mean of {n} scores")
    if len(scores) < n:
        return np.zeros(0)
    # Of exact integers where the scores are: a running sum would drift.
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
        Smoothed scores of the windows that may detect each embedded word; of none, it is missed.
    hours : float > 0
        Of the recordings.
    refractory : int > 0 [windows]
        A detection in window `i` is followed by one in `i + refractory` at the soonest.

    Raises
    ------
    ValueError
        No hours, no refractory window, or a score is no number.
    """
    if not hours > 0 or refractory < 1:
        raise ValueError(f"{hours} hours, a refractory period of {refractory} windows")
    best = np.array([each.max() if len(each) else -np.inf for each in words], np.float64)
    occurring = [best[best > -np.inf], *(_peaks(each) for each in recordings)]
    values = np.unique(np.concatenate(occurring))
    if not np.isfinite(values).all():
        raise ValueError("a score is no number")
    thresholds = _between(values)
    counts = np.zeros(len(thresholds), np.int64)
    for each in recordings:
        counts += false_accepts(each, thresholds, refractory)
    return Curve(thresholds, counts, best, hours, recordings, refractory)


def false_accepts(
    smoothed: NDArray[np.float64], thresholds: NDArray[np.float64], refractory: int
) -> NDArray[np.int64]:
    """Detections in one recording, for each of many thresholds in one pass.

    Parameters
    ----------
    smoothed : np.ndarray [shape=(windows,)]
    thresholds : np.ndarray [shape=(t,)]
        Ascending.
    refractory : int > 0 [windows]

    Returns
    -------
    counts : np.ndarray [shape=(t,)]

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


def at_rate(found: Curve, target: float) -> OperatingPoint:
    """The point for a wanted rate of false accepts.

    Parameters
    ----------
    found : Curve
    target : float > 0 [false accepts an hour]
    """
    allowed = allowed_accepts(found, target)
    if allowed < 1:
        needed = 1 / target
        return OperatingPoint(
            target_fa_per_hour=target,
            resolvable=False,
            needs_hours=needed,
            reason=f"not resolvable: {target:g} an hour needs {needed:.3g} hours of sound without "
            f"the word, and there are {found.hours:.3g}",
        )
    too_many = np.flatnonzero(found.false_accepts > allowed)
    place = int(too_many[-1]) + 1 if len(too_many) else 0
    if place == len(found.thresholds):
        return OperatingPoint(target_fa_per_hour=target, resolvable=False, reason=_UNREACHED)
    return _point(found, place).model_copy(update={"target_fa_per_hour": target})


def allowed_accepts(found: Curve, target: float) -> int:
    """The false accepts that a rate [an hour] allows in the hours of a curve."""
    # A rate of exactly one in these hours must not fail by rounding.
    return math.floor(target * found.hours * (1 + 1e-9))


def at_threshold(found: Curve, threshold: float | None) -> OperatingPoint:
    """The point of a threshold that was chosen elsewhere; without one, no point."""
    if threshold is None:
        return OperatingPoint(resolvable=False, reason="no threshold was found without noise")
    strict = np.array([threshold])
    accepts = sum(
        int(false_accepts(each, strict, found.refractory)[0]) for each in found.recordings
    )
    return _counted(found, threshold, accepts, int((found.words < threshold).sum()))


def lowest_rate(hours: float) -> float:
    """The lowest rate of false accepts that so many hours carry [an hour]."""
    return 1.0 / hours


def det(found: Curve) -> DetCurve:
    """The curve from the strictest threshold on, each point where something changes, thinned."""
    counts, misses = found.false_accepts[::-1], found.misses[::-1]
    changes = np.append(True, (np.diff(counts) != 0) | (np.diff(misses) != 0))
    places = np.flatnonzero(changes)
    if len(places) > _MOST_POINTS:
        # Evenly in the logarithm of the false accepts, where such a curve is looked at.
        height = np.log1p(np.maximum.accumulate(counts[places]))
        travelled = height / max(height[-1], 1e-9) + np.linspace(0, 1, len(places))
        wanted = np.linspace(0, travelled[-1], _MOST_POINTS)
        places = places[np.unique(np.searchsorted(travelled, wanted).clip(0, len(places) - 1))]
    words = max(1, len(found.words))
    return DetCurve(
        threshold=[round(float(value), 9) for value in found.thresholds[::-1][places]],
        fa_per_hour=[round(float(value) / found.hours, 4) for value in counts[places]],
        frr=[round(float(value) / words, 6) for value in misses[places]],
    )


def _point(found: Curve, place: int) -> OperatingPoint:
    return _counted(
        found,
        float(found.thresholds[place]),
        int(found.false_accepts[place]),
        int(found.misses[place]),
    )


def _counted(found: Curve, threshold: float, accepts: int, misses: int) -> OperatingPoint:
    words = len(found.words)
    return OperatingPoint(
        threshold=threshold,
        false_accepts=accepts,
        fa_per_hour=accepts / found.hours,
        fa_per_hour_ci95=poisson_rate(accepts, found.hours),
        misses=misses,
        frr=misses / words if words else None,
        frr_ci95=wilson(misses, words),
    )


def _peaks(smoothed: NDArray[np.float64]) -> NDArray[np.float64]:
    """The scores that no neighbour exceeds: elsewhere a threshold changes when, not whether.

    (Along a slope, the moment of a detection moves with the threshold, and with it the end of the
    refractory period. That moves no threshold here, but the counts are made for each as it is.)
    """
    if not len(smoothed):
        return smoothed
    before = np.append(-np.inf, smoothed[:-1])
    after = np.append(smoothed[1:], -np.inf)
    return smoothed[(smoothed >= before) & (smoothed >= after)]


def _between(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Thresholds below, between and above these values; above 1, where no probability is, none."""
    if not len(values):
        return np.array([1.0])
    top = values[-1]
    above = [] if top == 1.0 else [(top + 1.0) / 2 if top < 1.0 else np.nextafter(top, np.inf)]
    return np.concatenate([values[:1], (values[:-1] + values[1:]) / 2, above])
