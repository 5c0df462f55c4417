"""Architectures for wake words: functions of a few sizes, which return an untrained model.

Conventions: `shape` is that of the frontend's features, (frames, bins, 1) or (frames, bins).
`width` is the number of channels of each convolution, `blocks` that of the depthwise-separable
ones, and `kernel` the size of the depthwise ones. One output is the wake word's sigmoid; two are a
softmax over (other, wake word). `models.lowering.lower` folds batch normalization.

Each layer has a fixed name, so that the tensors of a model have the same names in every process.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from stapes.models.backend import keras


def reference_cnn(
    shape: tuple[int, ...] = (50, 13, 1),
    *,
    filters: tuple[int, int] = (32, 64),
    outputs: int = 2,
) -> Any:
    """The published student project's CNN: two convolutions, 20,226 parameters by default.

    `filters` are those of the two convolutions.
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
            layers.Dense(outputs, activation=_activation(outputs), name="dense"),
        ],
        name="reference_cnn",
    )


def temporal_cnn(
    shape: tuple[int, ...] = (50, 13, 1),
    *,
    width: int = 8,
    blocks: int = 3,
    kernel: int = 9,
    outputs: int = 2,
) -> Any:
    """Convolutions over time alone: the bins are channels from the first layer on.

    Source: TC-ResNet (Choi et al. 2019, arXiv:1904.03814), here with depthwise-separable
    convolutions and without residuals. The first kernel covers all bins, so the tensors are small
    at once: 50 frames of 8 channels, where two dimensions would need 13 times as much. 794
    parameters by default, once lowered. From the second block on, each halves the frames.
    """
    layers = keras().layers
    frames, bins = shape[:2]
    start = layers.Input(shape, name="features")
    x = layers.Reshape((frames, 1, bins), name="bins_as_channels")(start)
    x = _normalized(layers.Conv2D(width, (3, 1), padding="same", use_bias=False, name="conv"), x)
    for number in range(1, blocks + 1):
        # TensorFlow needs equal strides in a depthwise convolution; the other axis has size 1.
        x = _separable(x, f"block_{number}", width, (kernel, 1), 2 if number > 1 else 1)
    return _classifier("temporal_cnn", start, x, outputs)


def ds_cnn(
    shape: tuple[int, ...] = (50, 13, 1), *, width: int = 64, blocks: int = 4, outputs: int = 2
) -> Any:
    """Depthwise-separable convolutions over frames and bins.

    Sources: Zhang et al. 2017, "Hello Edge", arXiv:1711.07128; Banbury et al. 2021, "MLPerf Tiny",
    arXiv:2106.07597. At (49, 10, 1) with 12 outputs this is MLPerf Tiny's keyword spotting model
    without its dropout.
    """
    start, x = _image(shape)
    first = keras().layers.Conv2D(width, (10, 4), 2, padding="same", use_bias=False, name="conv")
    x = _normalized(first, x)
    for number in range(1, blocks + 1):
        x = _separable(x, f"block_{number}", width, (3, 3), 1)
    return _classifier("ds_cnn", start, x, outputs)


def bc_resnet(
    shape: tuple[int, ...] = (50, 13, 1),
    *,
    width: int = 8,
    blocks: int = 3,
    kernel: int = 3,
    outputs: int = 2,
) -> Any:
    """Broadcasted residuals: time is convolved on the mean over bins, and added to every bin.

    Source: Kim et al. 2021, "Broadcasted residual learning", arXiv:2106.04140: its block y = x +
    f2(x) + f1(mean over bins of f2(x)). Three things differ, so that the integer kernels of LiteRT,
    TFLite Micro and Vela run it and batch normalization folds: ReLU in place of swish, one batch
    normalization for all bins, and blocks of one width without dilation.
    """
    layers = keras().layers
    start, x = _image(shape)
    x = _normalized(layers.Conv2D(width, 5, 2, padding="same", use_bias=False, name="conv"), x)
    for number in range(1, blocks + 1):
        name = f"block_{number}"
        across = _depthwise((1, kernel), 1, f"{name}_bins")
        bins = _normalized(across, x, relu=False)
        mean = layers.AveragePooling2D((1, bins.shape[2]), name=f"{name}_mean")(bins)
        time = _separable(mean, name, width, (kernel, 1), 1)
        x = layers.Add(name=f"{name}_add")([x, bins])
        # Two layers of two inputs: the converter cannot convert a sum of three.
        x = layers.Add(name=f"{name}_broadcast")([x, time])
        x = layers.ReLU(name=f"{name}_relu")(x)
    return _classifier("bc_resnet", start, x, outputs)


ARCHITECTURES: dict[str, Callable[..., Any]] = {
    "reference_cnn": reference_cnn,
    "temporal_cnn": temporal_cnn,
    "ds_cnn": ds_cnn,
    "bc_resnet": bc_resnet,
}
"""By the name in settings."""


def sizes_of(architecture: str) -> list[str]:
    """Names of the integer sizes of an architecture."""
    parameters = inspect.signature(ARCHITECTURES[architecture]).parameters.values()
    # The corpus decides the outputs.
    return [item.name for item in parameters if item.annotation == "int" and item.name != "outputs"]


def _image(shape: tuple[int, ...]) -> tuple[Any, Any]:
    """The input layer, and its features with a last axis of one channel."""
    layers = keras().layers
    start = layers.Input(shape, name="features")
    return start, start if len(shape) == 3 else layers.Reshape((*shape, 1), name="image")(start)


def _activation(outputs: int) -> str:
    return "softmax" if outputs > 1 else "sigmoid"


def _depthwise(kernel: tuple[int, int], stride: int, name: str) -> Any:
    return keras().layers.DepthwiseConv2D(kernel, stride, padding="same", use_bias=False, name=name)


def _separable(x: Any, name: str, width: int, kernel: tuple[int, int], stride: int) -> Any:
    """A depthwise and a pointwise convolution, each with batch normalization and ReLU."""
    x = _normalized(_depthwise(kernel, stride, f"{name}_depthwise"), x)
    pointwise = keras().layers.Conv2D(width, 1, use_bias=False, name=f"{name}_pointwise")
    return _normalized(pointwise, x)


def _normalized(convolution: Any, x: Any, relu: bool = True) -> Any:
    layers, name = keras().layers, convolution.name
    # The mean of few batches, as a small corpus gives only a hundred steps.
    norm = layers.BatchNormalization(momentum=0.9, name=f"{name}_norm")
    x = norm(convolution(x))
    return layers.ReLU(name=f"{name}_relu")(x) if relu else x


def _classifier(name: str, start: Any, x: Any, outputs: int) -> Any:
    """The mean over frames and bins, and a dense layer."""
    layers = keras().layers
    # Not GlobalAveragePooling2D, which becomes the op MEAN.
    x = layers.AveragePooling2D(x.shape[1:3], name="mean")(x)
    x = layers.Flatten(name="flatten")(x)
    x = layers.Dense(outputs, activation=_activation(outputs), name="dense")(x)
    return keras().Model(start, x, name=name)
