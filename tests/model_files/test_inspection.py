"""Files are inspected by their content, and refused in a sentence that names them."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.tflite.models_by_hand import dense

from stapes.errors import ModelError, UsageError
from stapes.model_files.inspection import inspect_file


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "dense.bin"
    path.write_bytes(dense())
    return path


def test_a_tflite_is_known_by_its_content(path):
    inspection = inspect_file(path)
    assert inspection.file == str(path)
    assert inspection.bytes == path.stat().st_size
    assert inspection.parameters == 15


def test_another_model_is_converted(tmp_path):
    archive = tmp_path / "model.keras"
    archive.write_bytes(b"PK\3\4 and so on")
    for model in (archive, tmp_path):
        converted: list[Path] = []

        def convert(path, converted=converted):
            converted.append(path)
            return dense()

        assert inspect_file(model, convert=convert).bytes == len(dense())
        assert converted == [model]


def test_a_tflite_is_not_converted(path):
    def convert(_):
        raise AssertionError

    assert inspect_file(path, convert=convert).parameters == 15


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(UsageError, match=r"absent\.tflite cannot be read \(No such file"):
        inspect_file(tmp_path / "absent.tflite")


def test_a_broken_file_is_named(tmp_path):
    path = tmp_path / "cut.tflite"
    path.write_bytes(dense()[:100])
    with pytest.raises(ModelError, match=r"cut\.tflite: The \.tflite is broken"):
        inspect_file(path)
