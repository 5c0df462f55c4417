"""The .tflite of a model file: its content, or what a Keras model becomes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from stapes.errors import ModelError
from stapes.models import backend
from stapes.models.keras_import.converting import convert_any
from stapes.system.isolation import SECONDS, Killed, Lost, isolated
from stapes.tflite.read.file import is_tflite, read_start, read_tflite, what_it_is

_KERAS = (b"PK\3\4", b"\x89HDF")
"""The first bytes of .keras and .h5 files."""

Convert = Callable[[Path], bytes]


def converted(model: Path) -> bytes:
    """Convert a Keras model to a .tflite, in a process of its own: only that loads TensorFlow.

    Raises
    ------
    ModelError
        It is broken, or cannot be converted.
    MissingExtraError
        TensorFlow is not installed.
    """
    backend.require()
    try:
        return isolated(SECONDS, convert_any, model)
    except Killed:
        raise Killed(f"The process that read {model}") from None
    except Lost as lost:
        raise ModelError(
            f"{model} cannot be converted: {lost}. The file is broken, or far too large for a "
            "device; save the model again with Keras."
        ) from None


def is_converted(model: Path) -> bool:
    """Whether a model is a Keras file or a folder, and not a .tflite.

    Raises
    ------
    UsageError
        The file is missing, cannot be read or is too large.
    ModelError
        It is neither.
    """
    if model.suffix == ".tflite" or is_tflite(model):
        return False
    if model.is_dir() or read_start(model).startswith(_KERAS):
        return True
    raise ModelError(f"{model} is neither a .tflite nor a Keras model{what_it_is(model)}.")


def content_of(model: Path, convert: Convert = converted) -> bytes:
    """The content of a .tflite, whatever its name; or what `convert` makes of another model.

    Raises
    ------
    UsageError
        The file is missing, cannot be read or is too large.
    ModelError
        It is broken, or another kind of file.
    """
    return convert(model) if is_converted(model) else read_tflite(model)
