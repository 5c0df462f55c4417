"""A changed model learns from labels and from the baseline's softened scores."""

from __future__ import annotations

import dataclasses
import importlib.util

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from stapes.data.features import FeatureSet
from stapes.techniques.fine_tuning import fine_tune, soft_labels, steps
from stapes.techniques.recipes import FineTuning, Recipes
from stapes.techniques.variant import Material

needs_training = pytest.mark.skipif(
    importlib.util.find_spec("tf_keras") is None, reason="needs the extra `train`"
)
LABELS = np.array([1, 0, 1, 0], np.uint8)
SCORES = [[0.1, 0.9], [0.9, 0.1], [0.5, 0.5], [0.2, 0.8]]


class Teacher:
    """A model with fixed outputs."""

    def __init__(self, scores):
        self.scores = np.asarray(scores, np.float32)

    def predict(self, x, **_):
        assert len(x) == len(self.scores)
        return self.scores


def material(scores, y=LABELS, model=None):
    x = np.zeros((len(y), 3, 1, 1), np.float32)
    x[:, 0, 0, 0] = np.where(y == 1, 1, -1)
    return Material(
        model=model,
        baseline=Teacher(scores),
        training=FeatureSet(x, y, [""] * len(y)),
        calibration=x,
        recipes=Recipes(),
        seed=0,
    )


def recipe(teacher, temperature=1.0, **changed):
    return FineTuning(
        **{"epochs": 1, "learning_rate": 0.1, "batch": 2, **changed},
        teacher=teacher,
        temperature=temperature,
    )


def test_without_a_teacher_labels_are_hard():
    for outputs, expected in ((2, [[0, 1], [1, 0], [0, 1], [1, 0]]), (1, [[1], [0], [1], [0]])):
        # The teacher is not called.
        labels = soft_labels(material(None), recipe(0.0, 3.0), outputs)
        np.testing.assert_array_equal(labels, expected)
        assert labels.dtype == np.float32


def test_a_teacher_alone_at_temperature_1_gives_its_scores():
    labels = soft_labels(material(SCORES), recipe(1.0), 2)
    np.testing.assert_allclose(labels, SCORES, atol=1e-6)
    assert labels.dtype == np.float32
    three = [[0.1, 0.7, 0.2], [0.8, 0.1, 0.1], [0.3, 0.3, 0.4], [1.0, 0.0, 0.0]]
    np.testing.assert_allclose(soft_labels(material(three), recipe(1.0), 3), three, atol=1e-6)


def test_a_temperature_of_2_takes_the_root_of_the_odds():
    # 9 to 1 becomes 3 to 1, and 1 to 4 becomes 1 to 2.
    expected = [[0.25, 0.75], [0.75, 0.25], [0.5, 0.5], [1 / 3, 2 / 3]]
    labels = soft_labels(material(SCORES), recipe(1.0, 2.0), 2)
    np.testing.assert_allclose(labels, expected, atol=1e-6)


def test_teacher_and_label_are_mixed_by_the_recipes_part():
    labels = soft_labels(material(SCORES), recipe(0.25), 2)
    np.testing.assert_allclose(labels[:2], [[0.025, 0.975], [0.975, 0.025]], atol=1e-6)


def test_the_teacher_distributes_another_word_over_the_other_classes():
    scores = [[0.1, 0.1, 0.8], [0.6, 0.2, 0.2], [0.2, 0.2, 0.6], [0.1, 0.3, 0.6]]
    work = dataclasses.replace(material(scores), positive=2)
    expected = np.array([[0, 0, 1], [0.75, 0.25, 0], [0, 0, 1], [0.25, 0.75, 0]])
    np.testing.assert_allclose(soft_labels(work, recipe(0.0), 3), expected, atol=1e-6)


@pytest.mark.parametrize(("part", "temperature"), [(1.0, 1.0), (1.0, 2.0), (0.3, 4.0)])
def test_a_sigmoid_has_the_softmax_share_of_the_wake_word(part, temperature):
    settings = recipe(part, temperature)
    softmax = soft_labels(material(SCORES), settings, 2)
    sigmoid = soft_labels(material(np.asarray(SCORES)[:, 1:]), settings, 1)
    assert sigmoid.shape == (4, 1)
    np.testing.assert_allclose(sigmoid, softmax[:, 1:], atol=1e-6)


def test_a_certain_teacher_gives_finite_labels():
    certain = [[0, 1], [1, 0], [1, 0], [0, 1]]
    for temperature in (0.1, 1.0, 10.0):
        labels = soft_labels(material(certain), recipe(1.0, temperature), 2)
        assert np.isfinite(labels).all()
        np.testing.assert_array_equal(labels.argmax(axis=1), np.argmax(certain, axis=1))


@given(
    arrays.arrays(np.float64, (4, 2), elements=st.floats(-30, 30)),
    st.floats(0, 1),
    st.floats(0.5, 20),
)
def test_labels_are_distributions_that_keep_the_teachers_order(logits, part, temperature):
    odds = np.exp(logits - logits.max(axis=1, keepdims=True))
    scores = odds / odds.sum(axis=1, keepdims=True)
    labels = soft_labels(material(scores), recipe(part, temperature), 2)
    assert ((labels >= 0) & (labels <= 1)).all()
    np.testing.assert_allclose(labels.sum(axis=1), 1, atol=1e-5)
    taught = soft_labels(material(scores), recipe(1.0, temperature), 2)
    clear = np.abs(logits[:, 0] - logits[:, 1]) > 1e-3
    np.testing.assert_array_equal(taught.argmax(axis=1)[clear], logits.argmax(axis=1)[clear])


@pytest.mark.parametrize(("clips", "batch", "expected"), [(4, 2, 6), (5, 2, 9), (1, 32, 3)])
def test_steps_are_the_batches_of_all_epochs(clips, batch, expected):
    y = np.zeros(clips, np.uint8)
    assert steps(material(None, y), recipe(0.0, epochs=3, batch=batch)) == expected


@needs_training
@pytest.mark.parametrize("masks", [(0, 0), (2, 0)])
def test_labels_are_smoothed_and_features_masked(masks):
    from stapes.models import training

    fitted: list[tuple[np.ndarray, np.ndarray]] = []

    class Model:
        output_shape = (None, 2)

        def compile(self, optimizer, loss):
            assert loss == training.crossentropy(2)

        def fit(self, fed, **_):
            fitted.extend(fed[n] for n in range(len(fed)))

    work = material(SCORES)
    fine_tune(Model(), work, recipe(0.0), label_smoothing=0.2, masks=masks)
    x = np.concatenate([x for x, _ in fitted])
    assert sorted(np.concatenate([y for _, y in fitted])[:, 1].round(6)) == [0.1, 0.1, 0.9, 0.9]
    whole = sorted(rows.tobytes() for rows in work.training.x)
    assert (sorted(rows.tobytes() for rows in x) == whole) == (masks == (0, 0))


@needs_training
@pytest.mark.parametrize(("outputs", "activation"), [(2, "softmax"), (1, "sigmoid")])
def test_a_model_is_trained_in_place_towards_the_labels(outputs, activation):
    from stapes.models.backend import keras, start_over

    start_over(0)
    layers = keras().layers
    model = keras().Sequential(
        [
            layers.Input((3, 1, 1)),
            layers.Flatten(),
            layers.Dense(outputs, activation=activation, kernel_initializer="zeros"),
        ]
    )
    work = dataclasses.replace(material(np.asarray(SCORES)[:, -outputs:]), model=model)
    fine_tune(model, work, recipe(0.0, epochs=20))
    wake_word = model.predict(work.training.x, verbose=0)[:, -1]
    assert (wake_word[LABELS == 1] > 0.8).all()
    assert (wake_word[LABELS == 0] < 0.2).all()
