"""A graph of layers built in Keras 2, and given weights."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import Any

from numpy.typing import NDArray

from stapes.errors import ModelError
from stapes.models.backend import keras, tensorflow
from stapes.models.keras_import.config import shown
from stapes.models.keras_import.graph import Graph, Step

LARGEST = 1 << 24
"""The most numbers that one layer may give for one input."""

Part = tuple[Any, tuple[str, ...]]
"""A layer that was built, and its name in the file, with the models that it is in before it."""

Weights = Callable[[tuple[str, ...], Any], list[NDArray[Any]]]
"""Finds a layer's weights, in Keras's order, by its name in the file; also given the new layer."""


def build(graph: Graph, numbers: int) -> tuple[Any, list[Part]]:
    """Build a model, untrained.

    Layers keep their names where Keras 2 allows. Models within the model are dissolved in it, as
    TFMOT wants, and an activation that was a layer becomes one.

    Parameters
    ----------
    graph : Graph
    numbers : int >= 0
        How many the file holds: a model with more weights is refused before it takes memory.

    Returns
    -------
    model : tf_keras.Model
    parts : list of Part

    Raises
    ------
    ModelError
        Layers do not fit together, or are too large.
    """
    names: set[str] = set()
    parts: list[Part] = []
    shape = graph.shape
    start = keras().Input(shape[1:], name=_free(graph.input, names), dtype="float32")
    _check_size(start, graph.input)
    with tensorflow().variable_creator_scope(_at_most(numbers)):
        makers = _makers(graph, (), names, parts)
        end = _connect(graph, start, makers)
    return keras().Model(start, end, name=_allowed(graph.name)), parts


def give_weights(parts: list[Part], weights_of: Weights) -> None:
    """Give each layer the weights it has in the file.

    Raises
    ------
    ModelError
        A layer's weights have other shapes.
    """
    for layer, path in parts:
        if not layer.weights:
            continue
        found = weights_of(path, layer)
        have, want = [each.shape for each in found], [tuple(each.shape) for each in layer.weights]
        if have != want:
            raise ModelError(
                f"layer {shown(path[-1])} has weights of the shapes {have}, not {want}; save the"
                " model again"
            )
        layer.set_weights(found)
        if hasattr(layer, "finalize_state"):  # Normalization computes with copies of its weights.
            layer.finalize_state()


def _connect(graph: Graph, start: Any, makers: dict[str, Callable[[list[Any]], Any]]) -> Any:
    """Call the layers, each once its inputs are there; shared layers may be out of order."""
    outputs = {(graph.input, 0): start}
    waiting = [
        (step.name, step.first + i, inputs)
        for step in graph.steps
        for i, inputs in enumerate(step.calls)
    ]
    while waiting:
        later = []
        for name, number, inputs in waiting:
            if all(each in outputs for each in inputs):
                outputs[name, number] = makers[name]([outputs[each] for each in inputs])
                _check_size(outputs[name, number], name)
            else:
                later.append((name, number, inputs))
        if len(later) == len(waiting):
            raise ModelError(f"layer {shown(later[0][0])} waits for an output that never comes")
        waiting = later
    if graph.output not in outputs:
        raise ModelError(f"its output {shown(graph.output[0])} is no layer's")
    return outputs[graph.output]


def _makers(
    graph: Graph, path: tuple[str, ...], names: set[str], parts: list[Part]
) -> dict[str, Callable[[list[Any]], Any]]:
    """For each layer, what makes its output from its inputs; the layers are made here, once."""
    return {step.name: _maker(step, path, names, parts) for step in graph.steps}


def _maker(
    step: Step, path: tuple[str, ...], names: set[str], parts: list[Part]
) -> Callable[[list[Any]], Any]:
    path = (*path, step.name)
    if step.inside:
        inside = step.inside
        makers = _makers(inside, path, names, parts)
        return lambda inputs: _connect(inside, _one(inputs, step), makers)
    layer = _layer(step, step.name, names)
    parts.append((layer, path))
    if step.kind in ("Add", "Multiply", "Concatenate"):
        return lambda inputs: layer(inputs)
    if step.activation:
        after = _layer(step.activation, f"{step.name}_activation", names)
        return lambda inputs: after(layer(_one(inputs, step)))
    return lambda inputs: layer(_one(inputs, step))


def _layer(step: Step, name: str, names: set[str]) -> Any:
    """A layer of Keras 2, not yet built."""
    settings = dict(step.settings)
    if "negative_slope" in settings and step.kind == "LeakyReLU":
        settings["alpha"] = settings.pop("negative_slope")
    return getattr(keras().layers, step.kind)(name=_free(name, names), **settings)


def _one(inputs: list[Any], step: Step) -> Any:
    if len(inputs) != 1:
        raise ModelError(f"layer {shown(step.name)} is called with {len(inputs)} inputs, not one")
    return inputs[0]


def _check_size(tensor: Any, layer: str) -> None:
    shape = tuple(tensor.shape[1:])
    if None in shape or math.prod(shape) > LARGEST:
        raise ModelError(
            f"layer {shown(layer)} gives the shape {(None, *shape)}, which is too large or not"
            " known; give every axis of the input a size"
        )


def _at_most(numbers: int) -> Callable[..., Any]:
    """A creator of variables that stops before they hold more numbers than the file."""
    left = numbers

    def create(next_creator: Callable[..., Any], **options: Any) -> Any:
        nonlocal left
        left -= math.prod(options.get("shape") or ())
        if left < 0:
            raise ModelError("it holds fewer weights than its layers have; save the model again")
        return next_creator(**options)

    return create


def _free(name: str, names: set[str]) -> str:
    """A name that no other layer has: layers of two models within the model may share one."""
    name = _allowed(name)
    free, number = name, 1
    while free in names:
        free, number = f"{name}_{number}", number + 1
    names.add(free)
    return free


def _allowed(name: str) -> str:
    """A name as Keras 2 allows it: Keras 3 allows blanks and accents too."""
    name = re.sub(r"[^A-Za-z0-9_.\-]", "_", name)
    return name if re.match(r"[A-Za-z0-9.]", name) else f"layer{name}"
