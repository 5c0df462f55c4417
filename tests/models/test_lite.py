"""A conversion without room for temporary files is no conversion."""

from __future__ import annotations

import shutil
import tempfile
from types import SimpleNamespace

import pytest
from tests.extras import require

require(train="tf_keras")

pytestmark = pytest.mark.slow


def test_a_conversion_without_temporary_files_is_an_error(tmp_path, monkeypatch):
    import tensorflow as tf

    from stapes.models.lite import to_tflite

    specs = [tf.TensorSpec((1, 4), tf.float32)]
    assert to_tflite(lambda x: x + 1.0, specs, [])[4:8] == b"TFL3"
    (tmp_path / "file").touch()
    monkeypatch.setattr(tempfile, "mkdtemp", lambda *_, **__: str(tmp_path / "file" / "below"))
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=1000))
    with pytest.raises(OSError, match="no room for temporary files"):
        to_tflite(lambda x: x + 1.0, specs, [])
