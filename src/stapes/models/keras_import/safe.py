"""A Keras config as a new one that is safe for Keras, or a refusal.

Keras imports and calls the classes and functions that a config names. The new config names only
layers of `config.SETTINGS` and `config.OTHERS`, and leaves out what only training needs. Its calls
have the same form as in the file. `graph` reads it for the techniques, which need more.
"""

from __future__ import annotations

from typing import Any

from stapes.errors import ModelError
from stapes.models.keras_import import config as values
from stapes.models.keras_import.config import name_of, quoted

_MOST_LAYERS = 1000
_MOST_DEEP = 8

_INSIDE = ("layer", "forward_layer", "backward_layer", "cell")
"""Settings of layers that are layers themselves."""

_SAME_IN_TRAINING = ("CenterCrop", "Normalization", "Rescaling", "Resizing")
"""Keras 3 calls these as in training."""

_TENSOR = "__keras_tensor__"


def clean(entry: dict[str, Any], major: int) -> dict[str, Any]:
    """A safe config of a model.

    `entry` is that of config.json, which version `major` (2 or 3) of Keras wrote: `class_name`,
    `config`, and in newer files `module`.

    Raises
    ------
    ModelError
        It has a layer or a value that Keras might run, or is not a config.
    """
    try:
        return _model(entry, major, 0)
    except (LookupError, TypeError, ValueError, AttributeError):
        raise values.damaged() from None


def ends(value: Any) -> Any:
    """A model's inputs or outputs, in the form of the file: one, a list, or by name."""
    if isinstance(value, dict):
        return {name_of(key): ends(end) for key, end in value.items()}
    if isinstance(value[0], str):
        return [name_of(value[0]), int(value[1]), int(value[2])]
    return [ends(end) for end in value]


def _model(entry: dict[str, Any], major: int, depth: int) -> dict[str, Any]:
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
    cleaned: dict[str, Any] = {"name": name_of(config.get("name", "model")), "layers": layers}
    if kind == "Sequential":
        if "build_input_shape" in config:
            cleaned["build_input_shape"] = list(values.input_shape(config)) or None
        return values.entry(entry, kind, "keras", cleaned)
    for key in ("input_layers", "output_layers"):
        cleaned[key] = ends(config[key])
    module = {2: "tf_keras.src.engine.functional", 3: "keras.src.models.functional"}[major]
    return values.entry(entry, "Functional", module, cleaned)


def _layer(entry: dict[str, Any], major: int, depth: int) -> dict[str, Any]:
    """A layer or a nested model."""
    kind, config = entry["class_name"], entry["config"]
    if kind in values.MODELS and values.is_of_keras(entry):
        cleaned = _model(entry, major, depth + 1)
        name = cleaned["config"]["name"]
    else:
        name = name_of(config["name"])
        values.check_layer(entry, name)
        inside = {key: config[key] for key in _INSIDE if config.get(key) is not None}
        rest = {key: value for key, value in config.items() if key not in inside}
        settings = values.plain_settings(rest, name, kind)
        for key, value in config.items():
            if key == "activation" or key.endswith("_activation"):
                settings[key] = _activation(value, major, name)
        for key, value in inside.items():
            settings[key] = _nested(value, major, depth)
        module = entry["module"] if values.is_operation(entry) else "keras.layers"
        cleaned = values.entry(entry, kind, module, settings)
    if "inbound_nodes" not in entry:
        return cleaned
    if entry.get("name", name) != name:
        raise ModelError(f"layer {quoted(name)} has two names; save the model again")
    return cleaned | {
        "name": name,
        "inbound_nodes": [_node(node, name, kind) for node in entry["inbound_nodes"]],
    }


def _nested(entry: Any, major: int, depth: int) -> Any:
    """A layer in a layer, such as the GRU of a Bidirectional."""
    if depth > _MOST_DEEP:
        raise ModelError(f"its layers are nested {_MOST_DEEP} deep; give a smaller model")
    if isinstance(entry, list):
        return [_nested(item, major, depth + 1) for item in entry]
    return _layer({key: entry[key] for key in entry if key != "inbound_nodes"}, major, depth + 1)


def _activation(value: Any, major: int, layer: str) -> Any:
    """A name, or a layer that is an activation."""
    if isinstance(value, dict) and value["class_name"] in ("ReLU", "LeakyReLU", "Softmax"):
        return _layer(value, major, 0)
    if isinstance(value, dict) and value["class_name"] == "function":
        value = value["config"]
    value = "linear" if value is None else value
    if not isinstance(value, str) or value not in values.ANY_ACTIVATION:
        raise ModelError(
            f"layer {quoted(layer)} has the activation {quoted(value)}, which is not one of Keras;"
            " use relu, sigmoid, tanh, silu or softmax"
        )
    return value


def _node(node: Any, layer: str, kind: str) -> Any:
    """The inputs of one call."""
    if isinstance(node, dict):  # Keras 3 has the arguments of a Python call.
        _check_options(node["kwargs"], layer, kind)
        options = {key: value for key, value in node["kwargs"].items() if key != "training"}
        return {
            "args": [_argument(argument) for argument in node["args"]],
            "kwargs": {name_of(key): _argument(value) for key, value in options.items()},
        }
    # Keras 2 has one input with its options, or a list of these.
    inputs = [node] if isinstance(node[0], str) else node
    form = [
        [*ends(item[:3]), _options(item[3] if len(item) > 3 else {}, layer, kind)]
        for item in inputs
    ]
    return form[0] if isinstance(node[0], str) else form


def _options(options: dict[str, Any], layer: str, kind: str) -> dict[str, Any]:
    _check_options(options, layer, kind)
    return {
        name_of(key): values.plain_value(value, f"layer {quoted(layer)}")
        for key, value in options.items()
        if key != "training"
    }


def _check_options(options: dict[str, Any], layer: str, kind: str) -> None:
    if kind not in _SAME_IN_TRAINING and options.get("training") not in (None, False):
        raise ModelError(
            f"layer {quoted(layer)} is called with 'training', so its outputs are random; call it"
            " only with its input"
        )


def _argument(value: Any) -> Any:
    """A tensor, a value, or a list of these."""
    if isinstance(value, list):
        return [_argument(item) for item in value]
    if isinstance(value, dict) and value.get("class_name") == _TENSOR:
        return _tensor(value)
    if isinstance(value, dict) and value.get("class_name") in ("__tuple__", "__list__"):
        return {"class_name": value["class_name"], "items": _argument(value["items"])}
    if isinstance(value, dict) and value.get("class_name") in ("__slice__", "__ellipsis__"):
        limits = {key: _argument(limit) for key, limit in value["config"].items()}
        return {"class_name": value["class_name"], "config": limits}
    return values.plain_value(value, "a call of a layer")


def _tensor(tensor: dict[str, Any]) -> dict[str, Any]:
    """A reference to a tensor, as Keras 3 writes it."""
    config = tensor["config"]
    return {
        "class_name": _TENSOR,
        "config": {
            "shape": values.plain_value(config["shape"], "a tensor"),
            "dtype": "float32",
            "keras_history": ends(config["keras_history"]),
        },
    }
