"""The size of the cache folder, and how to clear it.

A run makes all of its content again. Only files with the places and names of Stapes' own files are
counted and deleted; other files stay.
"""

from __future__ import annotations

import contextlib
import re
import shutil
import sqlite3
from pathlib import Path

import filelock
from pydantic import BaseModel

from stapes.data.archives import archive_folders
from stapes.data.sources.synthetic_plan import SPLITS
from stapes.data.sources.whole_folder import alone_at
from stapes.errors import StapesError
from stapes.system.files import cache_folder

_DATABASE = re.compile(r"[a-z0-9_]+-[0-9a-f]{16}\.sqlite")
_LEFTOVER = re.compile(r"\.(.+)-\d+\.part")


class CachePart(BaseModel):
    """The number of files of features, or of corpora, and their size."""

    count: int = 0
    bytes: int = 0


class CacheContent(BaseModel):
    """What `stapes data cache` shows."""

    folder: str
    features: CachePart = CachePart()
    synthetic: CachePart = CachePart()
    archives: CachePart = CachePart()


def content() -> CacheContent:
    """The cache folder with the sizes of features, synthetic corpora and unpacked archives."""
    folder = cache_folder()
    return CacheContent(
        folder=str(folder),
        features=_part([_with_journals(path) for path in _databases(folder)]),
        synthetic=_part([_files(path) for path in _corpora(folder)]),
        archives=_part([_all_files(path) for path in archive_folders(folder)]),
    )


def clear() -> CacheContent:
    """Clear the cache folder and return its content, which another process uses.

    Raises
    ------
    StapesError
        A file cannot be deleted.
    """
    folder = cache_folder()
    try:
        for database in _databases(folder):
            if not _is_open(database):
                _delete(_with_journals(database))
        for corpus in _corpora(folder):
            leftover = _LEFTOVER.fullmatch(corpus.name)
            place = corpus.with_name(leftover[1]) if leftover else corpus
            with contextlib.suppress(filelock.Timeout), alone_at(place.resolve(), seconds=0):
                _delete(_files(corpus))
                _delete_empty(corpus)
        for archive in archive_folders(folder):
            place = archive.with_name(archive.name[:16])
            with contextlib.suppress(filelock.Timeout), alone_at(place, seconds=0):
                shutil.rmtree(archive)
    except OSError as error:
        raise StapesError(
            f"{error.filename} cannot be deleted ({error.strerror}): check who owns it."
        ) from None
    return content()


def _part(entries: list[list[Path]]) -> CachePart:
    sizes = [sum(path.stat().st_size for path in files) for files in entries]
    return CachePart(count=len(sizes), bytes=sum(sizes))


def _databases(folder: Path) -> list[Path]:
    paths = sorted((folder / "features").glob("*.sqlite"))
    return [path for path in paths if _DATABASE.fullmatch(path.name) and _is_file(path)]


def _with_journals(database: Path) -> list[Path]:
    names = (f"{database.name}{end}" for end in ("", "-wal", "-shm"))
    return [path for path in map(database.with_name, names) if _is_file(path)]


def _corpora(folder: Path) -> list[Path]:
    """Whole corpora, and parts of others that killed runs left."""
    paths = sorted((folder / "synthetic").glob("*"))
    return [
        path
        for path in paths
        if not path.is_symlink()
        and (_LEFTOVER.fullmatch(path.name) or (path / "corpus.yaml").is_file())
    ]


def _files(corpus: Path) -> list[Path]:
    """The files of a corpus: its lists, and the clips and sentences with the name of a voice."""
    lists = (corpus / name for name in ("corpus.yaml", *(f"{split}.csv" for split in SPLITS)))
    clips = (path for end in ("wav", "flac") for path in corpus.glob(f"*/en*_nohash_*.{end}"))
    return [path for path in (*lists, *clips) if _is_file(path)]


def _all_files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file() and not path.is_symlink()]


def _is_file(path: Path) -> bool:
    """Whether it is a file without links in its path, which may lead to files of others."""
    return path.is_file() and not path.is_symlink() and not path.parent.is_symlink()


def _is_open(database: Path) -> bool:
    """Whether a process has a database open: then SQLite does not change its journal."""
    try:
        with contextlib.closing(sqlite3.connect(database, timeout=0.0)) as connection:
            connection.execute("PRAGMA journal_mode=DELETE")
    except sqlite3.OperationalError:
        return True
    except sqlite3.DatabaseError:
        pass  # Damaged: a run makes it again.
    return False


def _delete(paths: list[Path]) -> None:
    for path in paths:
        path.unlink(missing_ok=True)


def _delete_empty(corpus: Path) -> None:
    """Delete the empty folders of a corpus."""
    for folder in (*corpus.glob("*"), corpus):
        with contextlib.suppress(OSError):
            folder.rmdir()
