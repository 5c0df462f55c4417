"""Build a graph of layers in Keras 2, and set its weights."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import Any

from numpy.typing import NDArray

from stapes.errors import ModelError
from stapes.models.backend import keras, tensorflow
from stapes.models.keras_import.config import quoted
from stapes.models.keras_import.graph import Graph, Step

LARGEST = 1 << 24
"""The most values in one layer's output for one input."""

Part = tuple[Any, tuple[str, ...]]
"""A layer and its path in the file: the names of the models around it, and its own."""

Weights = Callable[[tuple[str, ...], Any], list[NDArray[Any]]]
"""Returns a layer's weights, in Keras's order, for its path in the file and the new layer."""


def build(graph: Graph, numbers: int) -> tuple[Any, list[Part]]:
    """Build a model, untrained.

    Layers keep their names if Keras 2 allows them. Nested models are replaced by their layers, as
    TFMOT requires, and an activation that is a layer becomes a layer after it. The file has
    `numbers` numbers: a model with more weights is refused before it needs the memory.

    Raises
    ------
    ModelError
        Layers do not fit together, or are too large.
    """
    names: set[str] = set()
    parts: list[Part] = []
    shape = graph.shape
    start = keras().Input(shape[1:], name=_unique_name(graph.input, names), dtype="float32")
    _check_size(start, graph.input)
    with tensorflow().variable_creator_scope(_limited_creator(numbers)):
        makers = _makers(graph, (), names, parts)
        end = _connect(graph, start, makers)
    return keras().Model(start, end, name=_allowed_name(graph.name)), parts


def give_weights(parts: list[Part], weights_of: Weights) -> None:
    """Set each layer's weights to those of the file.

    Raises
    ------
    ModelError
        A layer's weights have other shapes.
    """
    for layer, path in parts:
        if not layer.weights:
            continue
        arrays = weights_of(path, layer)
        shapes = [array.shape for array in arrays]
        expected = [tuple(weight.shape) for weight in layer.weights]
        if shapes != expected:
            raise ModelError(
                f"layer {quoted(path[-1])} has weights of shapes {shapes}, not {expected}; save the"
                " model again"
            )
        layer.set_weights(arrays)
        if hasattr(layer, "finalize_state"):  # Normalization uses copies of its weights.
            layer.finalize_state()


def _connect(graph: Graph, start: Any, makers: dict[str, Callable[[list[Any]], Any]]) -> Any:
    """Call each layer when its inputs are ready; shared layers may be out of order."""
    outputs = {(graph.input, 0): start}
    waiting = [
        (step.name, step.first + i, inputs)
        for step in graph.steps
        for i, inputs in enumerate(step.calls)
    ]
    while waiting:
        later = []
        for name, number, inputs in waiting:
            if all(ref in outputs for ref in inputs):
                outputs[name, number] = makers[name]([outputs[ref] for ref in inputs])
                _check_size(outputs[name, number], name)
            else:
                later.append((name, number, inputs))
        if len(later) == len(waiting):
            raise ModelError(
                f"layer {quoted(later[0][0])} has an input of no layer; save the model again"
            )
        waiting = later
    if graph.output not in outputs:
        raise ModelError(
            f"its output {quoted(graph.output[0])} is of no layer; save the model again"
        )
    return outputs[graph.output]


def _makers(
    graph: Graph, path: tuple[str, ...], names: set[str], parts: list[Part]
) -> dict[str, Callable[[list[Any]], Any]]:
    """By layer, the function from inputs to output; each layer is created here, once."""
    return {step.name: _maker(step, path, names, parts) for step in graph.steps}


def _maker(
    step: Step, path: tuple[str, ...], names: set[str], parts: list[Part]
) -> Callable[[list[Any]], Any]:
    path = (*path, step.name)
    if step.inside:
        inside = step.inside
        makers = _makers(inside, path, names, parts)
        return lambda inputs: _connect(inside, _single(inputs, step), makers)
    layer = _layer(step, step.name, names)
    parts.append((layer, path))
    if step.kind in ("Add", "Multiply", "Concatenate"):
        return lambda inputs: layer(inputs)
    if step.activation:
        after = _layer(step.activation, f"{step.name}_activation", names)
        return lambda inputs: after(layer(_single(inputs, step)))
    return lambda inputs: layer(_single(inputs, step))


def _layer(step: Step, name: str, names: set[str]) -> Any:
    """A layer of Keras 2, without weights."""
    settings = dict(step.settings)
    if "negative_slope" in settings and step.kind == "LeakyReLU":
        settings["alpha"] = settings.pop("negative_slope")
    return getattr(keras().layers, step.kind)(name=_unique_name(name, names), **settings)


def _single(inputs: list[Any], step: Step) -> Any:
    if len(inputs) != 1:
        raise ModelError(f"layer {quoted(step.name)} has {len(inputs)} inputs; call it with one")
    return inputs[0]


def _check_size(tensor: Any, layer: str) -> None:
    shape = tuple(tensor.shape[1:])
    if None in shape or math.prod(shape) > LARGEST:
        raise ModelError(
            f"layer {quoted(layer)} has the output shape {(None, *shape)}, which is too large or"
            " unknown; give every axis of the input a size"
        )


def _limited_creator(numbers: int) -> Callable[..., Any]:
    """A creator of variables that stops before they have more values than the file."""
    left = numbers

    def create(next_creator: Callable[..., Any], **options: Any) -> Any:
        nonlocal left
        left -= math.prod(options.get("shape") or ())
        if left < 0:
            raise ModelError("it has fewer weights than its layers need; save the model again")
        return next_creator(**options)

    return create


def _unique_name(name: str, names: set[str]) -> str:
    """A name that no other layer has: layers of two nested models may have the same."""
    name = _allowed_name(name)
    free, number = name, 1
    while free in names:
        free, number = f"{name}_{number}", number + 1
    names.add(free)
    return free


def _allowed_name(name: str) -> str:
    """A name that Keras 2 allows: Keras 3 also allows spaces and accents."""
    name = re.sub(r"[^A-Za-z0-9_.\-]", "_", name)
    return name if re.match(r"[A-Za-z0-9.]", name) else f"layer{name}"
