"""Small services on tf_keras models that several techniques need."""

from __future__ import annotations

from typing import Any

from stapes.models.backend import keras


def clone(model: Any) -> Any:
    """A copy with weights of its own; TFMOT strips and wraps the layers of what it is given."""
    copy = keras().models.clone_model(model)
    copy.set_weights(model.get_weights())
    return copy
