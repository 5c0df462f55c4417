"""A model whose weights are no numbers is not measured."""

from __future__ import annotations

import numpy as np
import pytest
from tests.tflite.models_by_hand import dense

from stapes.errors import ModelError
from stapes.run import evaluation


def test_weights_that_are_no_numbers_are_refused(tmp_path):
    path = tmp_path / "model.tflite"
    path.write_bytes(dense(np.array([[np.nan, 2.0, 3.0, 4.0]], np.float32)))
    with pytest.raises(ModelError, match=r"model\.tflite: .* the kernel kernel holds NaN"):
        evaluation._content(path)
    path.write_bytes(dense(np.ones((3, 4), np.float32)))
    assert evaluation._content(path) == path.read_bytes()
