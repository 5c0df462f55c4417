"""Keras files: equal models are written as equal bytes, and reading runs no code."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

from stapes.errors import ModelError
from stapes.models.backend import keras
from stapes.system.files import atomic_path

_NO_TIME = (1980, 1, 1, 0, 0, 0)


def save(model: Any, path: Path) -> None:
    """Write a `.keras` file; the same weights give the same bytes.

    The times that Keras writes into the archive are removed.
    """
    with atomic_path(path) as temporary:
        model.save(temporary, save_format="keras")
        with zipfile.ZipFile(temporary) as archive:
            members = {name: archive.read(name) for name in sorted(archive.namelist())}
        metadata = json.loads(members["metadata.json"])
        metadata.pop("date_saved", None)
        members["metadata.json"] = json.dumps(metadata, sort_keys=True).encode()
        with zipfile.ZipFile(temporary, "w", zipfile.ZIP_STORED) as archive:
            for name, content in members.items():
                archive.writestr(zipfile.ZipInfo(name, _NO_TIME), content)


def load(path: Path) -> Any:
    """Read a `.keras` file that Stapes wrote.

    Raises
    ------
    ModelError
        The file is missing, damaged, or contains code (a Lambda layer).
    """
    models = keras().models
    try:
        # Keras would also read HDF5 or SavedModel under this name, and run the code in them.
        if path.exists() and not zipfile.is_zipfile(path):
            raise ValueError("it is not a zip archive; it may be cut off")
        model = models.load_model(path, compile=False, safe_mode=True)
        if not isinstance(model, models.Model):
            raise ValueError("it contains no model")
        return model
    except Exception as error:  # A damaged archive may raise anything.
        reason = str(error).strip().splitlines()[0] if str(error).strip() else "broken"
        raise ModelError(f"{path} cannot be read as a Keras model: {reason}") from None
