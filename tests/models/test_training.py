"""Training learns, keeps the epoch that it reports, and depends on its seed alone."""

from __future__ import annotations

import functools
import importlib.util

import numpy as np
import pytest
from pydantic import ValidationError

from stapes.data.features import FeatureSet
from stapes.measure.roc import frr_at
from stapes.models.labels import softened
from stapes.models.settings import TrainSettings
from stapes.models.training import batches, train

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        importlib.util.find_spec("tf_keras") is None, reason="needs the extra `train`"
    ),
]

SHAPE = (4, 3, 1)
ALL = {
    "decay": True,
    "patience": 2,
    "keep_by": "frr",
    "label_smoothing": 0.05,
    "time_mask": 1,
    "frequency_mask": 1,
}
"""Settings that change a training, all together."""


def separable(n, seed=0, flipped=False):
    """Clips whose class is the sign of their mean."""
    rng = np.random.default_rng(seed)
    y = np.arange(n) % 2
    x = rng.normal(0, 0.3, (n, *SHAPE)) + np.where(y, 1.0, -1.0)[:, None, None, None]
    labels = 1 - y if flipped else y
    names = [f"clip{number}" for number in range(n)]
    return FeatureSet(x.astype(np.float32), labels.astype(np.uint8), names)


def build(outputs=2):
    from stapes.models.backend import keras

    activation = "softmax" if outputs > 1 else "sigmoid"
    layers = keras().layers
    return keras().Sequential(
        [
            layers.Input(SHAPE),
            layers.Conv2D(2, 2, activation="relu", name="conv"),
            layers.Flatten(name="flatten"),
            layers.Dropout(0.2, name="dropout"),
            layers.Dense(outputs, activation=activation, name="dense"),
        ]
    )


def learn(validation=None, *, seed=0, clips=60, outputs=2, extras=None, **settings):
    """Train on `clips`; `extras` are the arguments of `train` that are not settings."""
    chosen = TrainSettings(**{"epochs": 4, "batch": 8, "learning_rate": 0.01, **settings})
    make = functools.partial(build, outputs)
    return train(make, separable(clips), validation, chosen, seed=seed, **(extras or {}))


def assert_same_weights(one, other):
    for here, there in zip(one.model.get_weights(), other.model.get_weights(), strict=True):
        np.testing.assert_array_equal(here, there)


def loss_on(trained, features):
    scores = trained.model(features.x).numpy()
    return -np.log(scores[np.arange(len(features.y)), features.y]).mean()


@pytest.fixture(scope="module")
def worsening():
    """Validation clips with swapped labels: their loss grows with each epoch."""
    return separable(20, seed=1, flipped=True)


@pytest.fixture(scope="module")
def reference(worsening):
    return learn(worsening)


def test_it_learns_separable_classes():
    validation = separable(40, seed=2)
    trained = learn(validation, epochs=12)
    assert trained.history["loss"][-1] < trained.history["loss"][0] / 2
    assert trained.history["val_accuracy"][-1] == 1.0
    assert (trained.model(validation.x).numpy().argmax(axis=1) == validation.y).all()


def test_the_same_seed_gives_the_same_weights_after_other_work(reference, worsening):
    from stapes.models.backend import tensorflow

    # What another technique might do in the same process.
    tensorflow().random.normal([3])
    np.random.random(5)  # noqa: NPY002
    learn(seed=9, epochs=1)
    build()
    again = learn(worsening)
    assert_same_weights(again, reference)
    assert again.history == reference.history


def test_another_seed_gives_other_weights(reference, worsening):
    other = learn(worsening, seed=1)
    assert not np.array_equal(other.model.get_weights()[0], reference.model.get_weights()[0])


def test_the_best_epoch_is_kept(reference, worsening):
    losses = reference.history["val_loss"]
    assert losses == sorted(losses), "the first epoch must be the best"
    assert reference.kept_epoch == 1
    assert loss_on(reference, worsening) == pytest.approx(losses[0], rel=1e-5)
    # The first epoch of a longer run is the only one of a run of one.
    assert_same_weights(reference, learn(worsening, epochs=1))


def test_the_best_epoch_may_be_any():
    trained = learn(separable(20, seed=1), epochs=6)
    assert trained.kept_epoch == 1 + int(np.argmin(trained.history["val_loss"])) > 1


def test_the_last_epoch_is_kept_without_keep_best(reference, worsening):
    last = learn(worsening, keep_best=False)
    assert last.kept_epoch == 4
    assert last.history == reference.history
    assert loss_on(last, worsening) == pytest.approx(last.history["val_loss"][-1], rel=1e-5)
    # Validation does not change the training.
    assert_same_weights(last, learn())


def test_histories_have_a_value_per_epoch(reference):
    assert {name: len(values) for name, values in reference.history.items()} == {
        "loss": 4,
        "accuracy": 4,
        "val_loss": 4,
        "val_accuracy": 4,
    }
    assert all(type(value) is float for values in reference.history.values() for value in values)


@pytest.mark.parametrize("validation", [None, separable(0)])
def test_it_works_without_validation(validation):
    trained = learn(validation, epochs=2)
    assert trained.kept_epoch == 2
    counts = {name: len(values) for name, values in trained.history.items()}
    assert counts == {"loss": 2, "accuracy": 2}


def test_each_epoch_is_reported_with_its_metrics(worsening):
    reports: list[tuple[int, int, dict[str, float]]] = []
    on_epoch = {"on_epoch": lambda *state: reports.append(state)}
    trained = learn(worsening, epochs=3, extras=on_epoch)
    assert [(epoch, epochs) for epoch, epochs, _ in reports] == [(1, 3), (2, 3), (3, 3)]
    for name, values in trained.history.items():
        assert [metrics[name] for _, _, metrics in reports] == values


def test_memory_mapped_features_train_the_same(tmp_path):
    whole = separable(60)
    np.save(tmp_path / "x.npy", whole.x)
    mapped = FeatureSet(np.load(tmp_path / "x.npy", mmap_mode="r"), whole.y, whole.clip)
    settings = TrainSettings(epochs=1, batch=8)
    assert_same_weights(
        train(build, mapped, None, settings, seed=0),
        train(build, whole, None, settings, seed=0),
    )


BY_FRR = {"frr": frr_at}


def by_turns(*rates):
    """An `frr` for `train` that returns these rates, one per epoch."""
    left = iter(rates)
    return {"frr": lambda scores, y, percent: next(left)}


def test_the_epoch_with_fewest_false_rejects_is_kept_and_the_loss_decides_between_equals():
    validation = separable(20, seed=1)
    trained = learn(validation, keep_by="frr", extras=by_turns(0.5, 0.1, 0.3, 0.2))
    assert trained.kept_epoch == 2
    assert trained.history["val_frr"] == [0.5, 0.1, 0.3, 0.2]
    assert loss_on(trained, validation) == pytest.approx(trained.history["val_loss"][1], rel=1e-5)
    # The training is the same; only the kept epoch differs.
    losses = learn(validation)
    assert {**trained.history, "val_frr": []} == {**losses.history, "val_frr": []}

    tied = learn(validation, keep_by="frr", extras=by_turns(0.5, 0.1, 0.1, 0.2))
    least = min((1, 2), key=lambda epoch: tied.history["val_loss"][epoch])
    assert tied.kept_epoch == least + 1


@pytest.mark.parametrize("outputs", [1, 2])
def test_false_rejects_are_those_of_the_kept_model(outputs):
    validation = separable(40, seed=2, flipped=True)
    chosen = {"keep_by": "frr", "false_positive_percent": 10.0}
    trained = learn(validation, outputs=outputs, extras=BY_FRR, **chosen)
    scores = trained.model(validation.x).numpy()[:, -1]
    rate = frr_at(scores, validation.y, 10.0)
    assert trained.history["val_frr"][trained.kept_epoch - 1] == rate
    assert rate is not None
    assert 0 < rate <= 1


def test_with_validation_clips_of_one_class_the_loss_decides():
    words = separable(20, seed=1)
    words = FeatureSet(words.x[1::2], words.y[1::2], words.clip[1::2])
    trained = learn(words, keep_by="frr", extras=BY_FRR)
    assert "val_frr" not in trained.history
    assert trained.kept_epoch == 1 + int(np.argmin(trained.history["val_loss"]))


def test_false_rejects_of_a_diverged_model_are_nan():
    from stapes.models.backend import keras

    def diverged():
        # NaN as the last step: what a ReLU returns for it depends on the kernel.
        layers = keras().layers
        return keras().Sequential(
            [
                layers.Input(SHAPE),
                layers.Flatten(),
                layers.Dense(2, activation="softmax"),
                layers.Lambda(lambda scores: scores * float("nan")),
            ]
        )

    settings = TrainSettings(epochs=4, batch=8, keep_by="frr", patience=1)
    validation = separable(20, seed=1)
    trained = train(diverged, separable(60), validation, settings, seed=0, frr=frr_at)
    assert np.isnan(trained.history["val_frr"]).all()
    assert len(trained.history["loss"]) == 2


def test_keep_by_frr_needs_the_argument_frr(worsening):
    with pytest.raises(ValueError, match="`frr`"):
        learn(worsening, keep_by="frr")
    # Without validation clips there is nothing to measure.
    assert learn(None, keep_by="frr", epochs=1).kept_epoch == 1


@pytest.mark.parametrize(("keep_best", "kept_epoch"), [(True, 1), (False, 3)])
def test_training_stops_after_patience(worsening, keep_best, kept_epoch):
    reports = []
    trained = learn(
        worsening,
        epochs=9,
        patience=2,
        keep_best=keep_best,
        extras={"on_epoch": lambda *state: reports.append(state[:2])},
    )
    assert reports == [(1, 9), (2, 9), (3, 9)]
    assert {len(values) for values in trained.history.values()} == {3}
    assert trained.kept_epoch == kept_epoch
    assert_same_weights(trained, learn(worsening, epochs=kept_epoch, keep_best=keep_best))


def test_a_better_epoch_resets_patience():
    trained = learn(
        separable(20, seed=1),
        epochs=9,
        patience=2,
        keep_by="frr",
        extras=by_turns(0.5, 0.6, 0.4, 0.45, 0.41, 0.1),
    )
    assert len(trained.history["loss"]) == 5
    assert trained.kept_epoch == 3


@pytest.mark.parametrize("validation", [None, separable(0)])
def test_without_validation_nothing_ends_early(validation):
    trained = learn(validation, patience=1, keep_by="frr")
    assert len(trained.history["loss"]) == trained.kept_epoch == 4


@pytest.mark.parametrize("decay", [True, False])
def test_the_rate_falls_on_a_cosine_to_zero_or_stays(decay):
    models, rates = [], []

    def make():
        models.append(build())
        return models[0]

    def read(*_):
        rates.append(float(models[0].optimizer.learning_rate))

    settings = TrainSettings(epochs=4, batch=8, learning_rate=0.01, decay=decay)
    train(make, separable(60), None, settings, seed=0, on_epoch=read)
    # 60 clips are 8 batches; the rates are those of the last batch of each epoch.
    parts = np.array([7, 15, 23, 31]) / 32
    expected = 0.01 * (1 + np.cos(np.pi * parts)) / 2 if decay else [0.01] * 4
    np.testing.assert_allclose(rates, expected, atol=1e-8)


@pytest.mark.parametrize("outputs", [1, 2])
@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"label_smoothing": 0.1},
        {"time_mask": 2, "frequency_mask": 1},
        ALL,
    ],
    ids=["plain", "smoothed", "masked", "all"],
)
def test_a_model_of_either_head_learns_under_every_setting_and_by_its_seed(outputs, settings):
    validation = separable(40, seed=2)
    chosen = {"epochs": 12, "learning_rate": 0.02, "extras": BY_FRR, **settings}
    trained = learn(validation, outputs=outputs, **chosen)
    scores = trained.model(validation.x).numpy()
    decided = scores[:, 0] > 0.5 if outputs == 1 else scores.argmax(axis=1)
    assert (decided == validation.y).mean() > 0.9
    index = trained.kept_epoch - 1
    # On the true labels, whatever the training labels are.
    assert trained.history["val_accuracy"][index] == pytest.approx((decided == validation.y).mean())
    assert trained.history["accuracy"][index] > 0.5
    if settings is ALL:
        assert_same_weights(trained, learn(validation, outputs=outputs, **chosen))


def test_validation_uses_true_labels_despite_smoothing():
    validation = separable(40, seed=2)
    trained = learn(validation, label_smoothing=0.3)
    loss = trained.history["val_loss"][trained.kept_epoch - 1]
    assert loss == pytest.approx(loss_on(trained, validation), rel=1e-5)


@pytest.mark.parametrize("outputs", [1, 2])
def test_a_student_learns_its_teachers_scores_and_not_the_labels(outputs):
    clips = separable(60)
    wrong = np.where(clips.y == 1, 0.05, 0.95)
    teacher = np.stack([1 - wrong, wrong], axis=1)[:, -outputs:].astype(np.float32)
    extras = {"soft_labels": softened(clips.y, outputs, teacher, share=1.0)}
    trained = learn(outputs=outputs, epochs=20, learning_rate=0.03, extras=extras)
    scores = trained.model(clips.x).numpy()[:, -1]
    assert ((scores > 0.5) != (clips.y == 1)).mean() > 0.9
    assert trained.history["accuracy"][-1] > 0.5, "not measured on the training labels"


@pytest.mark.parametrize("shape", [(59, 2), (60, 1), (60,)])
def test_soft_labels_of_another_shape_are_refused(shape):
    with pytest.raises(ValueError, match="soft labels"):
        learn(extras={"soft_labels": np.zeros(shape, np.float32)})


def test_labels_as_scores_train_as_class_numbers_do():
    soft = {"soft_labels": np.eye(2, dtype=np.float32)[separable(60).y]}
    for here, there in zip(
        learn(extras=soft).model.get_weights(), learn().model.get_weights(), strict=True
    ):
        np.testing.assert_allclose(here, there, atol=1e-5)


def test_masks_differ_each_epoch_and_depend_on_the_seed_alone():
    clips = separable(20)
    clips.x.setflags(write=False)

    def epochs(seed):
        sequence = batches(clips, 8, seed, masks=(2, 1))
        batches_of_epochs = []
        for _ in range(3):
            batches_of_epochs.append(
                {rows.tobytes() for x, _ in (sequence[n] for n in (2, 0, 1)) for rows in x}
            )
            # Read again, a batch is the same.
            assert {rows.tobytes() for rows in sequence[1][0]} <= batches_of_epochs[-1]
            sequence.on_epoch_end()
        return batches_of_epochs

    first = epochs(0)
    assert first[0] != first[1] != first[2] != first[0]
    assert epochs(0) == first
    assert epochs(1) != first
    whole = {rows.tobytes() for rows in clips.x}
    assert epochs(None) == [whole] * 3


def numbered(n):
    """Clips that contain their number, with its last bit as label."""
    x = np.arange(n, dtype=np.float32).reshape(n, 1, 1, 1)
    return FeatureSet(x, (np.arange(n) % 2).astype(np.uint8), [""] * n)


@pytest.mark.parametrize(("n", "size"), [(1, 8), (8, 8), (9, 8), (23, 5), (24, 5), (25, 5)])
@pytest.mark.parametrize("seed", [None, 3])
def test_batches_cover_every_row_each_epoch(n, size, seed):
    sequence = batches(numbered(n), size, seed)
    for _ in range(3):
        parts = [sequence[index] for index in range(len(sequence))]
        assert [len(x) for x, _ in parts[:-1]] == [size] * (len(parts) - 1)
        assert 0 < len(parts[-1][0]) <= size
        rows = np.concatenate([x for x, _ in parts]).ravel()
        labels = np.concatenate([y for _, y in parts])
        assert sorted(rows) == list(range(n))
        np.testing.assert_array_equal(labels, rows % 2)
        sequence.on_epoch_end()


def test_the_order_differs_each_epoch_and_depends_on_the_seed():
    def epochs(seed):
        sequence = batches(numbered(50), 50, seed)
        batches_of_epochs = []
        for _ in range(3):
            batches_of_epochs.append(sequence[0][0].ravel().tolist())
            sequence.on_epoch_end()
        return batches_of_epochs

    first = epochs(3)
    assert first[0] != first[1] != first[2]
    assert epochs(3) == first
    assert epochs(4) != first
    assert epochs(None) == [list(range(50))] * 3


@pytest.mark.parametrize(
    "wrong",
    [
        {"epochs": 0},
        {"batch": 0},
        {"learning_rate": 0},
        {"learning_rate": float("inf")},
        {"learning_rate": float("nan")},
        {"optimizer": "sgd"},
        {"keep_by": "accuracy"},
        {"false_positive_percent": -1},
        {"false_positive_percent": 100},
        {"patience": 0},
        {"label_smoothing": 1},
        {"label_smoothing": -0.1},
        {"time_mask": -1},
        {"frequency_mask": 1.5},
    ],
)
def test_settings_that_cannot_train_are_refused(wrong):
    with pytest.raises(ValidationError):
        TrainSettings(**wrong)
