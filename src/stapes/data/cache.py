"""Features on disk, by the bytes of the sound and the settings of the frontend.

Each frontend has an SQLite file. A killed process leaves what was finished. A broken file is
deleted and made again, as it holds only copies.
"""

from __future__ import annotations

import contextlib
import hashlib
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stapes.data.extraction import chunked
from stapes.errors import StapesError
from stapes.frontends.frontend import Frontend

# Raise it when a frontend's code computes other numbers for the same settings.
_FRONTEND = 1
_AT_ONCE = 500


class FeatureCache:
    """Features of a frontend by key, as float32 arrays; the folder is made if missing.

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
        return {key for part in chunked(keys, _AT_ONCE) for (key,) in self._select("key", part)}

    def put(self, rows: Iterable[tuple[bytes, NDArray[np.float32]]]) -> None:
        """Store features: all of `rows` or, on an error, none."""
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
        rows = iter(out)
        for part in chunked(keys, _AT_ONCE):
            stored = dict(self._select("key, x", part))
            for key in part:
                next(rows)[:] = np.frombuffer(stored[key], "<f4").reshape(self.shape)

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

    def _select(self, columns: str, keys: list[bytes]) -> Iterator[Any]:
        marks = ",".join("?" * len(keys))
        query = f"SELECT {columns} FROM features WHERE key IN ({marks})"
        try:
            yield from self._database.execute(query, keys)
        except sqlite3.Error as error:
            raise self._failed(error) from None

    def _failed(self, error: sqlite3.Error) -> StapesError:
        return StapesError(
            f"The feature cache {self.path} failed ({error}): free some space or delete the file, "
            "then run the same command again."
        )


def open_cache(folder: Path, settings: Frontend) -> AbstractContextManager[FeatureCache]:
    """A `FeatureCache` that is closed at the block's end."""
    return contextlib.closing(FeatureCache(folder, settings))


def _fingerprint(settings: Frontend) -> str:
    # Another release of a library may round in another way; a model must not depend on features
    # of an older one.
    names = ["numpy", "scipy", "soundfile", "soxr", settings.package]
    libraries = [f"{name} {version(name)}" for name in names if name]
    text = "\n".join([str(_FRONTEND), settings.model_dump_json(), *libraries])
    return hashlib.sha256(text.encode()).hexdigest()[:16]
