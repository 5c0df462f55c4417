"""Training learns, keeps the epoch it says, and depends on its seed alone."""

from __future__ import annotations

import importlib.util

import numpy as np
import pytest
from pydantic import ValidationError

from stapes.data.features import FeatureSet
from stapes.models.training import TrainSettings, batches, train

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("tf_keras") is None, reason="needs the extra `train`"
)

SHAPE = (4, 3, 1)


def separable(n, seed=0, flipped=False):
    """Clips whose class is the sign of what they are all shifted by."""
    rng = np.random.default_rng(seed)
    y = np.arange(n) % 2
    x = rng.normal(0, 0.3, (n, *SHAPE)) + np.where(y, 1.0, -1.0)[:, None, None, None]
    labels = 1 - y if flipped else y
    names = [f"clip{number}" for number in range(n)]
    return FeatureSet(x.astype(np.float32), labels.astype(np.uint8), names)


def build():
    from stapes.models.backend import keras

    layers = keras().layers
    return keras().Sequential(
        [
            layers.Input(SHAPE),
            layers.Conv2D(2, 2, activation="relu", name="conv"),
            layers.Flatten(name="flatten"),
            layers.Dropout(0.2, name="dropout"),
            layers.Dense(2, activation="softmax", name="dense"),
        ]
    )


def learn(validation=None, *, seed=0, on_epoch=None, clips=60, **settings):
    chosen = TrainSettings(**{"epochs": 4, "batch": 8, "learning_rate": 0.01, **settings})
    return train(build, separable(clips), validation, chosen, seed=seed, on_epoch=on_epoch)


def assert_same_weights(one, other):
    for here, there in zip(one.model.get_weights(), other.model.get_weights(), strict=True):
        np.testing.assert_array_equal(here, there)


def loss_on(trained, features):
    scores = trained.model(features.x).numpy()
    return -np.log(scores[np.arange(len(features.y)), features.y]).mean()


@pytest.fixture(scope="module")
def worsening():
    """Validation labels are the wrong way round: what is learnt makes their loss grow."""
    return separable(20, seed=1, flipped=True)


@pytest.fixture(scope="module")
def kept(worsening):
    return learn(worsening)


def test_it_learns_what_can_be_told_apart():
    validation = separable(40, seed=2)
    trained = learn(validation, epochs=12)
    assert trained.history["loss"][-1] < trained.history["loss"][0] / 2
    assert trained.history["val_accuracy"][-1] == 1.0
    assert (trained.model(validation.x).numpy().argmax(axis=1) == validation.y).all()


def test_the_same_seed_gives_the_same_weights_after_other_work(kept, worsening):
    from stapes.models.backend import tensorflow

    # What another technique might do in the same process.
    tensorflow().random.normal([3])
    np.random.random(5)  # noqa: NPY002
    learn(seed=9, epochs=1)
    build()
    again = learn(worsening)
    assert_same_weights(again, kept)
    assert again.history == kept.history


def test_another_seed_gives_other_weights(kept, worsening):
    other = learn(worsening, seed=1)
    assert not np.array_equal(other.model.get_weights()[0], kept.model.get_weights()[0])


def test_the_best_epoch_is_kept(kept, worsening):
    losses = kept.history["val_loss"]
    assert losses == sorted(losses), "the first epoch must be the best"
    assert kept.kept_epoch == 1
    assert loss_on(kept, worsening) == pytest.approx(losses[0], rel=1e-5)
    # The first epoch of a longer run is the only one of a run of one.
    assert_same_weights(kept, learn(worsening, epochs=1))


def test_the_best_epoch_may_be_any():
    trained = learn(separable(20, seed=1), epochs=6)
    assert trained.kept_epoch == 1 + int(np.argmin(trained.history["val_loss"])) > 1


def test_the_last_epoch_is_kept_where_that_is_asked_for(kept, worsening):
    last = learn(worsening, keep_best=False)
    assert last.kept_epoch == 4
    assert last.history == kept.history
    assert loss_on(last, worsening) == pytest.approx(last.history["val_loss"][-1], rel=1e-5)
    # Nor does validation change what is learnt.
    assert_same_weights(last, learn())


def test_histories_have_a_value_an_epoch(kept):
    assert {name: len(values) for name, values in kept.history.items()} == {
        "loss": 4,
        "accuracy": 4,
        "val_loss": 4,
        "val_accuracy": 4,
    }
    assert all(type(value) is float for values in kept.history.values() for value in values)


@pytest.mark.parametrize("validation", [None, separable(0)])
def test_it_works_without_validation(validation):
    trained = learn(validation, epochs=2)
    assert trained.kept_epoch == 2
    counts = {name: len(values) for name, values in trained.history.items()}
    assert counts == {"loss": 2, "accuracy": 2}


def test_each_epoch_is_told_with_its_metrics(worsening):
    told: list[tuple[int, int, dict[str, float]]] = []
    trained = learn(worsening, epochs=3, on_epoch=lambda *state: told.append(state))
    assert [(epoch, epochs) for epoch, epochs, _ in told] == [(1, 3), (2, 3), (3, 3)]
    for name, values in trained.history.items():
        assert [metrics[name] for _, _, metrics in told] == values


def test_memory_mapped_features_train_the_same(tmp_path):
    whole = separable(60)
    np.save(tmp_path / "x.npy", whole.x)
    mapped = FeatureSet(np.load(tmp_path / "x.npy", mmap_mode="r"), whole.y, whole.clip)
    settings = TrainSettings(epochs=1, batch=8)
    assert_same_weights(
        train(build, mapped, None, settings, seed=0),
        train(build, whole, None, settings, seed=0),
    )


def numbered(n):
    """Clips that hold their own number, whose labels are its last bit."""
    x = np.arange(n, dtype=np.float32).reshape(n, 1, 1, 1)
    return FeatureSet(x, (np.arange(n) % 2).astype(np.uint8), [""] * n)


@pytest.mark.parametrize(("n", "size"), [(1, 8), (8, 8), (9, 8), (23, 5), (24, 5), (25, 5)])
@pytest.mark.parametrize("seed", [None, 3])
def test_batches_cover_every_row_each_epoch(n, size, seed):
    made = batches(numbered(n), size, seed)
    for _ in range(3):
        parts = [made[index] for index in range(len(made))]
        assert [len(x) for x, _ in parts[:-1]] == [size] * (len(parts) - 1)
        assert 0 < len(parts[-1][0]) <= size
        rows = np.concatenate([x for x, _ in parts]).ravel()
        labels = np.concatenate([y for _, y in parts])
        assert sorted(rows) == list(range(n))
        np.testing.assert_array_equal(labels, rows % 2)
        made.on_epoch_end()


def test_batches_are_drawn_anew_each_epoch_by_the_seed():
    def epochs(seed):
        made = batches(numbered(50), 50, seed)
        found = []
        for _ in range(3):
            found.append(made[0][0].ravel().tolist())
            made.on_epoch_end()
        return found

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
    ],
)
def test_settings_that_cannot_train_are_refused(wrong):
    with pytest.raises(ValidationError):
        TrainSettings(**wrong)
