"""Remove whole filters from a Keras model, so that its tensors are smaller in every runtime.

`prunable` names the layers that may lose filters, `importance` scores each filter, `choose` picks
those that stay, and `remove` builds the smaller model. The last axis of every tensor is followed
through the graph, behind Flatten too, so that each position is known by its filter.

Sources: Li et al. 2017, "Pruning Filters for Efficient ConvNets", arXiv:1608.08710 (a filter goes
with the weights that read it); Molchanov et al. 2017, "Pruning Convolutional Neural Networks for
Resource Efficient Inference", arXiv:1611.06440 (Taylor criterion, scores divided by their layer's
norm), and 2019, arXiv:1906.10771 (measured after batch normalization).
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stapes.models.backend import keras, tensorflow

Filters = dict[str, list[int]]  # By layer name: the filters that stay, ascending.

_FILTERS = "Conv1D Conv2D SeparableConv1D SeparableConv2D Dense"
_DEPTHWISE = "DepthwiseConv1D DepthwiseConv2D"
# Each output channel depends on the input channel at its place alone.
_CHANNELWISE = (
    "Activation ReLU LeakyReLU ELU Softmax BatchNormalization Dropout SpatialDropout1D "
    "SpatialDropout2D GaussianDropout GaussianNoise AlphaDropout MaxPooling1D MaxPooling2D "
    "AveragePooling1D AveragePooling2D GlobalMaxPooling1D GlobalMaxPooling2D "
    "GlobalAveragePooling1D GlobalAveragePooling2D ZeroPadding1D ZeroPadding2D"
)
_ELEMENTWISE = "linear relu relu6 elu selu gelu swish silu sigmoid hard_sigmoid tanh softplus"
_BATCH = 64


@dataclass(frozen=True)
class _Flow:
    """A tensor's last axis: position i is of filter `filters[i]` of `layer`."""

    layer: str
    filters: NDArray[np.intp]


@dataclass
class _Trace:
    """Where filters go: into and out of each layer, and to kernels; and why some must stay."""

    into: dict[str, _Flow | None] = field(default_factory=dict)
    out: dict[str, _Flow | None] = field(default_factory=dict)
    read: dict[int, tuple[Any, _Flow]] = field(default_factory=dict)
    filters: dict[str, int] = field(default_factory=dict)
    reasons: dict[str, str] = field(default_factory=dict)


def prunable(model: Any) -> tuple[dict[str, int], dict[str, str]]:
    """The layers from which filters may be removed, and why not from the others.

    Parameters
    ----------
    model : tf_keras.Model, Sequential or functional

    Returns
    -------
    filters : dict of str to int
        By layer name, in the model's order: the number of filters, or units of a Dense layer.
    reasons : dict of str to str, for each other layer with weights
    """
    trace = _trace(model)
    return trace.filters, trace.reasons


def importance(
    model: Any, x: NDArray[np.float32], y: NDArray[Any]
) -> dict[str, NDArray[np.float64]]:
    """How much the loss changes without each filter, to first order (Taylor criterion).

    For each clip, activation times gradient is summed over all values that later kernels read from
    the filter. Its absolute value is averaged over the clips.

    Parameters
    ----------
    model : tf_keras.Model of one output: probabilities of each class, or of the positive one
    x, y : np.ndarray [shape=(n, ...)] and [shape=(n,)], training clips and their classes

    Returns
    -------
    scores : dict of str to np.ndarray [shape=(filters,)], float64, >= 0
        For each prunable layer. Scores compare within a layer; `choose` compares layers.
    """
    if not 0 < len(x) == len(y) or len(model.outputs) != 1:
        raise ValueError("Importance needs clips, a label for each, and a model of one output.")
    tf, trace = tensorflow(), _trace(model)
    read = [(tensor, flow) for tensor, flow in trace.read.values() if flow.layer in trace.filters]
    probe = keras().Model(model.inputs, [*(tensor for tensor, _ in read), model.outputs[0]])
    totals = {name: np.zeros(count) for name, count in trace.filters.items()}
    for rows in (slice(begin, begin + _BATCH) for begin in range(0, len(x), _BATCH)):
        clips = tf.constant(np.asarray(x[rows], np.float32))
        with tf.GradientTape() as tape:
            tape.watch(clips)
            *values, scores = tf.nest.flatten(probe(clips, training=False))
            if scores.shape[-1] == 1:
                scores = tf.concat([1 - scores, scores], axis=-1)
            losses = keras().losses.sparse_categorical_crossentropy(y[rows], scores)
            loss = tf.reduce_sum(losses)  # The gradient of each clip is then its own.
        gradients = tape.gradient(loss, values, unconnected_gradients="zero")
        changes = {name: np.zeros((count, len(clips))) for name, count in trace.filters.items()}
        for (_, flow), value, gradient in zip(read, values, gradients, strict=True):
            product = (value * gradient).numpy().reshape(len(clips), -1, len(flow.filters))
            np.add.at(changes[flow.layer], flow.filters, product.sum(axis=1).T)
        for name, change in changes.items():
            totals[name] += np.abs(change).sum(axis=1)
    return {name: total / len(x) for name, total in totals.items()}


def choose(
    importances: Mapping[str, NDArray[np.float64]],
    keep: float,
    *,
    cost: Callable[[Filters], float] = lambda chosen: sum(map(len, chosen.values())),
    min_filters: int = 2,
    multiple: int = 1,
) -> Filters:
    """The filters that stay: the most important of all layers, in units of their layer's norm.

    Of equals, the filter in the earlier layer stays, then that of the lower index.

    Parameters
    ----------
    importances : mapping of str to np.ndarray [shape=(filters,)], from `importance`
    keep : float in (0, 1], the share of the cost that stays at most, if `min_filters` allows it
    cost : callable, the model's cost with these filters; default: their number
    min_filters, multiple : int > 0
        A layer keeps at least so many, and a multiple of so many, or all.
    """
    if not 0 < keep <= 1 or min_filters < 1 or multiple < 1:
        raise ValueError(f"keep={keep} must be in (0, 1], min_filters and multiple at least 1.")
    ranking: list[tuple[bool, float, int, int, str]] = []
    for place, (name, scores) in enumerate(importances.items()):
        if not np.isfinite(scores).all():
            raise ValueError(f"The importance of {name} is not finite.")
        worth = -scores / (np.linalg.norm(scores) or 1.0)
        for rank, index in enumerate(np.argsort(worth, kind="stable").tolist()):
            ranking.append((rank >= min_filters, worth[index], place, index, name))
    ranking.sort()

    def best(count: int) -> Filters:
        chosen: Filters = {name: [] for name in importances}
        for place, (*_, index, name) in enumerate(ranking):
            if place < count or len(chosen[name]) % multiple:
                chosen[name].append(index)
        return {name: sorted(indices) for name, indices in chosen.items()}

    counts = range(sum(not free for free, *_ in ranking), len(ranking) + 1)
    budget = keep * cost(best(len(ranking))) * (1 + 1e-9)
    within = bisect_right(counts, budget, key=lambda count: cost(best(count)))
    return best(counts[max(within - 1, 0)])


def remove(model: Any, remaining: Mapping[str, Sequence[int]]) -> Any:
    """A new model of the remaining filters, with outputs as if no kernel read the others.

    Parameters
    ----------
    model : tf_keras.Model, which is not changed
    remaining : mapping of str to sequence of int
        By the name of a prunable layer. Layers without an entry keep all filters.

    Returns
    -------
    smaller : tf_keras.Model, Sequential if `model` is, with the same names, not compiled
    """
    trace = _trace(model)
    for name, indices in remaining.items():
        if name not in trace.filters:
            reason = trace.reasons.get(name, "the model has no such layer with weights")
            raise ValueError(f"No filters of {name} can be removed: {reason}.")
        filters, count = np.asarray(indices), trace.filters[name]
        distinct = np.isin(range(count), filters).sum()
        if filters.dtype.kind not in "iu" or not 0 < len(filters) == distinct:
            raise ValueError(f"Name filters of {name} from 0 to {count - 1} to stay, each once.")

    def places(flow: _Flow | None) -> Any:
        if flow is None or flow.layer not in remaining:
            return slice(None)
        return np.flatnonzero(np.isin(flow.filters, remaining[flow.layer]))

    smaller = keras().models.clone_model(
        model, clone_function=lambda layer: _resized(layer, places(trace.out[layer.name]))
    )
    for layer in model.layers:
        twin = smaller.get_layer(layer.name)
        twin.set_weights(_cut(layer, places(trace.into[layer.name]), places(trace.out[layer.name])))
        if hasattr(twin, "finalize_state"):  # Normalization has copies of its weights.
            twin.finalize_state()
    return smaller


def _resized(layer: Any, out: Any) -> Any:
    config = layer.get_config()
    if not isinstance(out, slice) and _is(layer, _FILTERS):
        config["filters" if "filters" in config else "units"] = len(out)
    if not isinstance(out, slice) and _is(layer, "Reshape"):
        config["target_shape"] = (*config["target_shape"][:-1], len(out))
    return type(layer).from_config(config)


def _cut(layer: Any, into: Any, out: Any) -> list[NDArray[Any]]:
    """The weights from these places of the input to these of the output."""
    weights: list[NDArray[Any]] = layer.get_weights()
    separable = _is(layer, "SeparableConv1D SeparableConv2D")
    if separable or _is(layer, _DEPTHWISE):
        weights[0] = weights[0][..., into, :]
    if separable:
        into = np.arange(weights[1].shape[-2]).reshape(-1, layer.depth_multiplier)[into].ravel()
    if _is(layer, _FILTERS):
        weights[separable] = weights[separable][..., into, :][..., out]
    return [weight[out] if weight.ndim == 1 else weight for weight in weights]


def _trace(model: Any) -> _Trace:
    by_depth = getattr(model, "_nodes_by_depth", None)
    if not by_depth:
        raise ValueError("Give a functional model, or a Sequential one that knows its input shape.")
    nodes = [node for depth in sorted(by_depth, reverse=True) for node in by_depth[depth]]
    uses = Counter(node.layer.name for node in nodes)
    outputs = {id(tensor.node) for tensor in model.outputs}
    trace, flows = _Trace(), dict[int, _Flow | None]()
    for node in nodes:
        layer, kind = node.layer, type(node.layer).__name__
        incoming = [flow for parent in node.parent_nodes if (flow := flows[id(parent)])]
        several = "it is used in several places" if uses[layer.name] > 1 else ""
        obstacle = several or (_obstacle(node) if incoming else "")
        for flow in incoming if obstacle else ():
            why = f"its outputs go into {layer.name} ({kind}), and {obstacle}"
            trace.reasons.setdefault(flow.layer, why)
        into = None if obstacle or not incoming else incoming[0]
        out = into and _Flow(into.layer, _spread(node, into.filters))
        if _is(layer, _FILTERS):
            if into:
                trace.read[id(node.keras_inputs[0])] = (node.keras_inputs[0], into)
            trace.filters[layer.name] = node.outputs.shape[-1]
            out = _Flow(layer.name, np.arange(node.outputs.shape[-1]))
            if own := several or _layout(layer) or _activation(layer):
                trace.reasons[layer.name] = own
        elif layer.weights:
            trace.reasons[layer.name] = f"a {kind} has no filters to choose from"
        if out and id(node) in outputs:
            trace.reasons[out.layer] = "its outputs are the model's"
        flows[id(node)], trace.into[layer.name], trace.out[layer.name] = out, into, out
    trace.filters = {name: n for name, n in trace.filters.items() if name not in trace.reasons}
    return trace


def _spread(node: Any, filters: NDArray[np.intp]) -> NDArray[np.intp]:
    # The outputs of a depthwise channel are neighbours; Flatten repeats all channels at each place.
    spread = np.repeat if _is(node.layer, _DEPTHWISE) else np.tile
    return spread(filters, node.outputs.shape[-1] // len(filters))


def _obstacle(node: Any) -> str:
    """Why a layer needs all channels of its input; empty if it does not."""
    layer, inputs = node.layer, node.keras_inputs
    if len(inputs) > 1:
        return "it joins several inputs"
    if _is(layer, _FILTERS):
        return _layout(layer)
    if not _is(layer, f"{_CHANNELWISE} {_DEPTHWISE} Flatten Reshape"):
        return "it may read all channels together"
    before, after = inputs[0].shape, node.outputs.shape
    if after[-1] is None or after[-1] % before[-1]:
        return "it does not keep the channels of a place together"
    last = len(before) - 1
    axes = {axis % (last + 1) for axis in np.ravel(getattr(layer, "axis", -1)).tolist()}
    if last in axes if _is(layer, "Softmax") else axes != {last}:
        return f"its axis is {layer.axis}"
    return _layout(layer) or _activation(layer)


def _layout(layer: Any) -> str:
    if getattr(layer, "data_format", "channels_last") != "channels_last":
        return "its channels come first"
    return "it has groups" if getattr(layer, "groups", 1) != 1 else ""


def _activation(layer: Any) -> str:
    homes = keras().activations, tensorflow().nn
    known = [getattr(home, name, None) for home in homes for name in _ELEMENTWISE.split()]
    if getattr(layer, "activation", None) in [None, *known]:
        return ""
    return "its activation may read all channels together"


def _is(layer: Any, names: str) -> bool:
    # Not isinstance: a subclass may do anything.
    return any(type(layer) is getattr(keras().layers, name) for name in names.split())
