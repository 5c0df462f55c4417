"""A row of the table has the sizes of its file and its accuracy on the test clips."""

from __future__ import annotations

import gzip
import hashlib
import importlib.util

import numpy as np
import pytest

from stapes.contracts.layers import Layer
from stapes.contracts.measurements import TargetResult
from stapes.contracts.results import Confusion, VariantResult
from stapes.data.features import FeatureSet
from stapes.errors import ModelError
from stapes.measure.accuracy import accuracy
from stapes.measure.intervals import wilson
from stapes.measure.variant import confusion, measure
from stapes.targets.litert import LiteRT
from stapes.techniques.variant import Variant
from stapes.tflite.edit.write import write
from stapes.tflite.read.constants import data_bytes
from stapes.tflite.read.verify import verify

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("tf_keras") is None, reason="needs the extra `train`"
)

# Decides for the wake word where the first feature exceeds the second, and ignores the third.
KERNEL = np.array([[-0.5, 0.5], [0.5, -0.5], [0, 0]], np.float32)
BIAS = np.array([0.25, 0.25], np.float32)


def clips(x, y):
    rows = np.asarray(x, np.float32).reshape(len(x), 3, 1, 1)
    return FeatureSet(rows, np.asarray(y, np.uint8), [f"clip{number}" for number in range(len(x))])


def measured(variant, test, names=("dense",)):
    return measure("row", "its title", variant, test, list(names))


@pytest.fixture(scope="module")
def material():
    from stapes.models.backend import keras
    from stapes.techniques.recipes import Recipes
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
    training = clips(calibration, np.arange(60) % 2)
    return Material(model, model, training, calibration, Recipes(), seed=0)


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
    """Ten clips: four words detected, one missed, three others rejected, two accepted."""
    above, below = [20, -20, 5], [-20, 20, 5]
    return clips(
        [above, above, above, above, below, below, below, below, above, above],
        [1, 1, 1, 1, 1, 0, 0, 0, 0, 0],
    )


def test_decisions_are_counted(float32, uint8, test_set):
    for variant in (float32, uint8):
        row = measured(variant, test_set)
        assert row.confusion == Confusion(
            true_positives=4, false_negatives=1, false_positives=2, true_negatives=3
        )
        assert row.n_test == 10
        assert row.accuracy == 0.7
        assert row.accuracy_ci95 == wilson(7, 10)


def test_sizes_are_those_of_the_shipped_file(float32, test_set):
    row = measured(float32, test_set)
    assert row.bytes == len(float32.tflite)
    assert row.data_bytes == data_bytes(float32.tflite)
    assert row.gzip_bytes == len(gzip.compress(float32.tflite, 9, mtime=0))
    assert row.sha256 == hashlib.sha256(float32.tflite).hexdigest()
    assert row.file == "models/row.tflite"
    assert (row.name, row.technique) == ("row", "its title")


def test_layers_hold_the_weights_of_the_file(float32, uint8, test_set):
    for variant in (float32, uint8):
        row = measured(variant, test_set)
        assert (row.parameters, row.nonzero_parameters) == (8, 6)
        [layer] = row.layers
        assert layer.histogram is not None
        assert sum(layer.histogram.counts) == 6
        # 0.5, -0.5 and two zeros.
        assert layer.model_copy(update={"histogram": None}) == Layer(
            name="dense",
            weights=6,
            zeros=2,
            distinct=3,
            biases=2,
            nonzero_biases=2,
            # Three input channels make no group of four.
            compliance_2by4=None,
        )


def test_layers_have_the_names_of_the_file_where_the_baseline_has_others(float32, test_set):
    for names in ([], ["a", "b"]):
        [layer] = measured(float32, test_set, names).layers
        assert "dense" in layer.name
        assert layer.name != "dense"


def test_a_float_model_has_nothing_to_cast(float32, test_set):
    row = measured(float32, test_set)
    assert row.if_cast_unscaled is None
    assert row.notes == []


def test_casting_is_measured_and_noted(uint8, test_set):
    row = measured(uint8, test_set)
    cast = LiteRT(uint8.tflite).predict_cast(test_set.x)
    expected = accuracy(cast, test_set.y)
    fault = row.if_cast_unscaled
    assert fault is not None
    assert fault.accuracy == expected.value != row.accuracy
    assert fault.accuracy_ci95 == expected.ci95
    assert fault.confusion == confusion(expected)
    [note] = row.notes
    assert f"{100 * fault.accuracy:.1f} %" in note


def test_the_row_has_the_notes_and_settings_of_the_technique(float32, test_set):
    noted = Variant(float32.tflite, {"clusters": 16}, ["a note"], ["not applied: too small"])
    row = measured(noted, test_set)
    assert row.notes == noted.notes
    assert row.settings == {"clusters": 16}
    assert [layer.note for layer in row.layers] == noted.layer_notes


def test_a_technique_is_not_changed_by_being_measured(uint8, test_set):
    before = list(uint8.notes)
    assert measured(uint8, test_set) == measured(uint8, test_set)
    assert uint8.notes == before


def test_litert_runs_it(float32, test_set):
    assert measured(float32, test_set).targets == {"litert": TargetResult(runs=True)}


def test_no_test_clips_no_accuracy(float32, uint8):
    for variant in (float32, uint8):
        row = measured(variant, clips(np.zeros((0, 3)), []))
        assert row.n_test == 0
        assert row.accuracy is None
        assert row.accuracy_ci95 == (0.0, 1.0)
        assert VariantResult.model_validate_json(row.model_dump_json()) == row


def test_a_file_that_is_no_model_is_refused(test_set, float32):
    for content in (b"", b"no model", float32.tflite[:200]):
        with pytest.raises(ModelError):
            measured(Variant(content), test_set)


def without_quantization(model):
    """The same file with an input that LiteRT cannot take."""
    view = verify(model)
    graph = view.graphs[0]
    graph.tensor(graph.inputs[0]).table.drop("quantization")
    return write(view.table)


def test_a_model_that_litert_refuses_is_a_row_with_the_reason(uint8, float32, test_set):
    wrong = FeatureSet(np.zeros((2, 4, 1, 1), np.float32), np.zeros(2, np.uint8), ["a", "b"])
    for variant, test in (
        (Variant(without_quantization(uint8.tflite), notes=["a note"]), test_set),
        (Variant(float32.tflite, notes=["a note"]), wrong),
    ):
        row = measured(variant, test)
        litert = row.targets["litert"]
        assert not litert.runs
        assert litert.reason
        assert row.accuracy is None
        assert row.n_test == 0
        assert row.if_cast_unscaled is None
        assert row.bytes == len(variant.tflite)
        assert row.parameters == 8
        assert row.notes[0] == "a note"
        assert litert.reason.rstrip(".") in row.notes[1]
