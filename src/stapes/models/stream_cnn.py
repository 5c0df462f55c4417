"""A CNN for streams: one score for each few frames of a recording of any length.

Each convolution is over time alone and `valid`: an output depends on the frames of its receptive
field and on nothing else. So the same weights score a window, a whole recording at once, and, with
ring buffers in place of the old frames, a stream (`models.streaming`).

Sources: depthwise-separable convolutions over time as in TC-ResNet (Choi et al. 2019,
arXiv:1904.03814) and in MixedNet of microWakeWord.
"""

from __future__ import annotations

from typing import Any

from stapes.models.backend import keras

FIRST_KERNEL = 5
"""Frames of the convolution with the stride."""

SIZES = {"width": 26, "blocks": 3, "kernel": 11, "stride": 3}
"""The default sizes of `stream_cnn`."""


def stream_cnn(
    bins: int = 40,
    *,
    width: int = SIZES["width"],
    blocks: int = SIZES["blocks"],
    kernel: int = SIZES["kernel"],
    stride: int = SIZES["stride"],
) -> Any:
    """An untrained model from features [n, frames, bins] to logits [n, steps, 1, 1].

    The bins are channels from the first layer on. The kernels grow by two from block to block, as
    later blocks have fewer details and more context. There is one step for each `stride` frames
    after the first receptive field. 4,655 parameters by default, 4,343 once lowered.
    """
    layers = keras().layers
    start = layers.Input((None, bins), name="features")
    x = layers.Reshape((-1, 1, bins), name="bins_as_channels")(start)
    x = _normalized(layers.Conv2D(width, 1, use_bias=False, name="conv"), x)
    # TensorFlow needs equal strides in a depthwise convolution; the other axis has size 1.
    x = layers.DepthwiseConv2D((FIRST_KERNEL, 1), stride, use_bias=False, name="stride")(x)
    for number, size in enumerate(_kernels(blocks, kernel), 1):
        name = f"block_{number}"
        x = layers.DepthwiseConv2D((size, 1), use_bias=False, name=f"{name}_depthwise")(x)
        pointwise = layers.Conv2D(width, 1, use_bias=False, name=f"{name}_pointwise")
        x = _normalized(pointwise, x)
    x = layers.Conv2D(1, 1, name="logit")(x)
    return keras().Model(start, x, name="stream_cnn")


def receptive_field(
    *,
    width: int = SIZES["width"],
    blocks: int = SIZES["blocks"],
    kernel: int = SIZES["kernel"],
    stride: int = SIZES["stride"],
) -> int:
    """The frames that an output of `stream_cnn` depends on.

    Examples
    --------
    >>> receptive_field()
    113
    """
    return FIRST_KERNEL + stride * sum(size - 1 for size in _kernels(blocks, kernel))


def kernel_for(frames: int, *, blocks: int = SIZES["blocks"], stride: int = SIZES["stride"]) -> int:
    """The smallest first kernel whose receptive field has so many frames, and at least 5.

    Examples
    --------
    >>> kernel_for(113), kernel_for(114)
    (11, 13)
    """
    kernel = 5
    while receptive_field(blocks=blocks, kernel=kernel, stride=stride) < frames:
        kernel += 2
    return kernel


def sizes_of(model: Any) -> dict[str, int]:
    """The sizes that `stream_cnn` made a model with, also of one that is lowered."""
    kernels = [layer.kernel_size[0] for layer in model.layers if layer.name.endswith("_depthwise")]
    return {
        "bins": model.input_shape[2],
        "width": model.get_layer("conv").filters,
        "blocks": len(kernels),
        "kernel": kernels[0],
        "stride": model.get_layer("stride").strides[0],
    }


def is_stream(model: Any) -> bool:
    """Whether a Keras model takes recordings of any length, as `stream_cnn` does."""
    return model.input_shape[1] is None


def field_of(model: Any) -> tuple[int, int]:
    """The receptive field and the stride of a model of convolutions over time [frames].

    Wrappers of TFMOT are seen through.
    """
    field, stride = 1, 1
    for layer in model.layers:
        inner = getattr(layer, "layer", layer)
        size = getattr(inner, "kernel_size", None)
        if size is not None:
            field += (size[0] - 1) * stride
            stride *= inner.strides[0]
    return field, stride


def _kernels(blocks: int, kernel: int) -> list[int]:
    return [kernel + 2 * number for number in range(blocks)]


def _normalized(convolution: Any, x: Any) -> Any:
    layers, name = keras().layers, convolution.name
    norm = layers.BatchNormalization(momentum=0.95, name=f"{name}_norm")
    return layers.ReLU(name=f"{name}_relu")(norm(convolution(x)))
