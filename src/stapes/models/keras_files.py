"""Keras files: written so that equal models are equal bytes, and read without running code."""

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

    Keras stamps the archive with the time of day, which is taken out again.
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
        The file is missing, broken, or holds code (a Lambda layer).
    """
    models = keras().models
    try:
        # Keras would read HDF5 and SavedModel by that name too, and run the code in them.
        if path.exists() and not zipfile.is_zipfile(path):
            raise ValueError("it is no archive; it may be cut")
        model = models.load_model(path, compile=False, safe_mode=True)
        if not isinstance(model, models.Model):
            raise ValueError("it holds no model")
        return model
    except Exception as error:  # What a broken archive raises depends on where it is broken.
        reason = str(error).strip().splitlines()[0] if str(error).strip() else "broken"
        raise ModelError(f"{path} cannot be read as a Keras model: {reason}") from None
