"""The parts of a `.keras` or `.h5` file, read without running or trusting any of it."""

from __future__ import annotations

import io
import json
import re
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from stapes.errors import ModelError
from stapes.models.keras_import import hdf5
from stapes.models.keras_import.hdf5 import Group

LIMIT = 1 << 30
"""The largest file, and the largest unpacked part of one [bytes]."""

_CONFIG_LIMIT = 1 << 24


@dataclass(frozen=True)
class KerasFile:
    """The parts of a Keras file.

    Attributes
    ----------
    kind : "keras" or "h5"
        A zip archive that contains an HDF5 file, or an HDF5 file with the config as an attribute.
    version : str
        Of the Keras that wrote it, such as "3.15.1".
    config : dict
        The model's config, unchecked: never pass it to Keras.
    weights : Group
        Arrays, by Keras's names.
    """

    kind: str
    version: str
    config: dict[str, Any]
    weights: Group

    @property
    def major(self) -> int:
        """2 or 3."""
        return int(self.version.split(".")[0])


def read(path: Path) -> KerasFile:
    """Take a Keras file apart; its content decides the kind, not its name.

    Raises
    ------
    ModelError
        It is missing, damaged, too large, or another kind of file.
    """
    content = read_bytes(path)
    if content[4:8] == b"TFL3":
        raise ModelError("it is a .tflite, which cannot be trained; give the Keras model")
    if content.startswith(hdf5.SIGNATURE):
        return _read_h5(hdf5.read(content))
    if content.startswith(b"PK"):
        return _read_archive(content)
    raise ModelError('it is neither a .keras nor an .h5 file; write one with model.save("m.keras")')


def read_bytes(path: Path, limit: int = LIMIT) -> bytes:
    """The content of a regular file of at most `limit` bytes."""
    if not path.is_file():
        raise ModelError(f"there is no file {path.name!r}; check the path")
    with path.open("rb") as file:
        content = file.read(limit + 1)
    if len(content) > limit:
        raise ModelError(f"{path.name!r} is larger than {limit >> 20} MiB; give a smaller model")
    return content


def read_json(text: str | bytes) -> dict[str, Any]:
    """A JSON object."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        raise ModelError("its config is not JSON; save the model again") from None
    if not isinstance(value, dict):
        raise ModelError("its config describes no model; save the model again")
    return value


def write(file: KerasFile, config: dict[str, Any], folder: Path) -> Path:
    """Write the same weights with another config, as Keras would, and return the new path.

    Nothing else of the old file is in it: no attachments, no links, no unusual parts of HDF5.
    """
    if file.kind == "h5":
        path = folder / "model.h5"
        versions = {"keras_version": file.version, "backend": "tensorflow"}
        attributes: dict[str, Any] = {"model_config": json.dumps(config), **versions}
        _write_h5(Group(attributes, file.weights.members), path)
        return path
    path = folder / "model.keras"
    weights = io.BytesIO()
    _write_h5(file.weights, weights)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("metadata.json", json.dumps({"keras_version": file.version}))
        archive.writestr("config.json", json.dumps(config))
        archive.writestr("model.weights.h5", weights.getvalue())
    return path


def _read_archive(content: bytes) -> KerasFile:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            metadata = read_json(_member(archive, "metadata.json", _CONFIG_LIMIT))
            config = read_json(_member(archive, "config.json", _CONFIG_LIMIT))
            weights = _member(archive, "model.weights.h5", LIMIT)
    except ModelError:
        raise
    except Exception:  # zipfile and the decompressors raise many kinds of errors.
        raise ModelError("the archive is damaged or cut off; save the model again") from None
    return KerasFile("keras", _version(metadata), config, hdf5.read(weights))


def _member(archive: zipfile.ZipFile, name: str, limit: int) -> bytes:
    """One file of the archive; it may not unpack to more than the archive states."""
    if name not in archive.namelist():
        raise ModelError(f'it has no {name!r}; write the model with model.save("m.keras")')
    member = archive.getinfo(name)
    if member.file_size > limit:
        raise ModelError(
            f"its {name!r} unpacks to more than {limit >> 20} MiB; give a smaller model"
        )
    if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise ModelError(f"its {name!r} is compressed in an unknown way; save the model again")
    with archive.open(member) as file:
        content = file.read(member.file_size)
    if len(content) < member.file_size:
        raise EOFError
    return content


def _read_h5(root: Group) -> KerasFile:
    config = root.attributes.get("model_config")
    if not isinstance(config, str) or "model_weights" not in root.members:
        raise ModelError(
            'it has weights without their layers; save the whole model: model.save("m.keras")'
        )
    # The first versions of Keras did not write their version.
    version = _version({"keras_version": "2.0"} | root.attributes)
    members = {"model_weights": root.members["model_weights"]}
    return KerasFile("h5", version, read_json(config), Group({}, members))


def _version(metadata: dict[str, Any]) -> str:
    version = metadata.get("keras_version")
    if not isinstance(version, str) or not re.fullmatch(r"[123]\.[0-9][\w.+-]{0,40}", version):
        raise ModelError("it names no version of Keras 2 or 3; save the model again")
    return version


def _write_h5(root: Group, target: Path | io.BytesIO) -> None:
    import h5py  # type: ignore[import-untyped]

    with h5py.File(target, "w") as file:
        pairs = [(root, file)]
        for group, target_group in pairs:  # The loop appends subgroups.
            for name, value in group.attributes.items():
                if isinstance(value, list):  # Keras reads names from arrays of bytes.
                    value = np.array([text.encode() for text in value])
                target_group.attrs[name] = value
            for name, member in group.members.items():
                if isinstance(member, Group):
                    pairs.append((member, target_group.create_group(name)))
                else:
                    target_group.create_dataset(name, data=member)
