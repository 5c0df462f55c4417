"""Fine-tune a model that a technique has changed, with the baseline as its teacher.

A changed model has few steps to learn again. The baseline's softened scores teach it more per clip
than the label (Hinton, Vinyals and Dean 2015, arXiv:1503.02531), and keep it close to the baseline.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from stapes.models import labels
from stapes.models.stream_training import fit_stream
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
    """Train `model` in place, and keep the last epoch.

    Parameters
    ----------
    model : tf_keras.Model
        One sigmoid output, or the softmax outputs of the baseline.
    callbacks : list of tf_keras.callbacks.Callback, optional
    label_smoothing : float from 0 to 1
        The share of the labels that all classes divide equally.
    masks : (int, int) [frames, bins]
        The most that `models.masks.masked` hides in each clip.
    """
    if (stream := material.stream) is not None:
        rate = recipe.learning_rate
        fit_stream(
            model, stream.crops, stream.settings, epochs=recipe.epochs, learning_rate=rate,
            callbacks=callbacks or [],
        )  # fmt: skip
        return
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
    """The number of batches of all epochs of `fine_tune`."""
    if material.stream is not None:
        return material.stream.settings.steps * recipe.epochs
    return -(-len(material.training.y) // recipe.batch) * recipe.epochs


def soft_labels(material: Material, recipe: FineTuning, outputs: int) -> NDArray[np.float32]:
    """The clips' labels mixed with the baseline's softened scores [shape=(n, outputs)]."""
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
    """The clips' labels as scores [shape=(n, outputs)].

    A baseline of many classes distributes other words over its classes.
    """
    teacher = material.teacher if outputs > 2 else None
    y = material.training.y
    return labels.hard_labels(y, outputs, positive=material.positive, teacher=teacher)
