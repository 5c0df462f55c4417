"""Inspect a model file; any model that is no .tflite is converted first."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from stapes.contracts.inspection import Inspection
from stapes.errors import ModelError
from stapes.models import backend
from stapes.models.keras_import.any_keras import load_any
from stapes.system.isolation import SECONDS, Killed, Lost, isolated
from stapes.techniques.post_training import convert as convert_float
from stapes.tflite.read.file import is_tflite, read_tflite
from stapes.tflite.read.inspect import inspect


def converted(model: Path) -> bytes:
    """Convert a Keras model to a .tflite, in a process of its own: only that loads TensorFlow.

    Raises
    ------
    ModelError
        It is broken, or cannot be rebuilt.
    MissingExtraError
        TensorFlow is not installed.
    """
    backend.require()
    try:
        return isolated(SECONDS, _convert, model)
    except Killed:
        raise Killed(f"The process that read {model}") from None
    except Lost as lost:
        raise ModelError(
            f"{model} cannot be converted: {lost}. The file is broken, or far too large for a "
            "device; save the model again with Keras."
        ) from None


def inspect_file(model: Path, *, convert: Callable[[Path], bytes] = converted) -> Inspection:
    """Read the content of a model file.

    Parameters
    ----------
    model : Path
        A .tflite, whatever its name, or a model that `convert` reads.
    convert : function
        Makes the .tflite to inspect from a Keras file or the folder of a SavedModel.

    Raises
    ------
    UsageError
        The file is missing, cannot be read or is too large.
    ModelError
        It is broken.
    """
    as_it_is = model.suffix == ".tflite" or is_tflite(model)
    content = read_tflite(model) if as_it_is else convert(model)
    try:
        return inspect(content).model_copy(update={"file": str(model)})
    except ModelError as error:
        raise ModelError(f"{model}: {error}") from None


def _convert(model: Path) -> bytes:
    return convert_float(load_any(model))
