"""False rejects among labelled clips, at a rate of false positives.

Conventions: those of `measure.roc`. Threshold and misses are those of `roc.frr_at`.

The threshold depends on a few clips. So clips are drawn again, and each draw chooses its threshold.
The interval is at least as wide as Wilson's for the measured threshold. Two models are compared
draw by draw.

Source: Efron 1979, "Bootstrap methods: another look at the jackknife", Ann. Statist. 7.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from stapes.contracts.measurements import ClipMisses, Difference
from stapes.measure.bootstrap import difference, interval
from stapes.measure.intervals import wilson
from stapes.measure.roc import allowed_positives, words_and_others

_DRAWS = 2000
_MOST_DRAWN = 1 << 20
"""Clips at a time, so that memory stays flat."""


def clip_misses(
    scores: NDArray[np.floating],
    y: NDArray[np.integer],
    percent: float,
    *,
    seed: int,
    float32: NDArray[np.floating] | None = None,
) -> ClipMisses | None:
    """The misses with their interval, and compared with float32's; None without both classes.

    Parameters
    ----------
    scores, y : np.ndarray [shape=(n,)]
    percent : float
        False positives that are allowed.
    seed : int
        Of the draws.
    float32 : np.ndarray [shape=(n,)], optional
        float32's scores of the same clips.

    Raises
    ------
    ValueError
        Not one label for each score, a score is no number, or `percent` is not from 0 to 100.
    """
    if not 0 <= percent < 100:
        raise ValueError(f"{percent} % false positives")
    words, others = words_and_others(scores, y)
    if not len(words) or not len(others):
        return None
    threshold = _threshold(others, percent)
    missed = int((words <= threshold).sum())
    draws = _resampled_frr(words, others, percent, seed)
    low, high = interval(draws, wilson(missed, len(words)))
    against: Difference | None = None
    if float32 is not None:
        other_words, other_others = words_and_others(float32, y)
        there = float((other_words <= _threshold(other_others, percent)).mean())
        other_draws = _resampled_frr(other_words, other_others, percent, seed)
        against = difference(draws, other_draws, missed / len(words), there)
    return ClipMisses(
        false_positive_percent=percent,
        allowed=allowed_positives(len(others), percent),
        words=len(words),
        others=len(others),
        threshold=threshold,
        frr=missed / len(words),
        frr_ci95=(low, high),
        against_float32=against,
    )


def _threshold(others: NDArray[np.floating], percent: float) -> float:
    return float(np.sort(others)[::-1][allowed_positives(len(others), percent)])


def _resampled_frr(
    words: NDArray[np.floating], others: NDArray[np.floating], percent: float, seed: int
) -> NDArray[np.float64]:
    """The FRR of each draw [shape=(draws,)]; clips of the same numbers give the same draws."""
    rng = np.random.default_rng([seed, 7])
    place = len(others) - 1 - allowed_positives(len(others), percent)
    missed = np.empty(_DRAWS)
    together = max(1, _MOST_DRAWN // (len(words) + len(others)))
    for begin in range(0, _DRAWS, together):
        rows = min(together, _DRAWS - begin)
        of_words = words[rng.integers(len(words), size=(rows, len(words)))]
        of_others = others[rng.integers(len(others), size=(rows, len(others)))]
        thresholds = np.partition(of_others, place, axis=1)[:, place]
        missed[begin : begin + rows] = (of_words <= thresholds[:, None]).mean(axis=1)
    return missed
