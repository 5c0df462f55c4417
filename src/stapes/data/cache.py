"""Features kept on disk by what they were made of: the sound's bytes and the frontend's settings.

One SQLite file for each frontend. A killed process leaves what was finished; a broken file is set
aside and made again, since nothing in it is more than a copy.
"""

from __future__ import annotations

import contextlib
import hashlib
import sqlite3
from collections.abc import Iterable, Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stapes.errors import StapesError
from stapes.frontends.frontend import Frontend

# Raise it when the frontend's code gives other numbers for the same settings.
_FRONTEND = 1
_AT_ONCE = 500


class FeatureCache:
    """Features by key: `key in cache` is `cache.known([key])`, values are float32 arrays.

    Parameters
    ----------
    folder : Path
        Made if missing.
    settings : Frontend
        The frontend; features of another frontend are in another file.

    Raises
    ------
    StapesError
        The folder cannot be written, or the disk is full.
    """

    def __init__(self, folder: Path, settings: Frontend) -> None:
        self.shape = settings.shape
        self.path = folder / f"{settings.kind}-{_fingerprint(settings)}.sqlite"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._database = self._open()
        except (OSError, sqlite3.Error) as error:
            raise StapesError(
                f"The cache {self.path} cannot be used ({error}): set STAPES_CACHE to a folder "
                "that can be written."
            ) from None

    def known(self, keys: Iterable[bytes]) -> set[bytes]:
        """The keys that have features here."""
        found: set[bytes] = set()
        for part in _parts(list(keys)):
            marks = ",".join("?" * len(part))
            rows = self._ask(f"SELECT key FROM features WHERE key IN ({marks})", part)
            found.update(key for (key,) in rows)
        return found

    def put(self, rows: Iterable[tuple[bytes, NDArray[np.float32]]]) -> None:
        """Keep features; all of `rows` or none."""
        values = [(key, np.ascontiguousarray(x, "<f4").tobytes()) for key, x in rows]
        try:
            with self._database:
                self._database.executemany("INSERT OR REPLACE INTO features VALUES (?, ?)", values)
        except sqlite3.Error as error:
            raise self._failed(error) from None

    def get(self, keys: list[bytes], out: NDArray[np.float32]) -> None:
        """Fill `out` [shape=(len(keys), frames, bins, 1)] with the features of `keys`, in order.

        Raises
        ------
        KeyError
            A key has no features here.
        """
        for begin, part in zip(range(0, len(keys), _AT_ONCE), _parts(keys), strict=True):
            marks = ",".join("?" * len(part))
            rows = self._ask(f"SELECT key, x FROM features WHERE key IN ({marks})", part)
            stored = dict(rows)
            for index, key in enumerate(part, begin):
                out[index] = np.frombuffer(stored[key], "<f4").reshape(self.shape)

    def close(self) -> None:
        """Close the file."""
        self._database.close()

    def _open(self) -> sqlite3.Connection:
        try:
            return self._connect()
        except sqlite3.DatabaseError as error:
            if isinstance(error, sqlite3.OperationalError):
                raise
            # Not a database, or a damaged one: only copies are lost.
            for path in self.path.parent.glob(f"{self.path.name}*"):
                path.unlink()
            return self._connect()

    def _connect(self) -> sqlite3.Connection:
        database = sqlite3.connect(self.path, timeout=60.0)
        try:
            database.execute("PRAGMA journal_mode=WAL")
            database.execute("PRAGMA synchronous=NORMAL")
            database.execute(
                "CREATE TABLE IF NOT EXISTS features (key BLOB PRIMARY KEY, x BLOB NOT NULL)"
            )
        except sqlite3.Error:
            database.close()
            raise
        return database

    def _ask(self, query: str, values: list[bytes]) -> Iterator[Any]:
        try:
            yield from self._database.execute(query, values)
        except sqlite3.Error as error:
            raise self._failed(error) from None

    def _failed(self, error: sqlite3.Error) -> StapesError:
        return StapesError(
            f"The feature cache {self.path} failed ({error}): free some space or delete the file, "
            "then run the same command again."
        )


@contextlib.contextmanager
def open_cache(folder: Path, settings: Frontend) -> Iterator[FeatureCache]:
    """A `FeatureCache` that is closed at the block's end."""
    cache = FeatureCache(folder, settings)
    try:
        yield cache
    finally:
        cache.close()


def _fingerprint(settings: Frontend) -> str:
    # Another release of a library may round otherwise; a model must not depend on what an older
    # one left in the cache.
    names = ["numpy", "scipy", "soundfile", "soxr"]
    if settings.package:
        names.append(settings.package)
    libraries = [f"{name} {version(name)}" for name in names]
    text = "\n".join([str(_FRONTEND), settings.model_dump_json(), *libraries])
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _parts(keys: list[bytes]) -> Iterator[list[bytes]]:
    for begin in range(0, len(keys), _AT_ONCE):
        yield keys[begin : begin + _AT_ONCE]
