"""A corpus in a .zip or .tar file, unpacked once into the cache.

What an archive may hold is limited: no path or link leads out of the folder, and there are at most
`MOST_FILES` files of `MOST_BYTES` in all, counted as they are written.
"""

from __future__ import annotations

import os
import re
import shutil
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import IO

from stapes.data.sources.whole_folder import alone_at
from stapes.errors import UsageError
from stapes.system.files import cache_folder, sha256

MOST_BYTES = 20 << 30
MOST_FILES = 1_000_000
MARKER = ".stapes-archive"
"""In a folder that was unpacked whole."""

_FOLDER = re.compile(r"[0-9a-f]{16}(-\d+\.part)?")
_CHUNK = 1 << 20
_BROKEN = (
    tarfile.TarError,
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    ValueError,
    RuntimeError,
    NotImplementedError,
    OSError,
)


def folder_of(data: Path) -> Path:
    """A folder as it is; of an archive, the folder with its content, in the cache.

    A folder that is all that an archive has is that folder.

    Raises
    ------
    UsageError
        There is nothing, or a file that is no archive, is broken, or holds what is refused.
    """
    if data.is_dir():
        return data
    if not data.exists():
        raise UsageError(f"{data}: there is no such folder.")
    if not data.is_file() or not (zipfile.is_zipfile(data) or tarfile.is_tarfile(data)):
        raise UsageError(f"{data} is no folder, and no .zip or .tar: give the folder of clips.")
    folder = cache_folder() / "archives" / sha256(data)[:16]
    folder.parent.mkdir(parents=True, exist_ok=True)
    with alone_at(folder):
        if not (folder / MARKER).is_file():
            _make(data, folder)
    inside = [entry for entry in folder.iterdir() if not entry.name.startswith((".", "__MACOSX"))]
    return inside[0] if len(inside) == 1 and inside[0].is_dir() else folder


def archive_folders(cache: Path) -> list[Path]:
    """The folders of archives in the cache, also those that a killed process left."""
    paths = sorted((cache / "archives").glob("*"))
    return [path for path in paths if _FOLDER.fullmatch(path.name) and not path.is_symlink()]


def _make(data: Path, folder: Path) -> None:
    for old in folder.parent.glob(f"{folder.name}-*.part"):
        shutil.rmtree(old, ignore_errors=True)
    part = folder.with_name(f"{folder.name}-{os.getpid()}.part")
    written = 0
    try:
        part.mkdir()
        for count, (name, source) in enumerate(_members(data), 1):
            if count > MOST_FILES:
                raise ValueError(f"it has more than {MOST_FILES:,} files")
            target = part / _safe(name)
            target.parent.mkdir(parents=True, exist_ok=True)
            with source, target.open("wb") as file:
                while chunk := source.read(_CHUNK):
                    written += len(chunk)
                    if written > MOST_BYTES:
                        raise ValueError(f"it has more than {MOST_BYTES >> 30} GiB")
                    file.write(chunk)
        (part / MARKER).write_text("")
        shutil.rmtree(folder, ignore_errors=True)
        part.rename(folder)
    except _BROKEN as error:
        raise UsageError(f"{data} is refused ({error}): unpack it yourself.") from None
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _safe(name: str) -> PurePosixPath:
    path = PurePosixPath(name.replace("\\", "/"))
    if path.is_absolute() or ".." in path.parts or re.match(r"[A-Za-z]:", name) or "\0" in name:
        raise ValueError(f"its member {name!r} leaves the folder")
    return path


def _members(data: Path) -> Iterator[tuple[str, IO[bytes]]]:
    """The files of an archive; links and devices are refused."""
    if zipfile.is_zipfile(data):
        with zipfile.ZipFile(data) as archive:
            for entry in archive.infolist():
                if stat.S_ISLNK(entry.external_attr >> 16):
                    raise ValueError(f"its member {entry.filename!r} is a link")
                if not entry.is_dir():
                    yield entry.filename, archive.open(entry)
        return
    with tarfile.open(data) as tar:
        for member in tar:
            if not (member.isreg() or member.isdir()):
                raise ValueError(f"its member {member.name!r} is a link or a device")
            if (source := tar.extractfile(member)) is not None:
                yield member.name, source
