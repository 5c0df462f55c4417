"""A helper on tf_keras models for several techniques."""

from __future__ import annotations

from typing import Any

from stapes.models.backend import keras


def clone(model: Any) -> Any:
    """A copy with weights of its own, as TFMOT changes the layers of its argument."""
    copy = keras().models.clone_model(model)
    copy.set_weights(model.get_weights())
    return copy
