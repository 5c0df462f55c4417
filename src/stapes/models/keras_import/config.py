"""The values in a Keras config, taken as plain data or refused.

A config names classes and functions, and Keras imports and calls what it names. Here nothing is
imported: layers and activations must be of a list, and every setting a plain value.
"""

from __future__ import annotations

import re
from typing import Any

from stapes.errors import ModelError

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
"""The layers that can be rebuilt, and the settings that decide what each computes."""

MODELS = ("Sequential", "Functional", "Model")
"""The classes of models that are made of such layers."""

_ALIKE = """
    linear relu relu6 leaky_relu elu selu gelu silu swish mish softplus softsign exponential
    sigmoid tanh softmax log_softmax
"""
ACTIVATIONS = {
    2: frozenset(_ALIKE.split()) | {"hard_sigmoid"},
    3: frozenset(_ALIKE.split()),
}
"""By Keras's major version. The hard_sigmoid of Keras 3 has another slope (1/6, not 0.2)."""

# What trains a model, or draws its first weights, has no part in what it computes.
_NOT_NEEDED = re.compile(r".*_(initializer|regularizer|constraint)|seed|dtype|activation")
# Not all of Keras: `keras.src.ops.numpy` has an Add too.
_LAYERS = re.compile(r"(tf_)?keras(\.src)?(\.(layers|models|engine)(\.\w+)*)?")
_ANY_OF_KERAS = re.compile(r"(tf_)?keras(\.\w+)*")
_NUMBER_TYPE = re.compile(r"(float|u?int)\d+")


def is_own(entry: dict[str, Any], modules: re.Pattern[str] = _LAYERS) -> bool:
    """Whether an entry claims to be of a class of Keras itself. Old files name no module."""
    kind, module = entry["class_name"], entry.get("module", "keras")
    if not (isinstance(kind, str) and isinstance(module, str)):
        return False
    registered = entry.get("registered_name")
    return modules.fullmatch(module) is not None and registered in (None, kind)


def entry(old: dict[str, Any], kind: str, module: str, config: dict[str, Any]) -> dict[str, Any]:
    """An entry for Keras to read; with a module if the old one had one, as its form goes by it."""
    named = {"module": module, "registered_name": None} if "module" in old else {}
    return {**named, "class_name": kind, "config": config}


def check_layer(old: dict[str, Any], name: str) -> None:
    """Raise ModelError if a layer's entry is of none of the known classes."""
    kind = old["class_name"]
    named = one_line(str(kind))
    named = f"an {named}" if named[:1] in "AEIOU" else f"a {named}"
    if kind == "Lambda":
        why = "which is code in a file and is never run; replace it by Keras layers"
    elif not is_own(old):
        why = "which is none of Keras's own layers; replace it by those"
    elif kind not in SETTINGS:
        why = "which cannot be rebuilt for training techniques; use convolutions, pooling and Dense"
    else:
        return
    raise ModelError(f"layer {shown(name)} is {named}, {why}")


def plain_settings(config: dict[str, Any], layer: str) -> dict[str, Any]:
    """The settings of a layer's config, without its activation and what only training needs."""
    _check_type(config.get("dtype"), layer)
    plain: dict[str, Any] = {"dtype": "float32"} if "dtype" in config else {}
    for key, value in config.items():
        _check_object(value, key, layer)
        if not _NOT_NEEDED.fullmatch(key):
            plain[key] = plain_value(value, f"layer {shown(layer)}")
    if plain.get("data_format") == "channels_first":
        raise ModelError(
            f"layer {shown(layer)} has its channels first, which microcontrollers do not support;"
            " build the model with channels_last"
        )
    return plain


def _check_object(value: Any, key: str, layer: str) -> None:
    """Refuse an object of anything but Keras, even where it would be left out."""
    if not isinstance(value, dict) or "module" not in value:
        return
    function = value["class_name"] == "function" and value["module"] == "builtins"
    if not function and not is_own(value, _ANY_OF_KERAS):
        raise ModelError(
            f"layer {shown(layer)} has as its {shown(key)} a {shown(value['class_name'])} of"
            f" {shown(value['module'])}, which is not Keras's own; save the model without it"
        )


def _check_type(value: Any, layer: str) -> None:
    """Refuse what does not compute in float32: its outputs could not be equal."""
    name = value
    if isinstance(value, dict):
        name = value["config"].get("name") if isinstance(value.get("config"), dict) else value
    if name not in (None, "float32"):
        raise ModelError(
            f"layer {shown(layer)} computes in {shown(name)}; save the model in float32"
        )


def plain_value(value: Any, where: str) -> Any:
    """A value as JSON has it; tuples and arrays as lists.

    Raises
    ------
    ModelError
        It is an object, which Keras would make by calling a class or function.
    """
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, list):
        return [plain_value(each, where) for each in value]
    if isinstance(value, dict) and value.get("class_name") in ("__tuple__", "TensorShape"):
        return plain_value(value["items"], where)
    if isinstance(value, dict) and value.get("class_name") in ("__numpy__", "__tensor__"):
        inner = value["config"]
        if _NUMBER_TYPE.fullmatch(inner["dtype"]):
            return plain_value(inner["value"], where)
    raise ModelError(
        f"{where} has an object among its settings, which is never made; use numbers and names"
    )


def name_of(value: Any) -> str:
    """A name, which must be text."""
    if not isinstance(value, str) or not 0 < len(value) <= 200:
        raise TypeError("no name")
    return value


def input_shape(config: dict[str, Any]) -> tuple[int | None, ...]:
    """The shape that a layer's config gives for the model's input; () if it gives none."""
    for key in ("batch_shape", "batch_input_shape", "build_input_shape"):
        if config.get(key) is not None:
            shape = plain_value(config[key], "its input")
            break
    else:
        return ()
    if not isinstance(shape, list) or not all(
        each is None or (type(each) is int and each > 0) for each in shape
    ):
        raise TypeError("no shape")
    return tuple(shape)


def shown(value: Any) -> str:
    """A value from a file in an error message: on one line, and not too long."""
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."


def one_line(text: str) -> str:
    """A text from elsewhere in an error message: its first line that tells, and not too long."""
    lines = [each for each in text.splitlines() if each.strip()]
    telling = [each for each in lines if not each.startswith("Exception encountered")]
    text = (telling or lines or [""])[0].strip()
    text = "".join(each if each.isprintable() else " " for each in text)
    return text if len(text) <= 200 else f"{text[:197]}..."
