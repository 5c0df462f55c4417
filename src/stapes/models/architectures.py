"""Models for wake words, each a function of few named sizes that returns an untrained model.

Layers have names of their own, so that a model's tensors are called the same in every process.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from stapes.models.backend import keras


def reference_cnn(
    shape: tuple[int, ...] = (50, 13, 1),
    *,
    filters: tuple[int, int] = (32, 64),
    outputs: int = 2,
) -> Any:
    """The published student project's CNN: two convolutions, 20,226 parameters as it stands.

    Parameters
    ----------
    shape : tuple of int
        (frames, bins, 1) of the frontend, or (frames, bins).
    filters : tuple of int
        Of the two convolutions.
    outputs : int > 0
        Two are softmax over (other, wake word), one is the wake word's sigmoid.

    Returns
    -------
    model : tf_keras.Model
    """
    layers = keras().layers
    image = [] if len(shape) == 3 else [layers.Reshape((*shape, 1), name="image")]
    return keras().Sequential(
        [
            layers.Input(shape, name="features"),
            *image,
            layers.Conv2D(filters[0], 3, activation="relu", name="conv"),
            layers.MaxPooling2D(2, name="pool"),
            layers.Conv2D(filters[1], 3, activation="relu", name="conv_1"),
            layers.MaxPooling2D(2, name="pool_1"),
            layers.Flatten(name="flatten"),
            layers.Dropout(0.5, name="dropout"),
            layers.Dense(outputs, activation="softmax" if outputs > 1 else "sigmoid", name="dense"),
        ],
        name="reference_cnn",
    )


ARCHITECTURES: dict[str, Callable[[tuple[int, ...]], Any]] = {"reference_cnn": reference_cnn}
"""By the name that settings give."""
