"""Associated files behind a flatbuffer stay with its metadata."""

from __future__ import annotations

import io
import zipfile

from tests.tflite.models_by_hand import dense

from stapes.tflite.edit.slim import slim
from stapes.tflite.read.verify import verify


def test_labels_behind_the_flatbuffer_stay_with_metadata():
    file = io.BytesIO(dense())
    with zipfile.ZipFile(file, "a") as archive:
        archive.writestr("labels.txt", "yes\nno")
        archive.writestr("more.txt", "x" * 300, zipfile.ZIP_DEFLATED)
    content = file.getvalue()
    slimmed = slim(content, keep={"metadata"})
    assert len(slimmed) < len(content)
    verify(slimmed)
    with zipfile.ZipFile(io.BytesIO(slimmed)) as archive:
        assert archive.testzip() is None
        assert archive.read("labels.txt") == b"yes\nno"
        first = archive.infolist()[0]
    # The offset counts from the file's first byte.
    assert slimmed[first.header_offset :].startswith(b"PK\x03\x04")
    assert b"labels.txt" not in slim(content)
    assert slim(slimmed, keep={"metadata"}) == slimmed
