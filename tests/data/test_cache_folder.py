"""The cache is counted and cleared, and files of others stay."""

from __future__ import annotations

import json
from pathlib import Path

import filelock
import numpy as np
import pytest
from tests.end_to_end.command import stapes

from stapes.data.cache import open_cache
from stapes.data.cache_folder import clear, content
from stapes.data.sources.whole_folder import alone_at
from stapes.errors import StapesError
from stapes.frontends.logmel import LogMel
from stapes.frontends.mfcc import Mfcc

CLIPS = ("house/en-m3_nohash_0.wav", "house/en-gb-f2_nohash_0.wav", "test/en_nohash_0.flac")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache with features of two frontends, a corpus, and what a killed run left of another."""
    monkeypatch.setenv("STAPES_CACHE", str(tmp_path / "cache"))
    for frontend in (Mfcc(), LogMel()):
        with open_cache(tmp_path / "cache" / "features", frontend) as cache:
            cache.put([(b"key", np.zeros(frontend.shape, np.float32))])
    for name in ("house-3x1-seed0-1.0-none", ".mouse-3x1-seed0-1.0-none-77.part"):
        corpus = tmp_path / "cache" / "synthetic" / name
        for clip in CLIPS:
            (corpus / clip).parent.mkdir(parents=True, exist_ok=True)
            (corpus / clip).write_bytes(bytes(1000))
        for split, clip in zip(("train", "val", "test"), CLIPS, strict=True):
            if not name.startswith("."):
                (corpus / f"{split}.csv").write_text(f"file,label,speaker\n{clip},house,a\n")
    (tmp_path / "cache/synthetic/house-3x1-seed0-1.0-none/corpus.yaml").write_text("word: house\n")
    return tmp_path / "cache"


def files(folder: Path) -> set[str]:
    return {
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*")
        if path.is_file() and path.parent.name != "locks"
    }


def test_the_size_is_that_of_all_files(folder: Path) -> None:
    state = content()
    assert state.folder == str(folder)
    assert (state.features.count, state.synthetic.count) == (2, 2)
    sizes = sum((folder / name).stat().st_size for name in files(folder))
    assert state.features.bytes + state.synthetic.bytes == sizes > 6000


def test_clear_leaves_nothing_and_can_be_called_again(folder: Path) -> None:
    for _ in range(2):
        left = clear()
        assert (left.features.bytes, left.synthetic.bytes) == (0, 0)
        assert files(folder) == set()
        assert list((folder / "synthetic").iterdir()) == []


def test_a_cache_that_was_never_used_is_empty(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STAPES_CACHE", str(tmp_path / "none"))
    assert clear() == content()
    assert content().synthetic.count == 0
    assert not (tmp_path / "none").exists()


def test_files_of_others_stay(folder: Path, tmp_path: Path) -> None:
    corpus = folder / "synthetic" / "house-3x1-seed0-1.0-none"
    theirs = [
        folder / "notes.txt",
        folder / "features" / "mine.sqlite",
        folder / "features" / "mfcc-0123456789abcdef.sqlite.backup",
        folder / "synthetic" / "recordings" / "house" / "a.wav",
        corpus / "house" / "recorded.wav",
        corpus / "notes" / "deep" / "list.csv",
        folder / "models" / "int8.tflite",
        tmp_path / "outside.wav",
        corpus / "house" / "0a7c2a8d_nohash_0.wav",
        tmp_path / "linked" / "corpus.yaml",
        tmp_path / "linked" / "en-m3_nohash_0.wav",
    ]
    for path in theirs:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("mine")
    (folder / "synthetic" / "link").symlink_to(tmp_path / "linked")
    (corpus / "linked").symlink_to(tmp_path / "linked")
    (folder / "features" / "mfcc-0000000000000000.sqlite").symlink_to(tmp_path / "outside.wav")
    clear()
    assert all(path.read_text() == "mine" for path in theirs)
    assert not (corpus / "corpus.yaml").exists()
    assert not (corpus / "test").exists()


def test_features_that_a_run_has_open_stay_whole(folder: Path) -> None:
    with open_cache(folder / "features", Mfcc()) as cache:
        assert cache.known([b"key"]) == {b"key"}
        left = clear()
        assert left.features.count == 1
        assert cache.known([b"key"]) == {b"key"}
        cache.put([(b"other", np.zeros(Mfcc().shape, np.float32))])
    with open_cache(folder / "features", Mfcc()) as cache:
        assert cache.known([b"key", b"other"]) == {b"key", b"other"}
    assert clear().features.count == 0


def test_a_damaged_database_is_deleted(folder: Path) -> None:
    for path in (folder / "features").glob("*.sqlite"):
        path.write_bytes(b"no database " * 1000)
    assert clear().features.count == 0


def test_a_corpus_that_is_being_made_stays(folder: Path) -> None:
    place = folder / "synthetic" / "mouse-3x1-seed0-1.0-none"
    lock = alone_at(place.resolve())
    # Another object, as another process has: a lock can be taken again through the same one.
    with filelock.FileLock(lock.lock_file, is_singleton=False):
        assert clear().synthetic.count == 1
    assert clear().synthetic.count == 0


def test_a_file_that_cannot_be_deleted_is_named(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: Path, missing_ok: bool = False) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "unlink", refuse)
    with pytest.raises(StapesError, match=r"features/.*\.sqlite.* cannot be deleted \(Permission"):
        clear()


def test_the_command_shows_and_clears_it(folder: Path) -> None:
    done = stapes("data", "cache", cache=folder)
    assert str(folder) in done.stdout
    assert "2 files of features" in done.stdout
    state = json.loads(stapes("data", "cache", "--json", cache=folder).stdout)
    assert state == content().model_dump()
    left = json.loads(stapes("data", "cache", "--clear", "--json", cache=folder).stdout)
    assert left["features"] == left["synthetic"] == {"count": 0, "bytes": 0}
    assert files(folder) == set()
