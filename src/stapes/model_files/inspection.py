"""Inspect a model file: a .tflite as it is, any other model by converting it."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import BrokenExecutor
from pathlib import Path

from stapes.contracts.inspection import Inspection
from stapes.errors import ModelError, UsageError
from stapes.models import backend
from stapes.models.keras_import.any_keras import load_any
from stapes.system.files import send_output_to
from stapes.system.workers import pool
from stapes.techniques.post_training import convert as convert_float
from stapes.tflite.read.inspect import inspect

MOST_BYTES = 1 << 30
"""A larger file is refused: no microcontroller or Pi runs it."""


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
        with pool(1, send_output_to, (Path(os.devnull),)) as executor:
            content: bytes = executor.submit(_convert, model).result()
            return content
    except BrokenExecutor:
        raise ModelError(f"{model}: reading it crashed; the file is broken.") from None


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
    try:
        content = _read(model)
    except OSError as error:
        raise UsageError(f"{model} cannot be read ({error.strerror}).") from None
    if content is None:
        if convert is None or model.suffix == ".tflite":
            raise ModelError(f"{model} is no .tflite (it lacks the mark TFL3 at byte 4).")
        content = convert(model)
    try:
        found = inspect(content)
    except ModelError as error:
        raise ModelError(f"{model}: {error}") from None
    return found.model_copy(update={"file": str(model)})


def _convert(model: Path) -> bytes:
    return convert_float(load_any(model))


def _read(model: Path) -> bytes | None:
    """The file's bytes; None if it is no .tflite, of which no more than the mark is read."""
    if model.is_dir():
        return None
    size = model.stat().st_size
    if not model.is_file():
        # A pipe or a device could be read for ever.
        raise UsageError(f"{model} is no file: name a model.")
    if size > MOST_BYTES:
        raise UsageError(f"{model} has {size:,} bytes: that is no model for a device.")
    with model.open("rb") as file:
        head = file.read(8)
        return head + file.read(size) if head[4:8] == b"TFL3" else None
