"""Features that a trial learns fast: noise, and a rising band in every other clip."""

from __future__ import annotations

import contextlib
import importlib.util
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from stapes.data.features import FeatureSet
from stapes.frontends.logmel import LogMel
from stapes.run.feature_files import feature_file, save_features
from stapes.search.engines import TEACHER
from stapes.search.settings import SearchSettings

SETTINGS = SearchSettings(
    frontends=(LogMel(),),
    architectures=("temporal_cnn",),
    techniques="int8",
    trials=3,
    together=2,
    epochs=2,
    calibration_clips=16,
)


@pytest.fixture(scope="session", autouse=True)
def no_wait_for_the_disk() -> Iterator[None]:
    """A study makes a thousand commits, and SQLite waits for the disk at each."""
    connect = sqlite3.connect

    def connected(*arguments: Any, **options: Any) -> sqlite3.Connection:
        connection: sqlite3.Connection = connect(*arguments, **options)
        # Only a file that is no database fails here, and the test of it wants the later error.
        with contextlib.suppress(sqlite3.DatabaseError):
            connection.execute("PRAGMA synchronous = OFF")
            connection.execute("PRAGMA journal_mode = MEMORY")
        return connection

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sqlite3, "connect", connected)
        yield


def clips(n: int, seed: int) -> FeatureSet:
    """[n, 49, 40, 1], the shape of logmel."""
    rng = np.random.default_rng(seed)
    x = rng.uniform(0, 0.4, (n, *LogMel().shape))
    y = (np.arange(n) % 2).astype(np.uint8)
    for band, frame in enumerate(range(2, 40)):
        x[1::2, frame : frame + 4, band] += 0.5
    return FeatureSet(x.astype(np.float32), y, [f"clip{number}" for number in range(n)])


@pytest.fixture(scope="session")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A work folder with the features of one frontend, and a teacher that knows the truth."""
    if importlib.util.find_spec("tf_keras") is None or importlib.util.find_spec("optuna") is None:
        pytest.skip("needs the extras `train` and `search`")
    folder = tmp_path_factory.mktemp("work")
    (folder / "logmel").mkdir()
    for seed, (split, n) in enumerate({"train": 96, "validation": 64, "test": 32}.items()):
        features = clips(n, seed)
        np.save(feature_file(folder / "logmel", split), features.x)
        save_features(features, folder / "logmel", split)
    truth = np.eye(2, dtype=np.float32)[clips(96, 0).y]
    np.save(folder / TEACHER, 0.9 * truth + 0.05)
    return folder
