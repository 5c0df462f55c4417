"""False rejects among labelled clips, at a rate of false positives.

Conventions: `scores` [shape=(n,)] grow with the model's belief in the wake word; `y` [shape=(n,)]
is 1 where the clip says it. The threshold is the lowest score that at most the allowed part of the
other clips are above; a word is missed if its score is not above it. With fewer other clips than
make one false positive at the rate, none is allowed. Without words or others: None.

The threshold hangs on a few clips, so the interval is of words and others drawn anew, the threshold
chosen again each time, and no narrower than Wilson's for the threshold as it is. Two models are
compared draw by draw, over the same draws.

Source: Efron 1979, "Bootstrap methods: another look at the jackknife", Ann. Statist. 7.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from stapes.measure.bootstrap import difference, interval
from stapes.measure.intervals import wilson
from stapes.measurements import ClipMisses, Difference

_DRAWS = 2000


def miss_rate(scores: NDArray[np.floating], y: NDArray[np.integer], percent: float) -> float | None:
    """The part of the words that is missed at `percent` false positives.

    Raises
    ------
    ValueError
        Not one label for each score, a score is no number, or `percent` is not from 0 to 100.

    Examples
    --------
    >>> miss_rate(np.array([0.9, 0.4, 0.5, 0.1]), np.array([1, 1, 0, 0]), 0.5)
    0.5
    """
    words, others = _parted(scores, y, percent)
    if not len(words) or not len(others):
        return None
    return float((words <= _threshold(others, percent)).mean())


def clip_misses(
    scores: NDArray[np.floating],
    y: NDArray[np.integer],
    percent: float,
    *,
    seed: int,
    float32: NDArray[np.floating] | None = None,
) -> ClipMisses | None:
    """The misses with their interval, and against float32's scores of the same clips.

    Parameters
    ----------
    scores : np.ndarray [shape=(n,)]
    y : np.ndarray [shape=(n,)]
    percent : float
        False positives that are allowed.
    seed : int
        Of the draws.
    float32 : np.ndarray [shape=(n,)], optional

    Raises
    ------
    ValueError
        As `miss_rate` does.
    """
    words, others = _parted(scores, y, percent)
    if not len(words) or not len(others):
        return None
    threshold = _threshold(others, percent)
    missed = int((words <= threshold).sum())
    draws = _drawn(words, others, percent, seed)
    low, high = interval(draws, wilson(missed, len(words)))
    against: Difference | None = None
    if float32 is not None:
        its_words, its_others = _parted(float32, y, percent)
        there = float((its_words <= _threshold(its_others, percent)).mean())
        its_draws = _drawn(its_words, its_others, percent, seed)
        against = difference(draws, its_draws, missed / len(words), there)
    return ClipMisses(
        false_positive_percent=percent,
        allowed=_allowed(len(others), percent),
        words=len(words),
        others=len(others),
        threshold=threshold,
        frr=missed / len(words),
        frr_ci95=(low, high),
        against_float32=against,
    )


def _parted(
    scores: NDArray[np.floating], y: NDArray[np.integer], percent: float
) -> tuple[NDArray[np.floating], NDArray[np.floating]]:
    if scores.shape != y.shape or scores.ndim != 1:
        raise ValueError(f"scores {scores.shape} for labels {y.shape}")
    if not np.isfinite(scores).all():
        raise ValueError("a score is no number")
    if not 0 <= percent < 100:
        raise ValueError(f"{percent} % false positives")
    is_word = np.asarray(y, bool)
    return scores[is_word], scores[~is_word]


def _allowed(others: int, percent: float) -> int:
    # 0.5 % of 200 is 1, whatever the fractions of binary numbers say.
    return int(round(percent * others / 100, 9))


def _threshold(others: NDArray[np.floating], percent: float) -> float:
    return float(np.sort(others)[::-1][_allowed(len(others), percent)])


def _drawn(
    words: NDArray[np.floating], others: NDArray[np.floating], percent: float, seed: int
) -> NDArray[np.float64]:
    """The misses of each draw [shape=(draws,)]; the same clips for every model of these numbers."""
    rng = np.random.default_rng([seed, 7])
    of_words = rng.integers(len(words), size=(_DRAWS, len(words)))
    of_others = rng.integers(len(others), size=(_DRAWS, len(others)))
    place = len(others) - 1 - _allowed(len(others), percent)
    thresholds = np.partition(others[of_others], place, axis=1)[:, place]
    missed: NDArray[np.float64] = (words[of_words] <= thresholds[:, None]).mean(axis=1)
    return missed
