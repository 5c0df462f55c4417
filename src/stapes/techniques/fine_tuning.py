"""Train a model on that a technique has changed, with the baseline as its teacher.

A changed model has few steps to find back to what the baseline knew. The baseline's own scores,
softened, tell it more a clip than the label does (Hinton, Vinyals and Dean 2015,
arXiv:1503.02531), and keep a row of the table close to the baseline in what it gets right.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from stapes.models.backend import keras
from stapes.models.training import batches
from stapes.techniques.recipes import FineTuning
from stapes.techniques.variant import Material


def fine_tune(
    model: Any, material: Material, recipe: FineTuning, callbacks: list[Any] | None = None
) -> None:
    """Train `model` in place; the last epoch is kept.

    Parameters
    ----------
    model : tf_keras.Model
        One sigmoid output, or softmax outputs as the baseline has them.
    material : Material
    recipe : FineTuning
    callbacks : list of tf_keras.callbacks.Callback, optional
    """
    tf_keras = keras()
    outputs = model.output_shape[-1]
    loss = "binary_crossentropy" if outputs == 1 else "categorical_crossentropy"
    rate = recipe.learning_rate
    if recipe.decay:
        rate = tf_keras.optimizers.schedules.CosineDecay(rate, steps(material, recipe))
    model.compile(tf_keras.optimizers.Adam(rate), loss=loss)
    labels = soft_labels(material, recipe, outputs)
    model.fit(
        batches(material.training, recipe.batch, material.seed, labels),
        epochs=recipe.epochs,
        shuffle=False,
        verbose=0,
        callbacks=callbacks or [],
    )


def steps(material: Material, recipe: FineTuning) -> int:
    """The number of batches that `fine_tune` trains on in all."""
    return -(-len(material.training.y) // recipe.batch) * recipe.epochs


def soft_labels(material: Material, recipe: FineTuning, outputs: int) -> NDArray[np.float32]:
    """The clips' labels mixed with the baseline's softened scores.

    Returns
    -------
    labels : np.ndarray [shape=(n, outputs)]
    """
    hard = hard_labels(material, outputs)
    if recipe.teacher == 0:
        return hard
    scores = _both(_clipped(material.teacher))
    # Scores are a softmax of logits: their logarithm is the logits up to a constant.
    cooled = np.log(scores) / recipe.temperature
    cooled = np.exp(cooled - cooled.max(axis=1, keepdims=True))
    soft = cooled / cooled.sum(axis=1, keepdims=True)
    soft = soft[:, 1:] if outputs == 1 else soft
    mixed: NDArray[np.float32] = recipe.teacher * soft + (1 - recipe.teacher) * hard
    return mixed.astype(np.float32)


def hard_labels(material: Material, outputs: int) -> NDArray[np.float32]:
    """The clips' labels as scores.

    Where the baseline tells more than two classes apart, a clip of another word is shared out
    among the other classes as the baseline does it: which of them it is, the corpus does not say.

    Returns
    -------
    labels : np.ndarray [shape=(n, outputs)]
    """
    is_word = material.training.y.astype(np.float32)[:, None]
    if outputs == 1:
        return is_word
    word = np.eye(outputs, dtype=np.float32)[material.positive]
    others = _clipped(material.teacher) if outputs > 2 else np.ones(outputs, np.float32)
    others = others * (1 - word)
    shared = others / others.sum(axis=-1, keepdims=True)
    labels: NDArray[np.float32] = is_word * word + (1 - is_word) * shared
    return labels.astype(np.float32)


def _clipped(scores: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.clip(scores, 1e-7, 1 - 1e-7)


def _both(scores: NDArray[np.float32]) -> NDArray[np.float32]:
    """A sigmoid's scores as those of two classes; others as they are."""
    return np.concatenate([1 - scores, scores], axis=1) if scores.shape[1] == 1 else scores
