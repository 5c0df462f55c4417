"""A folder of synthetic speech is whole or absent, and made by one process at a time."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import BrokenExecutor, Executor
from pathlib import Path

import filelock

from stapes.errors import StapesError, UsageError
from stapes.system import files, workers
from stapes.system.progress import Progress


def make_whole(
    out: Path, description: str, fill: Callable[[Path], None], progress: Progress
) -> Path:
    """Make a folder if it is not there, and return it; ends the step of `progress`.

    Parameters
    ----------
    description : str
        The content of its corpus.yaml: everything that its files depend on.
    fill : callable
        Writes the files into a temporary folder, which then gets the name.

    Raises
    ------
    UsageError
        `out` has other content.
    """
    place = out.resolve()
    place.parent.mkdir(parents=True, exist_ok=True)
    with alone_at(place):
        _remove_leftovers(place)
        if _is_there(place, description):
            progress.end(f"{out} is there already")
            return out
        # Only one process at a time is here, so its number makes the name unique.
        folder = place.parent / f".{place.name}-{os.getpid()}.part"
        try:
            folder.mkdir()
            fill(folder)
            (folder / "corpus.yaml").write_text(description, encoding="utf-8")
            if place.exists():
                place.rmdir()
            folder.rename(place)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
    progress.end(str(out))
    return out


def alone_at(place: Path, seconds: float = -1) -> filelock.BaseFileLock:
    """A lock of a folder, in the cache; `filelock.Timeout` after `seconds`, if not negative."""
    locks = files.cache_folder() / "locks"
    locks.mkdir(parents=True, exist_ok=True)
    return filelock.FileLock(locks / hashlib.sha256(bytes(place)).hexdigest(), timeout=seconds)


@contextlib.contextmanager
def speaking(jobs: int) -> Iterator[Executor]:
    """Worker processes that speak: espeak-ng sets the locale of its process."""
    with workers.pool(jobs) as executor:
        try:
            yield executor
        except BrokenExecutor:
            raise StapesError(
                "A process that made speech was killed (out of memory?): use fewer --jobs."
            ) from None


def _remove_leftovers(place: Path) -> None:
    """Delete the temporary folders of killed runs for this folder."""
    leftover = re.compile(rf"\.{re.escape(place.name)}-\d+\.part")
    for folder in place.parent.iterdir():
        if leftover.fullmatch(folder.name):
            shutil.rmtree(folder, ignore_errors=True)


def _is_there(place: Path, description: str) -> bool:
    if not place.exists() or (place.is_dir() and not any(place.iterdir())):
        return False
    settings = place / "corpus.yaml"
    if settings.is_file() and settings.read_text(encoding="utf-8") == description:
        return True
    raise UsageError(f"{place} holds something else: choose another folder, or delete it.")
