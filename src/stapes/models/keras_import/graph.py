"""A Keras config as a graph of layers and calls, and as a config that is safe for Keras.

The safe config is a new one: it names only the classes, modules and functions of `config`, and
leaves out what only training needs. Its calls have the same form as in the file. If a call is
misread here, the comparison of both models shows it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from stapes.errors import ModelError
from stapes.models.keras_import import config as values
from stapes.models.keras_import.config import name_of, quoted

_MOST_LAYERS = 1000
_MOST_DEEP = 8

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


def read(entry: dict[str, Any], major: int) -> tuple[Graph, dict[str, Any]]:
    """Read a model's config: its graph, and a safe config for Keras.

    `entry` is that of config.json, which version `major` (2 or 3) of Keras wrote: `class_name`,
    `config`, and in newer files `module`.

    Raises
    ------
    ModelError
        It has an unknown layer, activation or setting, or is not a config.
    """
    try:
        return _model(entry, major, 0)
    except (LookupError, TypeError, ValueError, AttributeError, StopIteration):
        raise ModelError("its config is damaged or has an unknown form; save it again") from None


def _model(entry: dict[str, Any], major: int, depth: int) -> tuple[Graph, dict[str, Any]]:
    kind, config = entry["class_name"], entry["config"]
    if kind not in values.MODELS or not values.is_of_keras(entry):
        raise ModelError(
            f"it is a {quoted(kind)}, which is not a model class of Keras; build the model as"
            " keras.Sequential or keras.Model(inputs, outputs)"
        )
    # In old files of Keras 2, the config of a Sequential is its list of layers.
    config = {"layers": config} if isinstance(config, list) else config
    if len(config["layers"]) > _MOST_LAYERS or depth > _MOST_DEEP:
        raise ModelError(
            f"it has more than {_MOST_LAYERS} layers, or models nested {_MOST_DEEP} deep; give a"
            " smaller model"
        )
    layers = [_layer(layer, major, depth) for layer in config["layers"]]
    steps = tuple(step for step, _ in layers)
    if len({step.name for step in steps}) < len(steps):
        raise ModelError("two of its layers have the same name; rename one")
    name = name_of(config.get("name", "model"))
    cleaned: dict[str, Any] = {"name": name, "layers": [layer for _, layer in layers]}
    if kind == "Sequential":
        if "build_input_shape" in config:
            cleaned["build_input_shape"] = list(values.input_shape(config)) or None
        return _chain(name, steps, config), values.entry(entry, kind, "keras", cleaned)
    for ends in ("input_layers", "output_layers"):
        cleaned[ends] = _ends(config[ends])
    module = {2: "tf_keras.src.engine.functional", 3: "keras.src.models.functional"}[major]
    return _network(name, steps, config), values.entry(entry, "Functional", module, cleaned)


def _chain(name: str, steps: tuple[Step, ...], config: dict[str, Any]) -> Graph:
    """A Sequential model: each layer is called once, on the output of the one before it."""
    head, layers = f"{name}_input", steps
    if steps and steps[0].kind == "InputLayer":
        head, layers = steps[0].name, steps[1:]
    if not layers:
        raise ModelError("it has no layers; save the whole model")
    first = config["layers"][0]["config"]
    shape = values.input_shape(first if isinstance(first, dict) else {})
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
    head, tail = (
        _single_end(config["input_layers"], "inputs"),
        _single_end(config["output_layers"], "outputs"),
    )
    place = next(i for i, step in enumerate(steps) if step.name == head[0])
    if steps[place].kind != "InputLayer":
        raise ModelError("its input is not an InputLayer; save the model again")
    shape = values.input_shape(config["layers"][place]["config"])
    return Graph(name, steps[:place] + steps[place + 1 :], head[0], shape, (tail[0], int(tail[1])))


def _ends(ends: Any) -> Any:
    """A model's inputs or outputs, in the form of the file: one, a list, or by name."""
    if isinstance(ends, dict):
        return {name_of(key): _ends(end) for key, end in ends.items()}
    if isinstance(ends[0], str):
        return [name_of(ends[0]), int(ends[1]), int(ends[2])]
    return [_ends(end) for end in ends]


def _single_end(ends: Any, kind: str) -> list[Any]:
    """The one input or output."""
    items = _ends(ends)
    items = list(items.values()) if isinstance(items, dict) else items
    items = [items] if isinstance(items[0], str) else items
    if len(items) != 1:
        raise ModelError(f"it has {len(items)} {kind}; build the model with one of each")
    only: list[Any] = items[0]
    if only[2]:
        raise ModelError(f"its {kind} are the second ones of a layer; save the model again")
    return only


def _layer(entry: dict[str, Any], major: int, depth: int) -> tuple[Step, dict[str, Any]]:
    """A layer or a nested model: as a step, and as an entry for Keras."""
    kind, config = entry["class_name"], entry["config"]
    if kind in values.MODELS and values.is_of_keras(entry):
        inside, cleaned = _model(entry, major, depth + 1)
        has_input = cleaned["config"]["layers"][0]["class_name"] == "InputLayer"
        first = int(major == 2 and has_input)
        step = Step(inside.name, "Model", {}, first=first, inside=inside)
    else:
        name = name_of(config["name"])
        values.check_layer(entry, name)
        settings = values.plain_settings(config, name)
        keys = (*values.SETTINGS[kind], "trainable")
        known = {key: settings[key] for key in keys if key in settings}
        activation = None
        if "activation" in values.SETTINGS[kind]:
            activation, settings["activation"] = _activation(config["activation"], major, name)
            known["activation"] = "linear" if activation else settings["activation"]
        step = Step(name, kind, known, activation=activation)
        cleaned = values.entry(entry, kind, "keras.layers", settings)
    if "inbound_nodes" not in entry:
        return step, cleaned
    if entry.get("name", step.name) != step.name:
        raise ModelError(f"layer {quoted(step.name)} has two names; save the model again")
    nodes = [_node(node, step.name) for node in entry["inbound_nodes"]]
    cleaned |= {"name": step.name, "inbound_nodes": [node for _, node in nodes]}
    return replace(step, calls=tuple(call for call, _ in nodes)), cleaned


def _activation(value: Any, major: int, layer: str) -> tuple[Step | None, Any]:
    """A layer that is an activation, or None; and the activation for Keras to read."""
    if isinstance(value, dict) and value["class_name"] in ("ReLU", "LeakyReLU", "Softmax"):
        return _layer(value, major, 0)
    if isinstance(value, dict) and value["class_name"] == "function":
        value = value["config"]
    value = "linear" if value is None else value
    if not isinstance(value, str) or value not in values.ACTIVATIONS[major]:
        raise ModelError(
            f"layer {quoted(layer)} has the activation {quoted(value)}, which is missing or"
            " different in Keras 2; use relu, sigmoid, tanh, silu or softmax"
        )
    return None, value


def _node(node: Any, layer: str) -> tuple[tuple[Ref, ...], Any]:
    """The inputs of one call, and the call for Keras to read."""
    if isinstance(node, dict):  # Keras 3 has one argument, a tensor or a list.
        (argument,) = node["args"]
        options = [node["kwargs"]]
        tensors = [_tensor(tensor) for tensor in _as_list(argument)]
        ends = [tensor["config"]["keras_history"] for tensor in tensors]
        form: Any = {"args": [tensors if isinstance(argument, list) else tensors[0]], "kwargs": {}}
    else:  # Keras 2 has one input with its options, or a list of these.
        inputs = [node] if isinstance(node[0], str) else node
        options = [item[3] for item in inputs if len(item) > 3]
        ends = [_ends(item[:3]) for item in inputs]
        form = [[*end, {}] for end in ends]
        form = form[0] if isinstance(node[0], str) else form
    for option in options:
        for key, value in option.items():
            if any(item not in (None, False) for item in _as_list(value)):
                raise ModelError(
                    f"layer {quoted(layer)} is called with {quoted(key)}, which cannot be rebuilt;"
                    " call it only with its input"
                )
    if any(end[2] for end in ends):
        raise ModelError(f"layer {quoted(layer)} uses the second output of a layer; use the first")
    return tuple((end[0], end[1]) for end in ends), form


def _tensor(tensor: dict[str, Any]) -> dict[str, Any]:
    """A reference to a tensor, as Keras 3 writes it."""
    if tensor["class_name"] != "__keras_tensor__":
        raise ModelError("its layers are called with constants; call them with layers' outputs")
    config = tensor["config"]
    return {
        "class_name": "__keras_tensor__",
        "config": {
            "shape": values.plain_value(config["shape"], "a tensor"),
            "dtype": "float32",
            "keras_history": _ends(config["keras_history"]),
        },
    }


def _as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
