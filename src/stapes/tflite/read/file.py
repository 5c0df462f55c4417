"""Read a model file: a regular file, not too large, recognized by its mark."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from stapes.errors import ModelError, UsageError

MOST_BYTES = 1 << 28
"""A larger file is refused: no microcontroller or Pi runs it."""


def is_tflite(path: Path) -> bool:
    """Whether a file has the mark of a .tflite, whatever its name; False for a folder.

    Raises
    ------
    UsageError
        It is missing, no file, too large, or cannot be read.
    """
    with _readable(path):
        if path.is_dir():
            return False
        size = path.stat().st_size
        if not path.is_file():
            # Reading a pipe or a device may never end.
            raise UsageError(f"{path} is no file: name a model.")
        if size > MOST_BYTES:
            raise UsageError(f"{path} has {size:,} bytes: that is no model for a device.")
        with path.open("rb") as file:
            return file.read(8)[4:] == b"TFL3"


def read_tflite(path: Path) -> bytes:
    """Read a .tflite and check its mark; `verify` checks the rest.

    Raises
    ------
    UsageError
        See `is_tflite`.
    ModelError
        It is another kind of file.
    """
    if not is_tflite(path):
        lacks = " (it lacks the mark TFL3 at byte 4)"
        raise ModelError(f"{path} is no .tflite{what_it_is(path) or lacks}.")
    with _readable(path):
        return path.read_bytes()


def read_start(path: Path) -> bytes:
    """The first bytes of a file that `is_tflite` accepted."""
    with _readable(path), path.open("rb") as file:
        return file.read(64)


def what_it_is(path: Path) -> str:
    """What a file is that is no model, as the end of a sentence; empty if that is not known."""
    if path.is_dir():
        return ", but a folder"
    start = read_start(path).lstrip().lower()
    if start.startswith(b"version https://git-lfs"):
        return ", but Git LFS's pointer to one: download it with `git lfs pull`"
    if start.startswith((b"<!doctype html", b"<html")):
        return ", but an HTML page: download the file itself"
    if path.suffix == ".onnx":
        return ", but an ONNX model: convert it first"
    return ""


@contextlib.contextmanager
def _readable(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise UsageError(f"{path} cannot be read ({error.strerror}).") from None
