"""Inspect a model file; any model that is no .tflite is converted first."""

from __future__ import annotations

from pathlib import Path

from stapes.contracts.inspection import Inspection
from stapes.errors import ModelError
from stapes.model_files.content import Convert, content_of, converted
from stapes.model_files.open_axes import with_macs
from stapes.tflite.read.inspect import inspect


def inspect_file(model: Path, *, convert: Convert = converted) -> Inspection:
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
    content = content_of(model, convert)
    try:
        inspection = inspect(content).model_copy(update={"file": str(model)})
    except ModelError as error:
        raise ModelError(f"{model}: {error}") from None
    return with_macs(inspection, content)
