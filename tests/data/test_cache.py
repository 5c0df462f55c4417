"""Features stay on disk under their key, and a broken file costs only time."""

from __future__ import annotations

import importlib.util
import os
import sqlite3
import sys
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from stapes.data.cache import FeatureCache, open_cache
from stapes.errors import StapesError
from stapes.frontends.frontend import Frontend
from stapes.frontends.logmel import LogMel
from stapes.frontends.mfcc import Mfcc
from stapes.frontends.micro import Micro

SETTINGS = Mfcc(n_mfcc=3, frames=4)
Features = NDArray[np.float32]


def key(number: int) -> bytes:
    return number.to_bytes(16, "big")


def features(number: int) -> Features:
    """Numbers with no short decimal form, different for each clip."""
    return np.random.default_rng(number).standard_normal(SETTINGS.shape).astype(np.float32)


def fill(cache: FeatureCache, count: int) -> None:
    cache.put((key(number), features(number)) for number in range(count))


def read(cache: FeatureCache, numbers: list[int]) -> Features:
    out = np.full((len(numbers), *SETTINGS.shape), np.nan, np.float32)
    cache.get([key(number) for number in numbers], out)
    return out


def expected(numbers: list[int]) -> Features:
    return np.stack([features(number) for number in numbers])


def test_features_are_there_the_next_time(tmp_path: Path) -> None:
    with open_cache(tmp_path / "deep" / "cache", SETTINGS) as cache:
        assert cache.known([key(1)]) == set()
        fill(cache, 5)
    with open_cache(tmp_path / "deep" / "cache", SETTINGS) as cache:
        assert cache.known(key(number) for number in (0, 4, 5, 99)) == {key(0), key(4)}
        assert read(cache, [4, 0]).tobytes() == expected([4, 0]).tobytes()


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FeatureCache]:
    """1,203 clips: more than one query holds."""
    with open_cache(tmp_path_factory.mktemp("full"), SETTINGS) as cache:
        fill(cache, 1_203)
        yield cache


@given(st.lists(st.integers(0, 1_202), max_size=8))
@settings(max_examples=30, deadline=None)
def test_features_come_in_the_order_of_the_keys(full: FeatureCache, numbers: list[int]) -> None:
    for x, number in zip(read(full, numbers), numbers, strict=True):
        np.testing.assert_array_equal(x, features(number))


def test_a_thousand_features_come_in_order(full: FeatureCache) -> None:
    numbers = [int(number) for number in np.random.default_rng(0).permutation(1_203)]
    assert read(full, numbers).tobytes() == expected(numbers).tobytes()
    assert len(full.known(key(number) for number in range(5_000))) == 1_203


def test_no_keys_are_no_features(full: FeatureCache) -> None:
    assert full.known([]) == set()
    assert read(full, []).shape == (0, *SETTINGS.shape)


def test_an_unknown_key_is_an_error(full: FeatureCache) -> None:
    with pytest.raises(KeyError):
        read(full, [3, 9_999])


def test_a_key_that_is_put_again_has_the_new_features(tmp_path: Path) -> None:
    with open_cache(tmp_path, SETTINGS) as cache:
        cache.put([(key(1), features(1))])
        cache.put([(key(1), features(2))])
        np.testing.assert_array_equal(read(cache, [1])[0], features(2))


def test_rows_are_put_together_or_not_at_all(tmp_path: Path) -> None:
    def rows() -> Iterator[tuple[bytes, Features]]:
        yield key(1), features(1)
        raise KeyboardInterrupt

    with open_cache(tmp_path, SETTINGS) as cache:
        with pytest.raises(KeyboardInterrupt):
            cache.put(rows())
        assert cache.known([key(1)]) == set()


def test_features_of_any_layout_in_memory_are_stored(tmp_path: Path) -> None:
    wide = np.asfortranarray(features(1).astype(np.float64))
    with open_cache(tmp_path, SETTINGS) as cache:
        cache.put([(key(1), wide)])  # type: ignore[list-item]
        np.testing.assert_array_equal(read(cache, [1])[0], features(1))


def test_two_processes_may_share_a_cache(tmp_path: Path) -> None:
    with open_cache(tmp_path, SETTINGS) as one, open_cache(tmp_path, SETTINGS) as other:
        one.put([(key(1), features(1))])
        other.put([(key(2), features(2)), (key(1), features(1))])
        assert one.known([key(1), key(2)]) == other.known([key(1), key(2)]) == {key(1), key(2)}


# Which file


@pytest.mark.parametrize(
    "change", [{"sample_rate": 16_000}, {"hop_length": 500}, {"top_db": 79.0}, {"frames": 5}]
)
def test_another_frontend_has_another_file(tmp_path: Path, change: dict[str, float]) -> None:
    with open_cache(tmp_path, SETTINGS) as cache:
        fill(cache, 1)
    with open_cache(tmp_path, SETTINGS.model_copy(update=change)) as cache:
        assert cache.known([key(0)]) == set()
    assert len(list(tmp_path.glob("*.sqlite"))) == 2


@pytest.mark.parametrize("library", ["numpy", "scipy", "soundfile", "soxr"])
def test_another_release_of_a_library_has_another_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, library: str
) -> None:
    before = FeatureCache(tmp_path, SETTINGS)
    before.close()
    monkeypatch.setattr(
        sys.modules[FeatureCache.__module__],
        "version",
        lambda name: "99.0" if name == library else version(name),
    )
    after = FeatureCache(tmp_path, SETTINGS)
    after.close()
    assert after.path != before.path


# Broken files


def stored(folder: Path) -> Path:
    """The file of a closed cache of 1,000 clips."""
    with open_cache(folder, SETTINGS) as cache:
        fill(cache, 1_000)
    return cache.path


@pytest.mark.parametrize("content", [b"no database " * 1_000, b"SQLite format 3\0" + bytes(5_000)])
def test_a_broken_file_is_made_again(tmp_path: Path, content: bytes) -> None:
    path = stored(tmp_path)
    path.write_bytes(content)
    with open_cache(tmp_path, SETTINGS) as cache:
        assert cache.known([key(0)]) == set()
        fill(cache, 3)
    with open_cache(tmp_path, SETTINGS) as cache:
        assert read(cache, [2, 1]).tobytes() == expected([2, 1]).tobytes()


def test_an_empty_file_is_filled(tmp_path: Path) -> None:
    stored(tmp_path).write_bytes(b"")
    with open_cache(tmp_path, SETTINGS) as cache:
        fill(cache, 1)
        np.testing.assert_array_equal(read(cache, [0])[0], features(0))


def test_a_broken_file_leaves_those_of_other_frontends(tmp_path: Path) -> None:
    other = SETTINGS.model_copy(update={"sample_rate": 8_000})
    with open_cache(tmp_path, other) as cache:
        fill(cache, 1)
    stored(tmp_path).write_bytes(b"no database " * 1_000)
    FeatureCache(tmp_path, SETTINGS).close()
    with open_cache(tmp_path, other) as cache:
        assert cache.known([key(0)]) == {key(0)}


def test_a_file_that_breaks_later_is_named_with_the_fix(tmp_path: Path) -> None:
    path = stored(tmp_path)
    content = path.read_bytes()
    assert len(content) > 40_000
    # The first page, which is read as it is opened, stays.
    path.write_bytes(content[:4_096] + b"\xff" * (len(content) - 4_096))
    cache = FeatureCache(tmp_path, SETTINGS)
    with pytest.raises(StapesError, match="delete the file") as caught:
        cache.known([key(number) for number in range(1_000)])
    assert str(path) in str(caught.value)
    cache.close()


def test_a_full_disk_is_named_with_the_fix(tmp_path: Path) -> None:
    with open_cache(tmp_path, SETTINGS) as cache:
        cache._database.execute("PRAGMA max_page_count = 8")
        with pytest.raises(StapesError, match="free some space") as caught:
            fill(cache, 1_000)
        assert str(cache.path) in str(caught.value)
        assert cache.known([key(0)]) == set()


def test_a_folder_that_cannot_be_made_names_the_variable(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for folder in (tmp_path / "file", tmp_path / "file" / "cache"):
        with pytest.raises(StapesError, match="set STAPES_CACHE") as caught:
            FeatureCache(folder, SETTINGS)
        assert str(folder) in str(caught.value)


@pytest.mark.skipif(
    os.name == "nt" or not hasattr(os, "geteuid") or os.geteuid() == 0,
    reason="this user may write anywhere",
)
def test_a_folder_that_cannot_be_written_names_the_variable(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(StapesError, match="set STAPES_CACHE"):
            FeatureCache(tmp_path, SETTINGS)
    finally:
        tmp_path.chmod(0o700)


def test_a_database_that_another_program_locks_is_not_deleted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = stored(tmp_path)
    connect = sqlite3.connect
    monkeypatch.setattr(sqlite3, "connect", lambda name, timeout: connect(name, timeout=0.0))
    holder = connect(path)
    holder.execute("PRAGMA locking_mode=EXCLUSIVE")
    holder.execute("BEGIN EXCLUSIVE")
    with pytest.raises(StapesError, match="locked"):
        FeatureCache(tmp_path, SETTINGS)
    holder.close()
    monkeypatch.undo()
    with open_cache(tmp_path, SETTINGS) as cache:
        assert len(cache.known([key(number) for number in range(1_000)])) == 1_000


def test_each_frontend_has_a_file_of_its_own(tmp_path: Path) -> None:
    frontends: list[Frontend] = [Mfcc(), LogMel(), LogMel(top_db=60.0)]
    if importlib.util.find_spec("pymicro_features"):
        frontends += [Micro(), Micro(hops_per_frame=1)]
    paths = []
    for frontend in frontends:
        with open_cache(tmp_path, frontend) as cache:
            assert not cache.known([key(1)])
            cache.put([(key(1), np.zeros(frontend.shape, np.float32))])
            paths.append(cache.path)
    assert len(set(paths)) == len(frontends)
    assert [path.name.split("-")[0] for path in paths] == [frontend.kind for frontend in frontends]
