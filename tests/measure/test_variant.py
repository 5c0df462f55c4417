"""A row of the table holds what its file is and what it does on the test clips."""

from __future__ import annotations

import gzip
import hashlib
import importlib.util

import numpy as np
import pytest

from stapes.data.features import FeatureSet
from stapes.errors import ModelError
from stapes.flatbuffer.read import data_bytes
from stapes.measure.accuracy import accuracy
from stapes.measure.intervals import wilson
from stapes.measure.variant import confusion, measure
from stapes.results import Confusion, TargetResult, VariantResult
from stapes.targets.litert import LiteRT
from stapes.techniques.variant import Variant

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("tf_keras") is None, reason="needs the extra `train`"
)

# Decides for the wake word where the first feature exceeds the second; the third is not looked at.
KERNEL = np.array([[-0.5, 0.5], [0.5, -0.5], [0, 0]], np.float32)
BIAS = np.array([0.25, 0.25], np.float32)


def clips(x, y):
    rows = np.asarray(x, np.float32).reshape(len(x), 3, 1, 1)
    return FeatureSet(rows, np.asarray(y, np.uint8), [f"clip{number}" for number in range(len(x))])


@pytest.fixture(scope="module")
def material():
    from stapes.models.backend import keras
    from stapes.techniques.variant import Material

    layers = keras().layers
    model = keras().Sequential(
        [
            layers.Input((3, 1, 1)),
            layers.Flatten(name="flatten"),
            layers.Dense(2, activation="softmax", name="dense"),
        ]
    )
    model.layers[-1].set_weights([KERNEL, BIAS])
    calibration = np.random.default_rng(0).uniform(-40, 40, (60, 3, 1, 1)).astype(np.float32)
    return Material(model, calibration)


@pytest.fixture(scope="module")
def float32(material):
    from stapes.techniques.post_training import float32

    return float32(material)


@pytest.fixture(scope="module")
def uint8(material):
    from stapes.techniques.post_training import uint8

    return uint8(material)


@pytest.fixture(scope="module")
def test_set():
    """Ten clips: four words found, one missed, three others told apart, two false."""
    above, below = [20, -20, 5], [-20, 20, 5]
    return clips(
        [above, above, above, above, below, below, below, below, above, above],
        [1, 1, 1, 1, 1, 0, 0, 0, 0, 0],
    )


def test_decisions_are_counted_as_they_are_known(float32, uint8, test_set):
    for variant in (float32, uint8):
        row = measure(variant, test_set, ["dense"])
        assert row.confusion == Confusion(
            true_positives=4, false_negatives=1, false_positives=2, true_negatives=3
        )
        assert row.n_test == 10
        assert row.accuracy == 0.7
        assert row.accuracy_ci95 == wilson(7, 10)


def test_the_file_is_weighed_as_it_is_shipped(float32, test_set):
    row = measure(float32, test_set, ["dense"])
    assert row.bytes == len(float32.tflite)
    assert row.data_bytes == data_bytes(float32.tflite)
    assert row.gzip_bytes == len(gzip.compress(float32.tflite, 9, mtime=0))
    assert row.sha256 == hashlib.sha256(float32.tflite).hexdigest()
    assert row.file == "models/float32.tflite"
    assert (row.name, row.technique) == ("float32", float32.technique)


def test_layers_hold_the_weights_of_the_file(float32, uint8, test_set):
    for variant in (float32, uint8):
        row = measure(variant, test_set, ["dense"])
        assert (row.parameters, row.nonzero_parameters) == (8, 6)
        [layer] = row.layers
        # 0.5, -0.5 and two zeros.
        assert (layer.name, layer.weights, layer.zeros, layer.distinct) == ("dense", 6, 2, 3)


def test_layers_have_the_files_names_where_the_baselines_do_not_fit(float32, test_set):
    for names in ([], ["a", "b"]):
        [layer] = measure(float32, test_set, names).layers
        assert "dense" in layer.name
        assert layer.name != "dense"


def test_a_float_model_has_nothing_to_cast(float32, test_set):
    row = measure(float32, test_set, ["dense"])
    assert row.if_cast_unscaled is None
    assert row.notes == []


def test_casting_is_measured_beside_the_accuracy_and_noted(uint8, test_set):
    row = measure(uint8, test_set, ["dense"])
    cast = LiteRT(uint8.tflite).predict_cast(test_set.x)
    expected = accuracy(cast, test_set.y)
    fault = row.if_cast_unscaled
    assert fault is not None
    assert fault.accuracy == expected.value != row.accuracy
    assert fault.accuracy_ci95 == expected.ci95
    assert fault.confusion == confusion(expected)
    [note] = row.notes
    assert "uint8" in note
    assert f"{100 * fault.accuracy:.1f} %" in note


def test_notes_and_settings_of_the_technique_are_kept(float32, test_set):
    noted = Variant("x", "t", float32.tflite, {"clusters": 16}, ["not applied: too small"])
    row = measure(noted, test_set, ["dense"])
    assert row.notes == noted.notes
    assert row.settings == {"clusters": 16}
    assert row.file == "models/x.tflite"


def test_a_technique_is_not_changed_by_being_measured(uint8, test_set):
    before = list(uint8.notes)
    assert measure(uint8, test_set, ["dense"]) == measure(uint8, test_set, ["dense"])
    assert uint8.notes == before


def test_litert_runs_it(float32, test_set):
    assert measure(float32, test_set, ["dense"]).targets == {"litert": TargetResult(runs=True)}


def test_no_test_clips_no_accuracy(float32, uint8):
    for variant in (float32, uint8):
        row = measure(variant, clips(np.zeros((0, 3)), []), ["dense"])
        assert row.n_test == 0
        assert row.accuracy is None
        assert row.accuracy_ci95 == (0.0, 1.0)
        assert VariantResult.model_validate_json(row.model_dump_json()) == row


def test_a_file_that_is_no_model_is_refused(test_set, float32):
    for content in (b"", b"no model", float32.tflite[:200]):
        with pytest.raises(ModelError):
            measure(Variant("x", "t", content), test_set, [])


def test_features_that_do_not_fit_are_refused(float32):
    wrong = FeatureSet(np.zeros((2, 4, 1, 1), np.float32), np.zeros(2, np.uint8), ["a", "b"])
    with pytest.raises(ModelError, match="frontend"):
        measure(float32, wrong, ["dense"])
