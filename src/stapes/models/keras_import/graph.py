"""A safe Keras config (`safe.clean`) as a graph of layers and calls, for techniques to train.

If a call is misread here, the comparison of both models shows it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from stapes.errors import ModelError
from stapes.models.keras_import import config as values
from stapes.models.keras_import.config import quoted

Ref = tuple[str, int]
"""The output of a layer's call: the layer's name, and the number of the call."""


@dataclass(frozen=True)
class Step:
    """A layer and its calls.

    Attributes
    ----------
    name, kind : str
        The layer's name and class; a nested model has the kind "Model".
    settings : dict
        Plain values, by the names in `config.SETTINGS`.
    calls : tuple of tuples of Ref
        The inputs of each call.
    first : int
        The number of the first call: in Keras 2, it is 1 for a model with its own input.
    activation : Step or None
        A layer that is this layer's activation.
    inside : Graph or None
        The layers of a nested model.
    """

    name: str
    kind: str
    settings: dict[str, Any]
    calls: tuple[tuple[Ref, ...], ...] = ()
    first: int = 0
    activation: Step | None = None
    inside: Graph | None = None


@dataclass(frozen=True)
class Graph:
    """A model with one input and one output.

    Attributes
    ----------
    name : str
    steps : tuple of Step
        All layers except the input.
    input : str
        The input layer's name.
    shape : tuple of (int or None)
        Of the input, with its batch axis; empty if unknown.
    output : Ref
    """

    name: str
    steps: tuple[Step, ...]
    input: str
    shape: tuple[int | None, ...]
    output: Ref


def read(entry: dict[str, Any], major: int) -> Graph:
    """Read a model's safe config, from a file of version `major` (2 or 3) of Keras.

    Raises
    ------
    ModelError
        It has a layer, activation or call that cannot be rebuilt, or is not a config.
    """
    try:
        return _model(entry, major)
    except (LookupError, TypeError, ValueError, AttributeError, StopIteration):
        raise values.damaged() from None


def _model(entry: dict[str, Any], major: int) -> Graph:
    config = entry["config"]
    steps = tuple(_layer(layer, major) for layer in config["layers"])
    if len({step.name for step in steps}) < len(steps):
        raise ModelError("two of its layers have the same name; rename one")
    make = _chain if entry["class_name"] == "Sequential" else _network
    return make(config["name"], steps, config)


def _chain(name: str, steps: tuple[Step, ...], config: dict[str, Any]) -> Graph:
    """A Sequential model: each layer is called once, on the output of the one before it."""
    head, layers = f"{name}_input", steps
    if steps and steps[0].kind == "InputLayer":
        head, layers = steps[0].name, steps[1:]
    if not layers:
        raise ModelError("it has no layers; save the whole model")
    shape = values.input_shape(config["layers"][0]["config"])
    shape = shape or values.input_shape(config)
    if not shape and layers[0].inside:
        shape = layers[0].inside.shape
    chained, before = [], (head, 0)
    for step in layers:
        chained.append(replace(step, calls=((before,),)))
        before = (step.name, step.first)
    return Graph(name, tuple(chained), head, shape, before)


def _network(name: str, steps: tuple[Step, ...], config: dict[str, Any]) -> Graph:
    """A Functional model: the calls are in the entries of its layers."""
    head = _single_end(config["input_layers"], "inputs")
    tail = _single_end(config["output_layers"], "outputs")
    place = next(i for i, step in enumerate(steps) if step.name == head[0])
    if steps[place].kind != "InputLayer":
        raise ModelError("its input is not an InputLayer; save the model again")
    shape = values.input_shape(config["layers"][place]["config"])
    return Graph(name, steps[:place] + steps[place + 1 :], head[0], shape, (tail[0], tail[1]))


def _single_end(ends: Any, kind: str) -> list[Any]:
    """The one input or output."""
    items = list(ends.values()) if isinstance(ends, dict) else ends
    items = [items] if isinstance(items[0], str) else items
    if len(items) != 1:
        raise ModelError(f"it has {len(items)} {kind}; build the model with one of each")
    only: list[Any] = items[0]
    if only[2]:
        raise ModelError(f"its {kind} are the second ones of a layer; save the model again")
    return only


def _layer(entry: dict[str, Any], major: int) -> Step:
    """A layer or a nested model."""
    kind, config = entry["class_name"], entry["config"]
    if kind in values.MODELS:
        inside = _model(entry, major)
        has_input = config["layers"][0]["class_name"] == "InputLayer"
        first = int(major == 2 and has_input)
        step = Step(inside.name, "Model", {}, first=first, inside=inside)
    else:
        name = config["name"]
        values.check_trainable(entry, name)
        keys = (*values.SETTINGS[kind], "trainable")
        known = {key: config[key] for key in keys if key in config}
        activation = None
        if "activation" in values.SETTINGS[kind]:
            activation = _activation(config["activation"], major, name)
            known["activation"] = "linear" if activation else config["activation"]
        step = Step(name, kind, known, activation=activation)
    nodes = entry.get("inbound_nodes", [])
    return replace(step, calls=tuple(_node(node, step.name) for node in nodes))


def _activation(value: Any, major: int, layer: str) -> Step | None:
    """A layer that is an activation, or None."""
    if isinstance(value, dict):
        return _layer(value, major)
    if value not in values.ACTIVATIONS[major]:
        raise ModelError(
            f"layer {quoted(layer)} has the activation {quoted(value)}, which is missing or"
            " different in Keras 2; use relu, sigmoid, tanh, silu or softmax"
        )
    return None


def _node(node: Any, layer: str) -> tuple[Ref, ...]:
    """The inputs of one call."""
    if isinstance(node, dict):  # Keras 3 has one argument, a tensor or a list.
        arguments = node["args"]
        options = [node["kwargs"]]
        tensors = _as_list(arguments[0])
        if len(arguments) > 1 or not all(isinstance(tensor, dict) for tensor in tensors):
            raise ModelError(
                f"layer {quoted(layer)} is called with several arguments, which cannot be rebuilt;"
                " call it only with its input"
            )
        ends = [tensor["config"]["keras_history"] for tensor in tensors]
    else:  # Keras 2 has one input with its options, or a list of these.
        ends = [node] if isinstance(node[0], str) else node
        options = [item[3] for item in ends]
    for option in options:
        for key, value in option.items():
            if any(item not in (None, False) for item in _as_list(value)):
                raise ModelError(
                    f"layer {quoted(layer)} is called with {quoted(key)}, which cannot be rebuilt;"
                    " call it only with its input"
                )
    if any(end[2] for end in ends):
        raise ModelError(f"layer {quoted(layer)} uses the second output of a layer; use the first")
    return tuple((end[0], end[1]) for end in ends)


def _as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
