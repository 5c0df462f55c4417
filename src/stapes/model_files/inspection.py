"""Inspect a model file: a .tflite as it is, any other model by converting it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from stapes.contracts.inspection import Inspection
from stapes.errors import ModelError
from stapes.models import backend
from stapes.models.keras_import.any_keras import load_any
from stapes.system.isolation import SECONDS, Lost, isolated
from stapes.techniques.post_training import convert as convert_float
from stapes.tflite.read.file import is_tflite, read_tflite
from stapes.tflite.read.inspect import inspect


def converted(model: Path) -> bytes:
    """A .tflite of a Keras model, made in a process of its own: TensorFlow is needed there alone.

    Raises
    ------
    ModelError
        It is broken, or holds what cannot be rebuilt.
    MissingExtraError
        TensorFlow is not installed.
    """
    backend.require()
    try:
        return isolated(SECONDS, _convert, model)
    except Lost as lost:
        raise ModelError(
            f"{model} cannot be converted: {lost}. The file is broken, or far too large for a "
            "device; save the model again with Keras."
        ) from None


def inspect_file(model: Path, *, convert: Callable[[Path], bytes] | None = converted) -> Inspection:
    """Read all that a model file says.

    Parameters
    ----------
    model : Path
        A .tflite, by its content and not by its name; or what `convert` takes.
    convert : function or None
        Makes a .tflite of another kind of model: a Keras file, or the folder of a SavedModel. What
        is said is then of that .tflite.

    Raises
    ------
    UsageError
        The file is not there, cannot be read or is too large.
    ModelError
        It is broken, or no .tflite and there is no `convert`.
    """
    if convert is None or model.suffix == ".tflite" or is_tflite(model):
        content = read_tflite(model)
    else:
        content = convert(model)
    try:
        found = inspect(content)
    except ModelError as error:
        raise ModelError(f"{model}: {error}") from None
    return found.model_copy(update={"file": str(model)})


def _convert(model: Path) -> bytes:
    return convert_float(load_any(model))
