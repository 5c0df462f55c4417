"""A corpus in an archive is read as its folder; what could harm is refused."""

from __future__ import annotations

import io
import tarfile
import zipfile
from pathlib import Path

import pytest
from tests.conftest import WriteClip

from stapes.data import archives, cache_folder
from stapes.data.archives import folder_of
from stapes.data.corpus import load
from stapes.errors import UsageError


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("STAPES_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def corpus(tmp_path: Path, write_clip: WriteClip) -> Path:
    for name in ("yes/a.wav", "yes/b.wav", "no/c.wav"):
        write_clip(tmp_path / "corpus" / name)
    return tmp_path / "corpus"


def packed(corpus: Path, ending: str, top: str = "") -> Path:
    path = corpus.with_suffix(ending)
    files = [file for file in corpus.rglob("*") if file.is_file()]
    if ending == ".zip":
        with zipfile.ZipFile(path, "w") as archive:
            for file in files:
                archive.write(file, top + file.relative_to(corpus).as_posix())
    else:
        with tarfile.open(path, "w:gz" if ending.endswith("gz") else "w") as tar:
            for file in files:
                tar.add(file, top + file.relative_to(corpus).as_posix())
    return path


@pytest.mark.parametrize("ending", [".zip", ".tar", ".tar.gz"])
@pytest.mark.parametrize("top", ["", "corpus-main/"])
def test_an_archive_is_read_as_its_folder(corpus: Path, ending: str, top: str) -> None:
    path = packed(corpus, ending, top)
    (corpus.parent / "more").mkdir()
    other = load(path, "yes")
    plain = load(corpus, "yes")
    assert other.understood == plain.understood
    for split in plain.splits:
        assert [c.file for c in other.splits[split]] == [c.file for c in plain.splits[split]]


def test_it_is_unpacked_once_and_cleared_with_the_cache(corpus: Path, cache: Path) -> None:
    path = packed(corpus, ".zip")
    folder = folder_of(path)
    (folder / "yes/a.wav").unlink()
    assert not (folder_of(path) / "yes/a.wav").exists()
    assert cache_folder.content().archives.count == 1
    assert cache_folder.clear().archives.count == 0
    assert (folder_of(path) / "yes/a.wav").exists()
    assert folder.is_relative_to(cache)


def tar_with(path: Path, **fields: object) -> Path:
    with tarfile.open(path, "w") as tar:
        member = tarfile.TarInfo("yes/a.wav")
        for name, value in fields.items():
            setattr(member, name, value)
        tar.addfile(member, io.BytesIO(b"RIFF"))
    return path


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"name": "../evil.wav"}, "leaves the folder"),
        ({"name": "/evil.wav"}, "leaves the folder"),
        ({"name": "C:\\evil.wav"}, "leaves the folder"),
        ({"type": tarfile.SYMTYPE, "linkname": "/etc/passwd"}, "is a link or a device"),
        ({"type": tarfile.FIFOTYPE}, "is a link or a device"),
    ],
)
def test_members_that_lead_out_are_refused(
    tmp_path: Path, cache: Path, fields: dict[str, object], reason: str
) -> None:
    path = tar_with(tmp_path / "evil.tar", **fields)
    with pytest.raises(UsageError, match=rf"evil\.tar is refused \(.*{reason}"):
        folder_of(path)
    assert not list((cache / "archives").iterdir())
    assert not (tmp_path / "evil.wav").exists()


def test_a_link_in_a_zip_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "evil.zip", "w") as archive:
        entry = zipfile.ZipInfo("yes/a.wav")
        entry.external_attr = 0o120777 << 16
        archive.writestr(entry, "/etc/passwd")
    with pytest.raises(UsageError, match="is a link"):
        folder_of(tmp_path / "evil.zip")


def test_a_small_archive_with_much_content_is_refused(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archives, "MOST_BYTES", 1 << 20)
    with zipfile.ZipFile(tmp_path / "bomb.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("yes/a.wav", bytes(1 << 22))
    with pytest.raises(UsageError, match="it has more than"):
        folder_of(tmp_path / "bomb.zip")
    assert not list((cache / "archives").iterdir())


def test_a_damaged_archive_and_a_file_that_is_none_are_named(corpus: Path, tmp_path: Path) -> None:
    path = packed(corpus, ".tar.gz")
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(UsageError, match=r"corpus\.tar\.gz is refused"):
        folder_of(path)
    (tmp_path / "notes.txt").write_text("no archive")
    with pytest.raises(UsageError, match=r"notes\.txt is no folder, and no \.zip or \.tar"):
        folder_of(tmp_path / "notes.txt")
