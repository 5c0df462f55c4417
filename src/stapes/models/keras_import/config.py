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

CONVERT = "convert it with `stapes slim`, and run with the .tflite, which is not trained"
"""What to do with a model that techniques cannot train, as the end of a sentence."""

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

_OTHERS = """
    LSTM GRU SimpleRNN LSTMCell GRUCell SimpleRNNCell RNN ConvLSTM1D ConvLSTM2D
    Bidirectional TimeDistributed
    Conv3D Conv1DTranspose Conv2DTranspose Conv3DTranspose
    MaxPooling3D AveragePooling3D GlobalMaxPooling3D GlobalAveragePooling3D
    LayerNormalization GroupNormalization UnitNormalization
    GaussianNoise GaussianDropout AlphaDropout SpatialDropout3D ActivityRegularization
    Average Maximum Minimum Subtract Dot
    Cropping1D Cropping2D Cropping3D UpSampling1D UpSampling2D UpSampling3D ZeroPadding3D
    RepeatVector Masking PReLU ELU ThresholdedReLU
    Embedding EinsumDense Attention AdditiveAttention MultiHeadAttention GroupedQueryAttention
    Resizing CenterCrop MelSpectrogram STFTSpectrogram
    RandomBrightness RandomContrast RandomCrop RandomFlip RandomRotation RandomTranslation
    RandomZoom
"""
OTHERS = frozenset(_OTHERS.split())
"""More layers that Keras may read: they open no file and run no code of it."""

_OPERATIONS = """
    Abs Absolute Add Clip Concatenate Divide Exp ExpandDims GetItem Log Max Maximum Mean Min Minimum
    Multiply Negative Pad Power Relu Repeat Reshape Sigmoid Softmax Sqrt Square Squeeze Stack
    Subtract Sum Tanh Tile Transpose TrueDivide Var
"""
OPERATIONS = frozenset(_OPERATIONS.split())
"""Functions of `keras.ops` that Keras 3 stores like layers: `x + y` is an Add."""

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

ANY_ACTIVATION = ACTIVATIONS[2] | frozenset(
    [
        "hard_silu",
        "hard_swish",
        "hard_tanh",
        "celu",
        "glu",
        "log_sigmoid",
        "sparse_plus",
        "squareplus",
        "tanh_shrink",
    ]
)
"""Those of Keras that are plain functions, in any version."""

# Settings of training and of the first weights do not change the outputs.
_NOT_NEEDED = re.compile(
    r".*_(initializer|regularizer|constraint)|seed|seed_generator|dtype|(.*_)?activation"
)
# Not all of Keras: `keras.src.ops.numpy` has an Add too.
_LAYERS = re.compile(r"(tf_)?keras(\.src)?(\.(layers|models|engine)(\.\w+)*)?")
_OPS = re.compile(r"keras(\.src)?\.ops\.(numpy|nn)")
_ANY_OF_KERAS = re.compile(r"(tf_)?keras(\.\w+)*")
_FLOAT = ("float32",)
_INPUT_TYPES = ("float32", "int32", "int64", "uint8", "int8", "bool")
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


def is_operation(entry: dict[str, Any]) -> bool:
    """Whether an entry is a harmless function of `keras.ops`."""
    return entry["class_name"] in OPERATIONS and is_of_keras(entry, _OPS)


def check_layer(old: dict[str, Any], name: str) -> None:
    """Raise ModelError unless the layer is one that Keras may read."""
    kind = old["class_name"]
    if kind == "Lambda":
        reason = "whose code is never run; replace it with Keras layers"
    elif is_operation(old):
        return
    elif not is_of_keras(old):
        reason = "which is not a layer of Keras; replace it with Keras layers"
    elif kind not in SETTINGS and kind not in OTHERS:
        reason = "which could run code or read files; replace it with other layers of Keras"
    else:
        return
    raise ModelError(f"layer {quoted(name)} is {_with_article(kind)}, {reason}")


def check_trainable(safe: dict[str, Any], name: str) -> None:
    """Raise ModelError unless the techniques can train the layer of a safe config."""
    kind = safe["class_name"]
    if is_operation(safe) or kind not in SETTINGS:
        what = "function of keras.ops" if is_operation(safe) else "layer"
        raise ModelError(
            f"layer {quoted(name)} is {_with_article(kind)}, a {what} that techniques cannot train;"
            f" {CONVERT}"
        )
    if safe["config"].get("dtype", "float32") != "float32":
        raise ModelError(f"its input has the type {safe['config']['dtype']}; {CONVERT}")


def _with_article(kind: Any) -> str:
    """A class with its article: "an LSTM", "a GRU"."""
    text = one_line(str(kind))
    # Some initials are spoken as letters: an LSTM, an RNN.
    spoken = text[:2].isupper() and text[:1] in "FHLMNRSX"
    return f"an {text}" if text[:1] in "AEIO" or spoken else f"a {text}"


def plain_settings(config: dict[str, Any], layer: str, kind: str) -> dict[str, Any]:
    """The settings of a layer, without its activations and what only training needs."""
    dtype = _dtype(config.get("dtype"), layer, _INPUT_TYPES if kind == "InputLayer" else _FLOAT)
    plain: dict[str, Any] = {"dtype": dtype} if "dtype" in config else {}
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


def _dtype(value: Any, layer: str, allowed: tuple[str, ...]) -> str:
    """The type in which a layer computes: with another one, the outputs would differ."""
    name = value
    if isinstance(value, dict):
        name = value["config"].get("name") if isinstance(value.get("config"), dict) else value
    if name is not None and name not in allowed:
        raise ModelError(
            f"layer {quoted(layer)} computes in {quoted(name)}; save the model in float32"
        )
    return name or "float32"


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


def damaged() -> ModelError:
    """The error for a config that has not the form of one."""
    return ModelError("its config is damaged or has an unknown form; save it again")


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
