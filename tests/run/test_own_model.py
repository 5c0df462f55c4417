"""A user's model is converted and trained for a step, within limits, before a run begins."""

from __future__ import annotations

import importlib.util
from typing import Any

import numpy as np
import pytest

from stapes.errors import ModelError, UsageError
from stapes.models import keras_files
from stapes.run import own_model
from stapes.run.settings import RunSettings
from stapes.targets.litert import LiteRT

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(importlib.util.find_spec("tf_keras") is None, reason="needs `train`"),
]


@pytest.mark.parametrize("outputs", [1, 2])
def test_the_step_works_and_changes_nothing_of_the_baseline(tmp_path, monkeypatch, outputs):
    from stapes.models.backend import keras

    layers = keras().layers
    model = keras().Sequential(
        [
            layers.Input((50, 13, 1)),
            layers.Flatten(),
            layers.Dense(outputs, activation="sigmoid" if outputs == 1 else "softmax"),
        ]
    )
    model.save(tmp_path / "mine.keras", save_format="keras")
    tried: list[list[Any]] = []

    def try_out(lowered):
        before = lowered.get_weights()
        real(lowered)
        tried.append([before, lowered.get_weights()])

    real = own_model._try_out
    monkeypatch.setattr(own_model, "_try_out", try_out)
    target = tmp_path / "baseline.keras"
    own_model.adopt(RunSettings(word="on", model=tmp_path / "mine.keras"), target)
    [(before, after)] = tried
    assert not np.array_equal(before[-1], after[-1])
    for weights, stored in zip(before, keras_files.load(target).get_weights(), strict=True):
        np.testing.assert_array_equal(weights, stored)


@pytest.mark.parametrize(
    ("outputs", "positive", "message"),
    [
        (1, 0, "positive 0: the model has one output"),
        (4, 4, "positive 4: the model has 4 outputs, counted from 0"),
    ],
)
def test_an_output_that_the_model_lacks_is_refused(tmp_path, outputs, positive, message):
    from stapes.models.backend import keras

    layers = keras().layers
    head = layers.Dense(outputs, activation="sigmoid" if outputs == 1 else "softmax")
    model = keras().Sequential([layers.Input((50, 13, 1)), layers.Flatten(), head])
    model.save(tmp_path / "mine.h5")
    settings = RunSettings(word="on", model=tmp_path / "mine.h5", positive=positive)
    with pytest.raises(UsageError, match=message):
        own_model.adopt(settings, tmp_path / "baseline.keras")
    assert not (tmp_path / "baseline.keras").exists()


def test_a_model_that_cannot_be_trained_is_left_to_the_techniques(monkeypatch):
    class Broken:
        input_shape, output_shape = (None, 50, 13, 1), (None, 2)

    own_model._try_out(Broken())

    def too_large(_):
        raise MemoryError

    monkeypatch.setattr(own_model, "convert", too_large)
    with pytest.raises(MemoryError):
        own_model._try_out(Broken())


def test_logits_get_a_softmax_as_a_keras_model_and_as_a_tflite(tmp_path):
    from stapes.models.backend import keras
    from stapes.techniques.post_training import convert

    layers = keras().layers
    body = [layers.Input((50, 13, 1)), layers.Flatten(), layers.Dense(3)]
    model = keras().Sequential(body)
    model.save(tmp_path / "mine.keras", save_format="keras")
    (tmp_path / "mine.tflite").write_bytes(convert(model))
    clips = np.random.default_rng(0).normal(size=(4, 50, 13, 1)).astype(np.float32)
    expected = np.asarray(keras().activations.softmax(model(clips)))
    for name, target in (("mine.keras", "b.keras"), ("mine.tflite", "b.tflite")):
        settings = RunSettings(word="on", model=tmp_path / name)
        with pytest.raises(ModelError) as caught:
            own_model.adopt(settings, tmp_path / target)
        assert "if they are logits, --logits adds a softmax" in caught.value.typed
        logits = settings.model_copy(update={"logits": True})
        own_model.adopt(logits, tmp_path / target)
    scores = keras_files.load(tmp_path / "b.keras")(clips)
    np.testing.assert_allclose(scores, expected, atol=1e-5)
    scores = LiteRT((tmp_path / "b.tflite").read_bytes()).predict(clips)
    np.testing.assert_allclose(scores, expected, atol=1e-5)
