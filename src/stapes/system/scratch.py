"""One scratch folder a command, in which all its processes keep their temporary files.

It is deleted at the end. What a killed command left is deleted at the start of the next one: a
command holds a lock on its folder for as long as it lives. Windows has no such locks; there a
folder that was left stays.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

_PREFIX = "stapes-scratch-"
_YOUNG_SECONDS = 60.0
"""A folder of this age may be another command's that has not locked it yet."""


@contextlib.contextmanager
def scratch_folder() -> Iterator[None]:
    """Send the temporary files of this process, and of those that it starts, to a new folder.

    Where none can be made, temporary files go where they went before.
    """
    before = os.environ.get("TMPDIR"), tempfile.tempdir
    try:
        sweep(Path(tempfile.gettempdir()))
        folder = Path(tempfile.mkdtemp(prefix=_PREFIX))
    except OSError:
        yield
        return
    lock = _locked(folder)
    os.environ["TMPDIR"] = tempfile.tempdir = str(folder)
    try:
        yield
    finally:
        tempfile.tempdir = before[1]
        if before[0] is None:
            os.environ.pop("TMPDIR", None)
        else:
            os.environ["TMPDIR"] = before[0]
        shutil.rmtree(folder, ignore_errors=True)
        if lock is not None:
            os.close(lock)


def sweep(parent: Path) -> None:
    """Delete the scratch folders in a folder whose command is gone."""
    for folder in parent.glob(f"{_PREFIX}*"):
        with contextlib.suppress(OSError):
            is_old = time.time() - folder.lstat().st_mtime > _YOUNG_SECONDS
            if not is_old or folder.is_symlink() or folder.lstat().st_uid != os.getuid():
                continue
            lock = _locked(folder)
            if lock is not None:
                shutil.rmtree(folder, ignore_errors=True)
                os.close(lock)


def _locked(folder: Path) -> int | None:
    """A descriptor that locks a folder until it is closed; None if another process has the lock."""
    try:
        import fcntl  # Not on Windows.
    except ImportError:
        return None
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        return None
    return descriptor
