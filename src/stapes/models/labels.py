"""Training labels: the truth, mixed with a teacher's scores or smoothed by a constant.

Conventions: `y` [shape=(n,)] is 1 where a clip says the wake word. Labels and a teacher's scores
are [shape=(n, outputs)]: one output is the wake word's sigmoid, several are a distribution over
classes, of which `positive` is the wake word.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def hard_labels(
    y: NDArray[np.integer],
    outputs: int,
    *,
    positive: int = 1,
    teacher: NDArray[np.floating] | None = None,
) -> NDArray[np.float32]:
    """The truth as scores.

    With more than two classes, the corpus does not say which of the other classes a negative is.
    Its label is then spread over them as the teacher does it, or evenly without a teacher.

    Examples
    --------
    >>> hard_labels(np.array([1, 0]), 2)
    array([[0., 1.],
           [1., 0.]], dtype=float32)
    """
    is_word = y.astype(np.float32)[:, None]
    if outputs == 1:
        return is_word
    word = np.eye(outputs, dtype=np.float32)[positive]
    others: NDArray[np.floating] = np.ones(outputs, np.float32)
    if outputs > 2 and teacher is not None:
        others = _clipped(teacher)
    others = others * (1 - word)
    shared = others / others.sum(axis=-1, keepdims=True)
    labels: NDArray[np.float32] = is_word * word + (1 - is_word) * shared
    return labels.astype(np.float32)


def softened(
    y: NDArray[np.integer],
    outputs: int,
    teacher: NDArray[np.floating],
    *,
    share: float,
    temperature: float = 1.0,
    positive: int = 1,
) -> NDArray[np.float32]:
    """The truth mixed with a teacher's scores (Hinton, Vinyals and Dean 2015, arXiv:1503.02531).

    Parameters
    ----------
    y : np.ndarray [shape=(n,)]
    outputs : int > 0
        Of the student, and of the teacher.
    teacher : np.ndarray [shape=(n, outputs)]
        The teacher's scores of the same clips.
    share : float from 0 to 1
        The teacher's share in the labels.
    temperature : float > 0
        Divides the teacher's logits: above 1, its scores are closer together.
    positive : int
        The output of the wake word.

    Raises
    ------
    ValueError
        The teacher's scores have another shape.

    Examples
    --------
    >>> softened(np.array([1]), 2, np.array([[0.2, 0.8]]), share=0.5)
    array([[0.1, 0.9]], dtype=float32)
    """
    if teacher.shape != (len(y), outputs):
        raise ValueError(
            f"the teacher's scores have shape {teacher.shape}, not {(len(y), outputs)}"
        )
    hard = hard_labels(y, outputs, positive=positive, teacher=teacher)
    scores = _two_classes(_clipped(teacher))
    # The logarithm of a softmax is its logits, up to a constant.
    cooled = np.log(scores) / temperature
    cooled = np.exp(cooled - cooled.max(axis=1, keepdims=True))
    soft = cooled / cooled.sum(axis=1, keepdims=True)
    soft = soft[:, 1:] if outputs == 1 else soft
    mixed: NDArray[np.float32] = share * soft + (1 - share) * hard
    return mixed.astype(np.float32)


def smoothed(labels: NDArray[np.float32], amount: float) -> NDArray[np.float32]:
    """Labels of which the part `amount`, from 0 to 1, is spread evenly over the classes.

    Source: Szegedy et al. 2016, "Rethinking the Inception architecture for computer vision",
    arXiv:1512.00567, section 7. One sigmoid output counts as two classes.

    Examples
    --------
    >>> smoothed(np.array([[0.0, 1.0]], np.float32), 0.1)
    array([[0.05, 0.95]], dtype=float32)
    """
    if not amount:
        return labels
    mixed: NDArray[np.float32] = (1 - amount) * labels + amount / max(2, labels.shape[1])
    return mixed.astype(np.float32)


def _clipped(scores: NDArray[np.floating]) -> NDArray[np.floating]:
    clipped: NDArray[np.floating] = np.clip(scores, 1e-7, 1 - 1e-7)
    return clipped


def _two_classes(scores: NDArray[np.floating]) -> NDArray[np.floating]:
    """The scores of a sigmoid as those of two classes; other scores unchanged."""
    return np.concatenate([1 - scores, scores], axis=1) if scores.shape[1] == 1 else scores
