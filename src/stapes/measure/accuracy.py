"""Accuracy of decisions on labelled clips.

Conventions: `scores` [shape=(n, outputs)] are a model's dequantized outputs, one row a clip;
`y` [shape=(n,)] is 1 where the clip is the wake word. A model with one output (a sigmoid)
decides for the wake word above 0.5. A model with several decides for its largest output, the
first of equal ones; output `positive` is the wake word. Without clips, accuracy is None.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stapes.measure.intervals import wilson


@dataclass(frozen=True)
class Accuracy:
    """Correct and wrong decisions."""

    n: int
    true_positives: int
    false_negatives: int
    false_positives: int
    true_negatives: int

    @property
    def correct(self) -> int:
        """The number of correct decisions."""
        return self.true_positives + self.true_negatives

    @property
    def value(self) -> float | None:
        """The share of decisions that are correct."""
        return self.correct / self.n if self.n else None

    @property
    def ci95(self) -> tuple[float, float]:
        """Wilson's 95 % interval."""
        return wilson(self.correct, self.n)


def decide(scores: NDArray[np.floating], positive: int = 1) -> NDArray[np.bool_]:
    """Whether each row of scores decides for the wake word.

    Raises
    ------
    ValueError
        `scores` is not two-dimensional, or has no output `positive`.
    """
    if scores.ndim != 2 or scores.shape[1] == 0:
        raise ValueError(f"scores must be [n, outputs], not {scores.shape}")
    if scores.shape[1] == 1:
        return np.asarray(scores[:, 0] > 0.5)
    if not 0 <= positive < scores.shape[1]:
        raise ValueError(f"the model has {scores.shape[1]} outputs, none of them is {positive}")
    return np.asarray(scores.argmax(axis=1) == positive)


def word_scores(scores: NDArray[np.floating], positive: int = 1) -> NDArray[np.floating]:
    """The score of the wake word in each row [shape=(n,)]; raises as `decide` does."""
    decide(scores[:0], positive)
    return scores[:, 0 if scores.shape[1] == 1 else positive]


def accuracy(scores: NDArray[np.floating], y: NDArray[np.integer], positive: int = 1) -> Accuracy:
    """Count the decisions of `scores` against the labels `y`.

    Raises
    ------
    ValueError
        `y` is not one label for each row of `scores`.

    Examples
    --------
    >>> accuracy(np.array([[0.9, 0.1], [0.2, 0.8]]), np.array([0, 0])).value
    0.5
    """
    decisions = decide(scores, positive)
    if decisions.shape != y.shape:
        raise ValueError(f"{len(decisions)} rows of scores for labels {y.shape}")
    is_word = np.asarray(y, bool)
    return Accuracy(
        n=len(y),
        true_positives=int((decisions & is_word).sum()),
        false_negatives=int((~decisions & is_word).sum()),
        false_positives=int((decisions & ~is_word).sum()),
        true_negatives=int((~decisions & ~is_word).sum()),
    )
