"""Convert a Keras file or a SavedModel to a float .tflite, without running code from its file.

No layer is rebuilt, so more layers work than techniques can train: those that Keras may read
(`config.OTHERS`), any number of inputs and outputs, and SavedModels without Keras layers.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from stapes.errors import ModelError
from stapes.models.backend import tensorflow
from stapes.models.keras_import import archive, safe, saved_model
from stapes.models.keras_import.any_keras import explained, original
from stapes.models.lite import to_tflite


def convert_any(path: Path) -> bytes:
    """A float .tflite of a `.keras` or `.h5` file or a SavedModel folder, for a batch of one.

    Other open axes stay open. An op that LiteRT lacks becomes a Flex op.

    Raises
    ------
    ModelError
        The file is missing, damaged or unsafe, or cannot be converted.
    MissingExtraError
        TensorFlow is not installed.
    """
    tensorflow()
    with explained(path):
        return _of_saved_model(path) if path.is_dir() else _of_file(path)


def _of_file(path: Path) -> bytes:
    tf = tensorflow()
    file = archive.read(path)
    model = original(file, safe.clean(file.config, file.major))
    if not model.built or not model.inputs:
        raise ModelError("its input has no shape; give one, as in keras.Input((49, 40, 1))")
    flat = tf.nest.flatten(model.inputs)

    def call(*tensors: Any) -> Any:
        # A Sequential of Keras 3 has no `input`.
        single = len(tensors) == 1
        inputs = tensors[0] if single else tf.nest.pack_sequence_as(model.input, tensors)
        return model(inputs, training=False)

    # A variable of Keras 3 holds one of TensorFlow.
    variables = [getattr(variable, "value", variable) for variable in model.variables]
    if file.major < 3:
        variables = list(model.variables)
    specs = [_spec(tensor.shape, tensor.dtype, tensor.name) for tensor in flat]
    return _converted(call, specs, variables)


def _of_saved_model(folder: Path) -> bytes:
    saved = saved_model.read(folder)
    saved_model.fix_batch(saved)
    function, variables = saved_model.function(saved)
    specs = [
        _spec(tensor.shape, tensor.dtype, name)
        for name, tensor in zip(saved.feeds, function.inputs, strict=False)
    ]
    # A call with keywords would need names that Python allows.
    outputs = list(saved.fetches)

    def call(*tensors: Any) -> Any:
        return dict(zip(outputs, tensorflow().nest.flatten(function(*tensors)), strict=True))

    return _converted(call, specs, variables)


def _converted(call: Callable[..., Any], specs: list[Any], variables: list[Any]) -> bytes:
    tf = tensorflow()

    def with_flex(converter: Any) -> None:
        kinds = tf.lite.OpsSet
        converter.target_spec.supported_ops = [kinds.TFLITE_BUILTINS, kinds.SELECT_TF_OPS]

    try:
        return to_tflite(call, specs, variables)
    except Exception as error:  # The converter's own class is not public.
        if "TF Select" not in str(error):
            raise
        return to_tflite(call, specs, variables, with_flex)


def _spec(shape: Any, dtype: Any, name: str) -> Any:
    tf = tensorflow()
    sizes = list(shape)
    return tf.TensorSpec([1 if sizes[0] is None else sizes[0], *sizes[1:]], dtype, name=name)
