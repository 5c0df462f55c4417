"""`stapes slim --lut` on a model of few weights, as a user calls it."""

from __future__ import annotations

import importlib.util
import json

import numpy as np
import pytest
from tests.end_to_end import command

from stapes.run.shrinking import in_tables
from stapes.techniques.variant import Variant

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        importlib.util.find_spec("tflite_micro") is None
        or importlib.util.find_spec("tf_keras") is None,
        reason="needs the extras `micro` and `train`",
    ),
]


@pytest.fixture(scope="module")
def clustered():
    """An int8 conversion of a CNN whose kernels have 16 values each."""
    from stapes.models.backend import keras
    from stapes.techniques.post_training import convert_int8

    layers = keras().layers
    model = keras().Sequential(
        [
            layers.Input((20, 10, 1)),
            layers.Conv2D(8, 3, activation="relu"),
            layers.Conv2D(32, 3, activation="relu"),
            layers.Flatten(),
            layers.Dense(2, activation="softmax"),
        ]
    )
    rng = np.random.default_rng(0)
    values = [rng.choice(rng.normal(0, 0.1, 16), weights.shape) for weights in model.get_weights()]
    model.set_weights(values)
    return convert_int8(model, rng.normal(0, 1, (20, 20, 10, 1)).astype(np.float32))


def stapes(*arguments):
    return command.stapes(*arguments, status=None)


def test_it_writes_a_smaller_file_and_reports_the_cost(clustered, tmp_path):
    model, plain, small = (tmp_path / f"{name}.tflite" for name in ("model", "plain", "small"))
    model.write_bytes(clustered)
    assert stapes("slim", model, "-o", plain, "--runtime", "tflm").returncode == 0
    done = stapes("slim", model, "-o", small, "--lut", "--inputs", "20", "--json")
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report["runtime"] == "tflm"
    assert (
        report["after"] == small.stat().st_size < plain.stat().st_size == report["lut"]["slimmed"]
    )
    assert {tensor["bits"] for tensor in report["lut"]["tensors"]} == {4}
    assert report["lut"]["arena_after"] > report["lut"]["arena_before"] > 0
    assert report["lut"]["time_ratio"] > 0
    assert report["proof"]["difference"] is None
    done = stapes("slim", model, "-o", small, "--lut", "--inputs", "20")
    text = " ".join(done.stdout.split())
    assert "look-up table per channel, 4 bits:" in text
    assert "more bytes of arena" in text
    assert "only TFLite Micro runs it" in text


def test_a_row_is_measured_on_the_file_in_tables(clustered):
    from stapes.data.features import FeatureSet
    from stapes.measure.variant import measure
    from stapes.model_files.slimming import tabled

    rng = np.random.default_rng(1)
    x = rng.normal(0, 1, (12, 20, 10, 1)).astype(np.float32)
    test = FeatureSet(x, np.arange(12, dtype=np.uint8) % 2, [str(n) for n in range(12)])
    parent = Variant(clustered, {}, [], ["", "of the parent", ""])
    slimmed = tabled(clustered, isolate=False)
    variant = in_tables(parent, slimmed)
    first = measure("clustered_int8", "t", parent, test, ["a", "b", "c"])
    row = measure("clustered_lut", "t", variant, test, ["a", "b", "c"], 1, 1, slimmed.arena_bytes)
    assert first.targets["litert"].runs
    assert not row.targets["litert"].runs
    assert row.targets["tflm"].runs
    assert row.targets["tflm"].arena_bytes == slimmed.arena_bytes
    assert row.n_test == 12
    assert row.parameters == first.parameters
    assert row.bytes < first.bytes
    assert [layer.distinct for layer in row.layers] == [layer.distinct for layer in first.layers]
    assert row.layers[1].note == "of the parent; look-up table per channel, 4 bits"
    assert row.notes[-1] == "measured in TFLite Micro, as LiteRT refuses the file"
