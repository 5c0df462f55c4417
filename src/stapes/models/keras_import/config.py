"""The values in a Keras config, read as plain data or refused.

Keras imports and calls the classes and functions that a config names. Here nothing is imported:
layers and activations must be in a list, and every setting must be a plain value.
"""

from __future__ import annotations

import re
from typing import Any

from stapes.errors import ModelError
from stapes.system.text import printable

_CONV = ("kernel_size", "strides", "padding", "data_format", "dilation_rate", "activation")
_POOL = ("pool_size", "strides", "padding", "data_format")
_GLOBAL_POOL = ("data_format", "keepdims")

SETTINGS: dict[str, tuple[str, ...]] = {
    "InputLayer": (),
    "Dense": ("units", "use_bias", "activation"),
    "Conv1D": ("filters", "groups", "use_bias", *_CONV),
    "Conv2D": ("filters", "groups", "use_bias", *_CONV),
    "DepthwiseConv1D": ("depth_multiplier", "use_bias", *_CONV),
    "DepthwiseConv2D": ("depth_multiplier", "use_bias", *_CONV),
    "SeparableConv1D": ("filters", "depth_multiplier", "use_bias", *_CONV),
    "SeparableConv2D": ("filters", "depth_multiplier", "use_bias", *_CONV),
    "MaxPooling1D": _POOL,
    "MaxPooling2D": _POOL,
    "AveragePooling1D": _POOL,
    "AveragePooling2D": _POOL,
    "GlobalMaxPooling1D": _GLOBAL_POOL,
    "GlobalMaxPooling2D": _GLOBAL_POOL,
    "GlobalAveragePooling1D": _GLOBAL_POOL,
    "GlobalAveragePooling2D": _GLOBAL_POOL,
    "BatchNormalization": ("axis", "momentum", "epsilon", "center", "scale"),
    "Activation": ("activation",),
    "ReLU": ("max_value", "negative_slope", "threshold"),
    "LeakyReLU": ("negative_slope", "alpha"),
    "Softmax": ("axis",),
    "Dropout": ("rate",),
    "SpatialDropout1D": ("rate",),
    "SpatialDropout2D": ("rate", "data_format"),
    "Flatten": ("data_format",),
    "Reshape": ("target_shape",),
    "Permute": ("dims",),
    "ZeroPadding1D": ("padding",),
    "ZeroPadding2D": ("padding", "data_format"),
    "Add": (),
    "Multiply": (),
    "Concatenate": ("axis",),
    "Normalization": ("axis", "mean", "variance", "invert"),
    "Rescaling": ("scale", "offset"),
}
"""The layers that can be rebuilt, with the settings that decide their outputs."""

MODELS = ("Sequential", "Functional", "Model")
"""The classes of models that consist of such layers."""

_COMMON = """
    linear relu relu6 leaky_relu elu selu gelu silu swish mish softplus softsign exponential
    sigmoid tanh softmax log_softmax
"""
ACTIVATIONS = {
    2: frozenset(_COMMON.split()) | {"hard_sigmoid"},
    3: frozenset(_COMMON.split()),
}
"""By major version of Keras. In Keras 3, hard_sigmoid has another slope (1/6, not 0.2)."""

# Settings of training and of the first weights do not change the outputs.
_NOT_NEEDED = re.compile(r".*_(initializer|regularizer|constraint)|seed|dtype|activation")
# Not all of Keras: `keras.src.ops.numpy` has an Add too.
_LAYERS = re.compile(r"(tf_)?keras(\.src)?(\.(layers|models|engine)(\.\w+)*)?")
_ANY_OF_KERAS = re.compile(r"(tf_)?keras(\.\w+)*")
_NUMBER_TYPE = re.compile(r"(float|u?int)\d+")


def is_of_keras(entry: dict[str, Any], modules: re.Pattern[str] = _LAYERS) -> bool:
    """Whether an entry names a class of Keras itself. Old files name no module."""
    kind, module = entry["class_name"], entry.get("module", "keras")
    if not (isinstance(kind, str) and isinstance(module, str)):
        return False
    registered = entry.get("registered_name")
    return modules.fullmatch(module) is not None and registered in (None, kind)


def entry(old: dict[str, Any], kind: str, module: str, config: dict[str, Any]) -> dict[str, Any]:
    """An entry for Keras to read; it has a module only if the old one had."""
    module_keys = {"module": module, "registered_name": None} if "module" in old else {}
    return {**module_keys, "class_name": kind, "config": config}


def check_layer(old: dict[str, Any], name: str) -> None:
    """Raise ModelError unless the layer is of a known class."""
    kind = old["class_name"]
    named = one_line(str(kind))
    named = f"an {named}" if named[:1] in "AEIOU" else f"a {named}"
    if kind == "Lambda":
        reason = "whose code is never run; replace it with Keras layers"
    elif not is_of_keras(old):
        reason = "which is not a layer of Keras; replace it with Keras layers"
    elif kind not in SETTINGS:
        reason = "which cannot be rebuilt; use convolutions, pooling and Dense"
    else:
        return
    raise ModelError(f"layer {quoted(name)} is {named}, {reason}")


def plain_settings(config: dict[str, Any], layer: str) -> dict[str, Any]:
    """The settings of a layer, without its activation and what only training needs."""
    _check_type(config.get("dtype"), layer)
    plain: dict[str, Any] = {"dtype": "float32"} if "dtype" in config else {}
    for key, value in config.items():
        _check_object(value, key, layer)
        if not _NOT_NEEDED.fullmatch(key):
            plain[key] = plain_value(value, f"layer {quoted(layer)}")
    if plain.get("data_format") == "channels_first":
        raise ModelError(
            f"layer {quoted(layer)} has its channels first, which microcontrollers do not support;"
            " build the model with channels_last"
        )
    return plain


def _check_object(value: Any, key: str, layer: str) -> None:
    """Refuse an object that is not of Keras, even if it would be left out."""
    if not isinstance(value, dict) or "module" not in value:
        return
    function = value["class_name"] == "function" and value["module"] == "builtins"
    if not function and not is_of_keras(value, _ANY_OF_KERAS):
        raise ModelError(
            f"layer {quoted(layer)} has in {quoted(key)} a {quoted(value['class_name'])} of"
            f" {quoted(value['module'])}, which is not part of Keras; save the model without it"
        )


def _check_type(value: Any, layer: str) -> None:
    """Refuse types other than float32, as the outputs would differ."""
    name = value
    if isinstance(value, dict):
        name = value["config"].get("name") if isinstance(value.get("config"), dict) else value
    if name not in (None, "float32"):
        raise ModelError(
            f"layer {quoted(layer)} computes in {quoted(name)}; save the model in float32"
        )


def plain_value(value: Any, where: str) -> Any:
    """A value of JSON, with tuples and arrays as lists.

    Raises
    ------
    ModelError
        It is an object, for which Keras would call a class or function.
    """
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, list):
        return [plain_value(item, where) for item in value]
    if isinstance(value, dict) and value.get("class_name") in ("__tuple__", "TensorShape"):
        return plain_value(value["items"], where)
    if isinstance(value, dict) and value.get("class_name") in ("__numpy__", "__tensor__"):
        inner = value["config"]
        if _NUMBER_TYPE.fullmatch(inner["dtype"]):
            return plain_value(inner["value"], where)
    raise ModelError(f"{where} has an object among its settings; use numbers and names")


def name_of(value: Any) -> str:
    """A name, which must be a string."""
    if not isinstance(value, str) or not 0 < len(value) <= 200:
        raise TypeError("not a name")
    return value


def input_shape(config: dict[str, Any]) -> tuple[int | None, ...]:
    """The shape of the model's input in a layer's config; () if there is none."""
    for key in ("batch_shape", "batch_input_shape", "build_input_shape"):
        if config.get(key) is not None:
            shape = plain_value(config[key], "its input")
            break
    else:
        return ()
    if not isinstance(shape, list) or not all(
        size is None or (type(size) is int and size > 0) for size in shape
    ):
        raise TypeError("not a shape")
    return tuple(shape)


def quoted(value: Any) -> str:
    """A value from a file for an error message: one line of at most 80 characters."""
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."


def one_line(text: str) -> str:
    """The first useful line of a message of another library, at most 200 characters."""
    lines = [line for line in text.splitlines() if line.strip()]
    useful = [line for line in lines if not line.startswith("Exception encountered")]
    text = (useful or lines or [""])[0].strip()
    text = printable(text, " ")
    return text if len(text) <= 200 else f"{text[:197]}..."
