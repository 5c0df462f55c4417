"""What Stapes keeps in its cache folder: how large it is, and how it is emptied.

All of it is copies that a run makes again. Only files that have the place and name which Stapes
gives its own are counted and deleted: whatever else is in the folder stays.
"""

from __future__ import annotations

import contextlib
import re
import sqlite3
from pathlib import Path

import filelock
from pydantic import BaseModel

from stapes.data.sources.synthetic import alone_at
from stapes.data.sources.synthetic_plan import SPLITS
from stapes.errors import StapesError
from stapes.system.files import cache_folder

_DATABASE = re.compile(r"[a-z0-9_]+-[0-9a-f]{16}\.sqlite")
_LEFTOVER = re.compile(r"\.(.+)-\d+\.part")


class CachePart(BaseModel):
    """So many files of features, or corpora, and their size."""

    count: int = 0
    bytes: int = 0


class CacheContent(BaseModel):
    """What `stapes data cache` shows."""

    folder: str
    features: CachePart = CachePart()
    synthetic: CachePart = CachePart()


def content() -> CacheContent:
    """The cache folder and the size of what Stapes keeps in it.

    Returns
    -------
    CacheContent
        `features` are databases, one for each frontend; `synthetic` are corpora. `$STAPES_CACHE`
        chooses the folder.
    """
    folder = cache_folder()
    return CacheContent(
        folder=str(folder),
        features=_part([_with_journals(path) for path in _databases(folder)]),
        synthetic=_part([_files(path) for path in _corpora(folder)]),
    )


def clear() -> CacheContent:
    """Delete what Stapes keeps in the cache folder; what another process uses is left.

    Returns
    -------
    CacheContent
        What is left.

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
    """Whole corpora, and what killed runs left of others."""
    paths = sorted((folder / "synthetic").glob("*"))
    return [
        path
        for path in paths
        if not path.is_symlink()
        and (_LEFTOVER.fullmatch(path.name) or (path / "corpus.yaml").is_file())
    ]


def _files(corpus: Path) -> list[Path]:
    """What Stapes wrote into a corpus: its lists, and clips by the name of a voice."""
    lists = (corpus / name for name in ("corpus.yaml", *(f"{split}.csv" for split in SPLITS)))
    return [path for path in (*lists, *corpus.glob("*/en*_nohash_*.wav")) if _is_file(path)]


def _is_file(path: Path) -> bool:
    """Whether a file itself is there; a link may lead to another's."""
    return path.is_file() and not path.is_symlink() and not path.parent.is_symlink()


def _is_open(database: Path) -> bool:
    """Whether a process has a database open: SQLite then refuses to put its journal away."""
    try:
        with contextlib.closing(sqlite3.connect(database, timeout=0.0)) as connection:
            connection.execute("PRAGMA journal_mode=DELETE")
    except sqlite3.OperationalError:
        return True
    except sqlite3.DatabaseError:
        pass  # Damaged: a run would make it again.
    return False


def _delete(paths: list[Path]) -> None:
    for path in paths:
        path.unlink(missing_ok=True)


def _delete_empty(corpus: Path) -> None:
    """Delete a corpus's folders that hold nothing any more."""
    for folder in (*corpus.glob("*"), corpus):
        with contextlib.suppress(OSError):
            folder.rmdir()
