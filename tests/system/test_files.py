"""A file is the old one or the new one, whole, and nothing is left next to it."""

from __future__ import annotations

import errno
import hashlib
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from stapes.errors import UsageError
from stapes.system import files
from stapes.system.files import atomic_path, cache_folder, sha256, write_bytes, write_text


class Stop(Exception):
    """Ends a block in the middle."""


def stop_in_the_middle(target):
    with atomic_path(target) as temporary:
        temporary.write_text("half")
        raise Stop


def names(folder):
    return sorted(path.name for path in folder.iterdir())


@pytest.fixture
def umask():
    """Sets the umask for a test."""
    before = os.umask(0)
    os.umask(before)
    yield os.umask
    os.umask(before)


def test_a_new_file_has_its_content_and_no_neighbour(tmp_path):
    write_bytes(tmp_path / "a.bin", b"\x00\xff")
    assert (tmp_path / "a.bin").read_bytes() == b"\x00\xff"
    assert names(tmp_path) == ["a.bin"]


def test_an_old_file_is_replaced(tmp_path):
    (tmp_path / "a.txt").write_text("a much longer content than the new one")
    write_text(tmp_path / "a.txt", "new")
    assert (tmp_path / "a.txt").read_text() == "new"
    assert names(tmp_path) == ["a.txt"]


def test_folders_above_are_made(tmp_path):
    write_bytes(tmp_path / "a" / "b" / "c.bin", b"x")
    assert (tmp_path / "a" / "b" / "c.bin").read_bytes() == b"x"


def test_text_is_utf_8_with_its_own_line_ends(tmp_path):
    write_text(tmp_path / "a.txt", "Größe\r\n\n")
    assert (tmp_path / "a.txt").read_bytes() == "Größe\r\n\n".encode()


def test_a_failure_leaves_the_old_file_and_no_other(tmp_path):
    target = tmp_path / "a.txt"
    target.write_text("old")
    with pytest.raises(Stop):
        stop_in_the_middle(target)
    assert target.read_text() == "old"
    assert names(tmp_path) == ["a.txt"]


def test_a_failure_at_a_new_file_leaves_nothing(tmp_path):
    with pytest.raises(Stop):
        stop_in_the_middle(tmp_path / "a.txt")
    assert names(tmp_path) == []


def test_being_interrupted_is_a_failure_too(tmp_path):
    with pytest.raises(KeyboardInterrupt), atomic_path(tmp_path / "a.txt"):
        raise KeyboardInterrupt
    assert names(tmp_path) == []


def test_until_the_block_ends_there_is_only_the_old_file(tmp_path):
    target = tmp_path / "a.txt"
    target.write_text("old")
    with atomic_path(target) as temporary:
        temporary.write_text("new")
        assert target.read_text() == "old"
        assert temporary.parent == target.parent
        assert temporary.name.startswith(".")
        assert temporary.suffix == ".txt"
    assert target.read_text() == "new"


def test_two_writers_have_two_files(tmp_path):
    target = tmp_path / "a.txt"
    with atomic_path(target) as one, atomic_path(target) as other:
        assert one != other
        one.write_text("one")
        other.write_text("other")
    assert target.read_text() == "one"
    assert names(tmp_path) == ["a.txt"]


def test_a_killed_writer_leaves_the_old_file(tmp_path):
    target = tmp_path / "a.txt"
    target.write_text("old")
    program = (
        "import os, sys; from pathlib import Path; from stapes.system.files import atomic_path\n"
        "with atomic_path(Path(sys.argv[1])) as temporary:\n"
        "    temporary.write_text('half'); os._exit(9)"
    )
    ended = subprocess.run([sys.executable, "-c", program, str(target)], check=False)
    assert ended.returncode == 9
    assert target.read_text() == "old"


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such modes")
@pytest.mark.parametrize(("mask", "mode"), [(0o022, 0o644), (0o027, 0o640), (0o077, 0o600)])
def test_the_umask_decides_the_mode(tmp_path, umask, mask, mode):
    umask(mask)
    write_bytes(tmp_path / "a.bin", b"x")
    assert stat.S_IMODE((tmp_path / "a.bin").stat().st_mode) == mode
    assert umask(mask) == mask, "the umask itself must be left as it was"


@pytest.mark.parametrize("size", [0, 1, (1 << 20) - 1, 1 << 20, (1 << 20) + 1])
def test_a_digest_is_of_the_whole_file(tmp_path, size):
    content = bytes(range(256)) * (size // 256 + 1)
    (tmp_path / "a.bin").write_bytes(content[:size])
    assert sha256(tmp_path / "a.bin") == hashlib.sha256(content[:size]).hexdigest()


def test_the_environment_chooses_the_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("STAPES_CACHE", str(tmp_path / "here"))
    assert cache_folder() == tmp_path / "here"
    monkeypatch.setenv("STAPES_CACHE", "~/there")
    assert cache_folder() == Path("~/there").expanduser()


@pytest.mark.parametrize("value", [None, ""])
def test_the_cache_is_the_users_by_default(monkeypatch, value):
    if value is None:
        monkeypatch.delenv("STAPES_CACHE", raising=False)
    else:
        monkeypatch.setenv("STAPES_CACHE", value)
    assert cache_folder().is_absolute()
    assert "stapes" in cache_folder().parts


def test_a_link_is_followed(tmp_path):
    write_text(tmp_path / "target", "old")
    (tmp_path / "link").symlink_to(tmp_path / "target")
    write_text(tmp_path / "link", "new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "target").read_text() == "new"


def test_a_folder_or_a_pipe_is_never_replaced(tmp_path):
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    for name in ("folder", "pipe"):
        with pytest.raises(UsageError, match=name):
            write_text(tmp_path / name, "text")
    assert (tmp_path / "pipe").is_fifo()
    assert names(tmp_path) == ["folder", "pipe"]


def test_room_is_reserved_and_nothing_else_changes(tmp_path):
    path = tmp_path / "sparse"
    with path.open("wb") as file:
        file.write(b"head")
        file.truncate(1 << 20)
    files.reserve(path)
    assert path.stat().st_size == 1 << 20
    assert path.stat().st_blocks * 512 >= 1 << 20
    assert path.read_bytes()[:8] == b"head\0\0\0\0"


def test_a_disk_without_room_is_an_error_that_names_the_file(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    path = tmp_path / "large"
    path.write_bytes(b"x")
    monkeypatch.setattr(os, "posix_fallocate", full, raising=False)
    with pytest.raises(OSError, match="No space left") as caught:
        files.reserve(path)
    assert caught.value.filename == str(path)


def test_a_link_is_followed_or_replaced(tmp_path):
    other = tmp_path / "other.txt"
    other.write_text("mine")
    for target in (other, tmp_path):
        link = tmp_path / f"link-{target.name}"
        link.symlink_to(target)
        files.write_text(link, "new", follow=False)
        assert not link.is_symlink()
        assert link.read_text() == "new"
    assert other.read_text() == "mine"
    link.unlink()
    link.symlink_to(other)
    files.write_text(link, "new")
    assert link.is_symlink()
    assert other.read_text() == "new"


def test_an_error_while_writing_names_the_file(tmp_path):
    target = tmp_path / "a.txt"
    with pytest.raises(OSError, match="No space") as error, files.atomic_path(target):
        raise OSError(errno.ENOSPC, "No space left on device")
    assert error.value.filename == str(target)
    with pytest.raises(FileNotFoundError) as absent, files.atomic_path(target):
        (tmp_path / "none").read_bytes()
    assert str(absent.value.filename) == str(tmp_path / "none")
    assert list(tmp_path.iterdir()) == []
