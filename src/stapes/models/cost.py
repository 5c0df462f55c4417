"""The MACs of one inference of a Keras model, from the shapes of its layers."""

from __future__ import annotations

import math
from typing import Any

from stapes.models.backend import keras


def macs(model: Any) -> int:
    """Multiply-accumulates of one inference of a tf_keras.Model, counted as for the reference CNN.

    Convolutions and dense layers count the multiplications of their kernels, without biases.
    Pooling counts each element that a window reads, and softmax two operations a class, although
    neither multiplies: 18,180 of the reference CNN's 1,388,164.
    """
    return sum(_layer_macs(layer) for layer in model.layers)


def _layer_macs(layer: Any) -> int:
    layers = keras().layers
    positions = math.prod(layer.output_shape[1:-1]) if isinstance(layer.output_shape, tuple) else 0
    count = 0
    if isinstance(layer, layers.DepthwiseConv2D):
        count = positions * math.prod(layer.depthwise_kernel.shape)
    elif isinstance(layer, (layers.Conv1D, layers.Conv2D, layers.Dense)):
        count = positions * math.prod(layer.kernel.shape)
    elif isinstance(layer, (layers.MaxPooling2D, layers.AveragePooling2D)):
        count = math.prod(layer.output_shape[1:]) * math.prod(layer.pool_size)
    if getattr(layer, "activation", None) is keras().activations.softmax:
        count += 2 * math.prod(layer.output_shape[1:])
    return count
