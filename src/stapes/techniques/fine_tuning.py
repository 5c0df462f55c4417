"""Train a model on that a technique has changed, with the baseline as its teacher.

A changed model has few steps to find back to what the baseline knew. The baseline's own scores,
softened, tell it more a clip than the label does (Hinton, Vinyals and Dean 2015,
arXiv:1503.02531), and keep a row of the table close to the baseline in what it gets right.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from stapes.models import labels
from stapes.models.training import adam, batches, crossentropy
from stapes.techniques.recipes import FineTuning
from stapes.techniques.variant import Material


def fine_tune(
    model: Any,
    material: Material,
    recipe: FineTuning,
    callbacks: list[Any] | None = None,
    *,
    label_smoothing: float = 0.0,
    masks: tuple[int, int] = (0, 0),
) -> None:
    """Train `model` in place; the last epoch is kept.

    Parameters
    ----------
    model : tf_keras.Model
        One sigmoid output, or softmax outputs as the baseline has them.
    material : Material
    recipe : FineTuning
    callbacks : list of tf_keras.callbacks.Callback, optional
    label_smoothing : float from 0 to 1
        The part of the mixed labels that is shared out among the classes.
    masks : (int, int) [frames, bins]
        At most so many are hidden of each clip: `models.masks.masked`.
    """
    outputs = model.output_shape[-1]
    optimizer = adam(recipe.learning_rate, steps(material, recipe) if recipe.decay else None)
    model.compile(optimizer, loss=crossentropy(outputs))
    targets = labels.smoothed(soft_labels(material, recipe, outputs), label_smoothing)
    model.fit(
        batches(material.training, recipe.batch, material.seed, targets, masks),
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
    if recipe.teacher == 0:
        return hard_labels(material, outputs)
    return labels.softened(
        material.training.y,
        outputs,
        material.teacher,
        share=recipe.teacher,
        temperature=recipe.temperature,
        positive=material.positive,
    )


def hard_labels(material: Material, outputs: int) -> NDArray[np.float32]:
    """The clips' labels as scores; a baseline of many classes shares other words out among them.

    Returns
    -------
    labels : np.ndarray [shape=(n, outputs)]
    """
    teacher = material.teacher if outputs > 2 else None
    y = material.training.y
    return labels.hard_labels(y, outputs, positive=material.positive, teacher=teacher)
