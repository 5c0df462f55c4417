"""A model file is recognized by its content; the errors name the file."""

from __future__ import annotations

import os

import pytest
from tests.tflite.models_by_hand import dense

from stapes.errors import ModelError, UsageError
from stapes.tflite.read import file
from stapes.tflite.read.file import is_tflite, read_tflite


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "dense.bin"
    path.write_bytes(dense())
    return path


def test_a_tflite_is_known_by_its_content_and_read_whole(path):
    assert is_tflite(path)
    assert read_tflite(path) == dense()


def test_another_file_is_named(tmp_path):
    (tmp_path / "model.tflite").write_bytes(b"PK\3\4 and so on")
    (tmp_path / "empty").touch()
    for other in (tmp_path, tmp_path / "model.tflite", tmp_path / "empty"):
        assert not is_tflite(other)
        with pytest.raises(ModelError, match=rf"{other.name} is no \.tflite"):
            read_tflite(other)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(UsageError, match=r"absent cannot be read \(No such file"):
        is_tflite(tmp_path / "absent")


def test_a_file_that_is_too_large_is_not_read(path, monkeypatch):
    monkeypatch.setattr(file, "MOST_BYTES", 100)
    with pytest.raises(UsageError, match=r"dense\.bin has .* bytes: that is no model for a device"):
        read_tflite(path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(UsageError, match="is no file"):
        read_tflite(tmp_path / "pipe")


@pytest.mark.parametrize(
    ("name", "start", "what"),
    [
        ("a.tflite", b"version https://git-lfs.github.com/spec/v1", "git lfs pull"),
        ("a.tflite", b"\n<!DOCTYPE html><html>", "an HTML page"),
        ("a.onnx", b"\x08\x07\x12", "an ONNX model"),
        ("a.tflite", b"something", "the mark TFL3"),
    ],
)
def test_another_kind_of_file_is_named(tmp_path, name, start, what):
    path = tmp_path / name
    path.write_bytes(start)
    with pytest.raises(ModelError, match=what):
        read_tflite(path)
