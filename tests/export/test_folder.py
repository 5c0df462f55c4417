"""A folder of exported files is whole or absent, and files of others stay."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from stapes.errors import UsageError
from stapes.export.folder import write_folder

MARK = "<!-- mine -->"
FILES = {"a.tflite": b"model", "README.md": f"{MARK}\n# a\n".encode(), "a.json": b"{}"}


def written(out: Path, files=FILES, mark: str = MARK) -> None:
    write_folder(out, files, mark)


def contents(folder: Path):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_a_new_folder_has_the_files_and_nothing_is_left_beside_it(tmp_path):
    written(tmp_path / "new" / "a")
    assert contents(tmp_path / "new" / "a") == FILES
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["a"]
    umask = os.umask(0)
    os.umask(umask)
    assert stat.S_IMODE((tmp_path / "new" / "a").stat().st_mode) == 0o777 & ~umask


def test_files_of_others_stay(tmp_path):
    (tmp_path / "b.json").write_text("theirs")
    written(tmp_path)
    assert contents(tmp_path) == {**FILES, "b.json": b"theirs"}


def test_the_same_export_again_replaces_its_files(tmp_path):
    written(tmp_path / "a")
    written(tmp_path / "a", {**FILES, "a.json": b"{1}"})
    assert contents(tmp_path / "a") == {**FILES, "a.json": b"{1}"}


def test_an_example_that_a_person_edits_stays(tmp_path):
    out = tmp_path / "a"
    assert write_folder(out, FILES, MARK, ["a.json"]) == []
    (out / "a.json").write_bytes(b"mine")
    assert write_folder(out, {**FILES, "a.tflite": b"new"}, MARK, ["a.json"]) == ["a.json"]
    assert contents(out) == {**FILES, "a.tflite": b"new", "a.json": b"mine"}


@pytest.mark.parametrize("name", list(FILES))
def test_a_file_of_the_same_name_is_never_replaced(tmp_path, name):
    (tmp_path / name).write_bytes(b"theirs")
    with pytest.raises(UsageError, match=f"output .*: holds {name}, .*choose another folder"):
        written(tmp_path)
    assert contents(tmp_path) == {name: b"theirs"}


def test_another_id_is_only_offered_where_it_helps(tmp_path):
    (tmp_path / "a.json").write_bytes(b"theirs")
    with pytest.raises(UsageError, match=r"another folder or another id\."):
        written(tmp_path)
    (tmp_path / "README.md").write_bytes(b"theirs")
    with pytest.raises(UsageError, match=r"choose another folder\."):
        written(tmp_path)


def test_the_readme_of_another_export_is_never_replaced(tmp_path):
    written(tmp_path / "a")
    other = {"b.json": b"{}", "README.md": b"<!-- other -->\n"}
    with pytest.raises(UsageError, match=r"holds README.md"):
        written(tmp_path / "a", other, "<!-- other -->")
    assert contents(tmp_path / "a") == FILES


def test_a_file_is_no_folder(tmp_path):
    (tmp_path / "a").write_text("theirs")
    with pytest.raises(UsageError, match="is a file; name a folder"):
        written(tmp_path / "a")


def test_a_folder_that_cannot_be_written_is_one_sentence(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="cannot be written"):
        written(tmp_path / "file" / "below")


def test_a_failed_export_leaves_nothing(tmp_path, monkeypatch):
    def full(self, content):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(UsageError, match="No space left"):
        written(tmp_path / "a")
    assert list(tmp_path.iterdir()) == []
