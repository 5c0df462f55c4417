"""How well scores separate the clips of the word from the others.

Conventions: `scores` [shape=(n,)] are higher the surer the model is of the wake word; `y`
[shape=(n,)] is 1 where the clip is the word. Equal scores are half right. A metric is None without
clips of both classes, and raises as `words_and_others` does.

Metrics: `auc` (the chance that a clip of the word scores above another one: Hanley and McNeil 1982,
Radiology 143), `eer` (the error where misses and false alarms are equally frequent: Martin et al.
1997, "The DET curve in assessment of detection task performance"), `frr_at` (a point of that
curve).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def auc(scores: NDArray[np.floating], y: NDArray[np.integer]) -> float | None:
    """Area under the ROC curve.

    Examples
    --------
    >>> auc(np.array([0.1, 0.4, 0.4, 0.9]), np.array([0, 0, 1, 1]))
    0.875
    """
    words, others = words_and_others(scores, y)
    if not len(words) or not len(others):
        return None
    others = np.sort(others)
    below = np.searchsorted(others, words, "left")
    not_above = np.searchsorted(others, words, "right")
    return float((below + not_above).sum() / 2 / len(words) / len(others))


def eer(scores: NDArray[np.floating], y: NDArray[np.integer]) -> float | None:
    """Equal error rate, interpolated between two thresholds.

    Examples
    --------
    >>> eer(np.array([0.1, 0.8, 0.2, 0.9]), np.array([0, 0, 1, 1]))
    0.5
    """
    words, others = words_and_others(scores, y)
    if not len(words) or not len(others):
        return None
    thresholds = np.append(np.unique(scores), np.inf)
    missed = np.searchsorted(np.sort(words), thresholds, "left") / len(words)
    false = 1.0 - np.searchsorted(np.sort(others), thresholds, "left") / len(others)
    # Misses grow from 0 to 1 and false alarms fall from 1 to 0: where they cross.
    after = int(np.argmax(missed >= false))
    gap_before = false[after - 1] - missed[after - 1]
    gap_after = missed[after] - false[after]
    part = gap_before / (gap_before + gap_after)
    return float(missed[after - 1] + part * (missed[after] - missed[after - 1]))


def frr_at(
    scores: NDArray[np.floating], y: NDArray[np.integer], false_positive_percent: float
) -> float | None:
    """The share of words missed where at most so many percent of the other clips are accepted.

    The threshold is just above the score of the first clip that must not be accepted, so a word of
    that score is missed. Where the percentage allows less than one clip, it allows none.

    Examples
    --------
    >>> frr_at(np.array([0.9, 0.3, 0.4, 0.1]), np.array([1, 1, 0, 0]), 0.5)
    0.5
    """
    words, others = words_and_others(scores, y)
    if not len(words) or not len(others):
        return None
    allowed = allowed_positives(len(others), false_positive_percent)
    if allowed >= len(others):
        return 0.0
    return float((words <= np.sort(others)[::-1][allowed]).mean())


def allowed_positives(others: int, false_positive_percent: float) -> int:
    """How many of so many other clips a percentage allows to be accepted."""
    # With rounding, 29 % of 100 clips would be 28.
    return int(false_positive_percent / 100 * others + 1e-9)


def words_and_others(
    scores: NDArray[np.floating], y: NDArray[np.integer]
) -> tuple[NDArray[np.floating], NDArray[np.floating]]:
    """The scores of the clips of the word, and those of the others.

    Raises
    ------
    ValueError
        Not one label for each score, or a score is no number.
    """
    if scores.shape != y.shape or scores.ndim != 1:
        raise ValueError(f"scores {scores.shape} for labels {y.shape}")
    if not np.isfinite(scores).all():
        raise ValueError("a score is no number")
    is_word = np.asarray(y, bool)
    return scores[is_word], scores[~is_word]
