"""Rewrite a model in the few kinds of layers that every technique can work on.

In training, TFMOT cannot quantize Conv1D, MaxPooling1D, SeparableConv2D, Normalization or
Rescaling, nor a BatchNormalization that follows no convolution. And where the converter folds a
BatchNormalization after clustering, the kernel has many distinct values again. All of these are
convolutions of two dimensions. Rewritten as such and folded before training, the model gives the
same outputs, and no technique has to skip a layer.

Source of the folding: Jacob et al. 2018, arXiv:1712.05877, section 3.2.
"""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stapes.models.backend import keras

Call = Callable[[Any], Any]
"""Returns a layer's output for its input, or for a list of inputs."""

_LINEAR = (
    *("Conv1D", "DepthwiseConv1D", "SeparableConv1D"),
    *("Conv2D", "DepthwiseConv2D", "SeparableConv2D", "Dense"),
)
# The activations that quantization in training accepts as part of a layer.
_FUSED = ("linear", "relu", "softmax", "sigmoid", "tanh")
_POOLING_1D = {"MaxPooling1D": "MaxPooling2D", "AveragePooling1D": "AveragePooling2D"}


_names: ContextVar[Iterator[str]] = ContextVar("names")
"""Names for new layers of the model that is being lowered."""


def lower(model: Any) -> Any:
    """The same function made of Conv2D, DepthwiseConv2D, Dense, pooling and layers without weights.

    `model` is a tf_keras.Model with one input and one output, without nested models; it is not
    changed. Layers with weights keep their names. A separable convolution becomes two layers, of
    which the second keeps the name. The result is not compiled.
    """
    _names.set(_unused({layer.name for layer in model.layers}))
    by_depth = model._nodes_by_depth
    nodes = [node for depth in sorted(by_depth, reverse=True) for node in by_depth[depth]]
    folded = _foldable(model, nodes)
    absorbed = {bn.name for bn in folded.values()}
    start = keras().Input(model.input_shape[1:], name=model.input_names[0])
    tensors = {id(model.inputs[0]): start}
    calls: dict[str, Call] = {}
    for node in nodes:
        layer = node.layer
        if not node.parent_nodes:
            continue
        inputs = [tensors[id(tensor)] for tensor in node.keras_inputs]
        if layer.name not in calls:
            norm = folded.get(layer.name)
            affine = _scale_and_offset(norm) if norm is not None else None
            calls[layer.name] = _identity if layer.name in absorbed else _lowered(layer, affine)
        output = calls[layer.name](inputs if len(inputs) > 1 else inputs[0])
        tensors[id(node.outputs)] = output
    return keras().Model(start, tensors[id(model.outputs[0])], name=model.name)


def _foldable(model: Any, nodes: list[Any]) -> dict[str, Any]:
    """From a linear layer's name to the BatchNormalization that is its only reader."""
    uses = Counter(node.layer.name for node in nodes)
    readers = Counter(id(tensor) for node in nodes for tensor in node.keras_inputs)
    outputs = {id(tensor) for tensor in model.outputs}
    norms = {}
    for node in nodes:
        if not _is(node.layer, "BatchNormalization") or uses[node.layer.name] > 1:
            continue
        parent, tensor = node.parent_nodes[0].layer, node.keras_inputs[0]
        alone = uses[parent.name] == 1 and readers[id(tensor)] == 1 and id(tensor) not in outputs
        if alone and _is(parent, *_LINEAR) and _is_linear(parent) and _on_channels(node.layer):
            norms[parent.name] = node.layer
    return norms


def _lowered(layer: Any, affine: tuple[NDArray[Any], NDArray[Any]] | None) -> Call:
    """The lowered layer, with `affine` folded into it: a scale and an offset per channel."""
    kind = type(layer).__name__
    if kind in _POOLING_1D:
        return _pooling(layer, _POOLING_1D[kind])
    if kind in _LINEAR:
        return _convolution(layer, affine)
    if kind == "BatchNormalization" and _on_channels(layer):
        return _affine(layer, *_scale_and_offset(layer))
    if kind == "Normalization":
        mean, deviation = _constants(layer.mean), np.sqrt(_constants(layer.variance))
        deviation = np.maximum(deviation, keras().backend.epsilon())
        if layer.invert:
            return _affine(layer, deviation, mean)
        return _affine(layer, 1 / deviation, -mean / deviation)
    if kind == "Rescaling":
        return _affine(layer, _constants(layer.scale), _constants(layer.offset))
    return _weighted(type(layer).from_config(layer.get_config()), layer.get_weights())


def _convolution(layer: Any, affine: tuple[NDArray[Any], NDArray[Any]] | None) -> Call:
    """A convolution or dense layer as one layer, or as a depthwise and a pointwise one."""
    config, weights = layer.get_config(), layer.get_weights()
    kind = type(layer).__name__
    separable, depthwise = kind.startswith("Separable"), kind.startswith("Depthwise")
    kernels, bias = weights[: 1 + separable], weights[1 + separable :]
    if affine is not None:
        scale, offset = affine
        last = kernels[-1]
        kernels[-1] = last * scale.reshape(last.shape[-2:] if depthwise else (-1,))
        bias = [(bias[0] if bias else 0) * scale + offset]
    activation = layer.activation
    ending = {"use_bias": bool(bias), "activation": activation}
    after: list[Call] = []
    if activation is not None and activation.__name__ not in _FUSED:
        ending["activation"] = None
        name = f"{layer.name}_{activation.__name__}"
        after = [keras().layers.Activation(activation, name=name)]
    if kind == "Dense":
        dense = keras().layers.Dense(config["units"], name=layer.name, **ending)
        return _chained([_weighted(dense, kernels + bias), *after])
    flat = kind.endswith("1D")
    if flat:
        kernels = [kernel[:, None] for kernel in kernels]
    keys = ("strides", "padding", "dilation_rate", "kernel_size")
    window = {key: _pair(config[key]) if flat and key != "padding" else config[key] for key in keys}
    ahead = 0
    if window["padding"] == "causal":
        ahead = window["dilation_rate"][0] * (window["kernel_size"][0] - 1)
        window["padding"] = "valid"
    layers = keras().layers
    if separable:
        multiplier = {"depth_multiplier": config["depth_multiplier"]}
        name = f"{layer.name}_depthwise"
        first = layers.DepthwiseConv2D(name=name, use_bias=False, **multiplier, **window)
        second = layers.Conv2D(config["filters"], 1, name=layer.name, **ending)
        chain = [_weighted(first, kernels[:1]), _weighted(second, kernels[1:] + bias)]
    elif depthwise:
        ending["depth_multiplier"] = config["depth_multiplier"]
        lowered = layers.DepthwiseConv2D(name=layer.name, **window, **ending)
        chain = [_weighted(lowered, kernels + bias)]
    else:
        size = {"filters": config["filters"], "groups": config["groups"]}
        lowered = layers.Conv2D(name=layer.name, **size, **window, **ending)
        chain = [_weighted(lowered, kernels + bias)]
    if ahead:
        chain.insert(0, layers.ZeroPadding2D(((ahead, 0), (0, 0)), name=f"{layer.name}_causal"))
    chain += after
    return _as_image(chain) if flat else _chained(chain)


def _pooling(layer: Any, kind: str) -> Call:
    config = layer.get_config()
    sizes = {key: _pair(config[key]) for key in ("pool_size", "strides")}
    pool = getattr(keras().layers, kind)(name=layer.name, padding=config["padding"], **sizes)
    return _as_image([pool])


def _affine(layer: Any, scale: NDArray[Any], offset: NDArray[Any]) -> Call:
    """A scale and an offset of each element, as a depthwise convolution with a 1 x 1 kernel.

    All axes from the first one along which they vary become the channels.
    """
    shape = tuple(layer.input_shape[1:])
    batched = (1,) * (len(shape) + 1 - np.ndim(scale)) + np.shape(scale)
    whole = np.broadcast_to(scale.reshape(batched), (1, *shape))[0]
    shift = np.broadcast_to(np.broadcast_to(offset, np.shape(scale)).reshape(batched), (1, *shape))
    varied = [
        axis
        for axis in range(len(shape))
        if any(np.ptp(values, axis=axis).any() for values in (whole, shift[0]))
    ]
    first = min([*varied, len(shape) - 1])
    channels, places = math.prod(shape[first:]), math.prod(shape[:first])
    depthwise = keras().layers.DepthwiseConv2D(1, name=layer.name)
    # Along the axes before `first` the values are equal.
    kernel, bias = (values.reshape(places, channels)[0] for values in (whole, shift[0]))
    call = _weighted(depthwise, [kernel.reshape(1, 1, channels, 1), bias])
    inside = shape if len(shape) == 3 and first == 2 else (places, 1, channels)
    return lambda x: _reshaped(call(_reshaped(x, inside)), shape)


def _weighted(layer: Any, weights: list[NDArray[Any]]) -> Call:
    """A layer that gets its weights at its first call: before, it has no variables."""

    def call(x: Any) -> Any:
        fresh = not layer.built
        output = layer(x)
        if fresh:
            layer.set_weights(weights)
        return output

    return call


def _as_image(chain: list[Call]) -> Call:
    """Layers of two dimensions, called on [steps, channels] as [steps, 1, channels]."""

    def call(x: Any) -> Any:
        y = _chained(chain)(_reshaped(x, (x.shape[1], 1, x.shape[2])))
        return _reshaped(y, (y.shape[1], y.shape[3]))

    return call


def _chained(chain: list[Call]) -> Call:
    def call(x: Any) -> Any:
        for layer in chain:
            x = layer(x)
        return x

    return call


def _reshaped(x: Any, shape: tuple[int, ...]) -> Any:
    if tuple(x.shape[1:]) == tuple(shape):
        return x
    # Between two layers of one dimension, this Reshape would undo the one before it.
    before = x.node
    if _is(before.layer, "Reshape") and tuple(before.keras_inputs[0].shape[1:]) == tuple(shape):
        return before.keras_inputs[0]
    return keras().layers.Reshape(shape, name=next(_names.get()))(x)


def _unused(taken: set[str]) -> Iterator[str]:
    """Names that no layer of the model has."""
    return (name for n in itertools.count() if (name := f"as_image_{n}") not in taken)


def _scale_and_offset(norm: Any) -> tuple[NDArray[Any], NDArray[Any]]:
    """The scale and the offset of each channel in a trained BatchNormalization."""
    mean, variance = norm.moving_mean.numpy(), norm.moving_variance.numpy()
    scale = 1 / np.sqrt(variance + norm.epsilon)
    if norm.scale:
        scale = scale * norm.gamma.numpy()
    return scale, (norm.beta.numpy() if norm.center else 0) - mean * scale


def _on_channels(norm: Any) -> bool:
    axes = np.ravel(norm.axis).tolist()
    rank = len(norm.input_shape)
    return len(axes) == 1 and axes[0] % rank == rank - 1


def _is_linear(layer: Any) -> bool:
    return layer.activation in (None, keras().activations.linear)


def _constants(value: Any) -> NDArray[np.float32]:
    return np.asarray(value, np.float32)


def _pair(sizes: Any) -> tuple[int, int]:
    """A size along one axis as (size, 1)."""
    return (int(np.ravel(sizes)[0]), 1)


def _identity(x: Any) -> Any:
    return x


def _is(layer: Any, *kinds: str) -> bool:
    return type(layer).__name__ in kinds
