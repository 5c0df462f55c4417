"""A detector in a stream learns a toy word; a training that stopped goes on to the same end."""

from __future__ import annotations

import functools
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.extras import require
from tests.models import toy_stream

from stapes.errors import ModelError
from stapes.models.crops import Crops
from stapes.models.stream_cnn import field_of, stream_cnn
from stapes.models.stream_training import (
    TrainedStream,
    fit_stream,
    scorer,
    stream_loss,
    train_stream,
)

require(train="tf_keras")

SETTINGS = toy_stream.SETTINGS
BUILD = functools.partial(
    stream_cnn, width=SETTINGS.width, blocks=SETTINGS.blocks, kernel=SETTINGS.kernel or 5
)

pytestmark = pytest.mark.slow


def crops(field: int, stride: int) -> Crops:
    return Crops(
        [toy_stream.words(20, 1), toy_stream.words(20, 2)],
        [toy_stream.others(6000, 3), toy_stream.noise(2000, 4)],
        field=field,
        stride=stride,
        settings=SETTINGS,
        seed=0,
    )


def train(**options: Any) -> tuple[TrainedStream, Crops]:
    return train_stream(BUILD, crops, SETTINGS, seed=0, judge=judge, **options)


def judge(scores: Any) -> dict[str, float]:
    """The misses of a word's best score among the best of the sound without it."""
    heard, marks = toy_stream.words(10, 11).x, toy_stream.words(10, 11).marks
    worst = scores(toy_stream.others(3000, 12)).max()
    best = [scores(heard[begin - 50 : end + 40]).max() for begin, end, _ in marks]
    return {"val_frr": float(np.mean(np.array(best) <= worst))}


@pytest.fixture(scope="module")
def states(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("states")


@pytest.fixture(scope="module")
def trained(states: Path) -> tuple[TrainedStream, Crops]:
    """The training, with a copy of its state after each epoch."""
    state = states / "state.npz"

    def on_epoch(epoch: int, epochs: int, metrics: dict[str, float]) -> None:
        shutil.copy(state, states / f"{epoch}.npz")

    return train(state=state, on_epoch=on_epoch)


def same(one: TrainedStream, other: TrainedStream) -> bool:
    pairs = zip(one.model.get_weights(), other.model.get_weights(), strict=True)
    return (one.history, one.kept_epoch) == (other.history, other.kept_epoch) and all(
        np.array_equal(a, b) for a, b in pairs
    )


def test_it_learns_the_word(trained):
    result, _ = trained
    scores = scorer(result.model)
    assert judge(scores) == {"val_frr": 0.0}
    losses = result.history["loss"]
    assert losses[-1] < 0.5 * losses[0]


def test_it_learns_where_the_word_ends(trained):
    """After the tone has ended, while it is in the receptive field."""
    _, drawn = trained
    field, _ = field_of(BUILD())
    end = toy_stream.BEFORE + toy_stream.WORD
    places = toy_stream.CLIP * drawn.ends
    assert ((places > end - 10) & (places < end + field)).all()


def test_it_draws_the_sound_that_it_takes_for_the_word(trained):
    _, drawn = trained
    assert np.ptp(drawn.weights) > 0


def test_the_history_has_each_epoch_and_the_best_is_kept(trained):
    result, _ = trained
    assert set(result.history) == {"loss", "val_frr"}
    frr = result.history["val_frr"]
    assert len(frr) == SETTINGS.epochs
    counted = dict(list(enumerate(frr, 1))[SETTINGS.locate_epoch :])
    least = min(counted.values())
    assert result.kept_epoch == max(n for n, value in counted.items() if value == least)


@pytest.mark.parametrize("epochs", [1, SETTINGS.locate_epoch, SETTINGS.epochs])
def test_it_continues_after_any_epoch_with_the_same_result(trained, states, tmp_path, epochs):
    whole, drawn = trained
    state = shutil.copy(states / f"{epochs}.npz", tmp_path / "state.npz")
    continued, again = train(state=state)
    assert same(continued, whole)
    np.testing.assert_array_equal(again.weights, drawn.weights)
    np.testing.assert_array_equal(again.ends, drawn.ends)


@pytest.mark.parametrize("damage", [lambda content: content[:2000], lambda content: b""])
def test_a_damaged_state_is_ignored(trained, states, tmp_path, damage):
    state = tmp_path / "state.npz"
    state.write_bytes(damage((states / "2.npz").read_bytes()))
    begun = []
    continued, _ = train(state=state, on_epoch=lambda epoch, *_: begun.append(epoch))
    assert begun == [1, 2, 3, 4]
    assert same(continued, trained[0])


def test_an_epoch_before_words_are_located_is_not_kept():
    settings = SETTINGS.model_copy(update={"epochs": 3, "steps": 2, "locate_epoch": 1})
    figures = iter([0.0, 0.5, 0.6])
    result, _ = train_stream(
        BUILD, crops, settings, seed=0, judge=lambda _: {"val_frr": next(figures)}
    )
    assert result.kept_epoch == 2
    never = settings.model_copy(update={"locate_epoch": 3})
    figures = iter([0.0, 0.5, 0.6])
    result, _ = train_stream(
        BUILD, crops, never, seed=0, judge=lambda _: {"val_frr": next(figures)}
    )
    assert result.kept_epoch == 1


def test_without_a_judge_the_last_epoch_is_kept():
    settings = SETTINGS.model_copy(update={"epochs": 2, "steps": 2})
    result, _ = train_stream(BUILD, crops, settings, seed=0)
    assert result.kept_epoch == 2
    assert set(result.history) == {"loss"}


def test_a_mean_of_more_outputs_than_a_crop_has_is_of_all():
    settings = SETTINGS.model_copy(update={"epochs": 1, "steps": 2, "smoothing": 10_000})
    result, drawn = train_stream(BUILD, crops, settings, seed=0)
    fit_stream(result.model, drawn, settings, epochs=1, learning_rate=1e-3, callbacks=[])
    assert np.isfinite(result.history["loss"]).all()


def test_a_training_that_diverges_says_so():
    settings = SETTINGS.model_copy(update={"epochs": 2, "learning_rate": 1e30})
    with pytest.raises(ModelError, match=r"stream\.learning_rate"):
        train_stream(BUILD, crops, settings, seed=0)


def test_scores_of_long_sound_are_those_of_its_parts(monkeypatch):
    monkeypatch.setattr("stapes.models.stream_training._CHUNK", 100)
    model = BUILD()
    field, stride = field_of(model)
    x = toy_stream.noise(1000, 0)
    chunked = scorer(model)(x)
    monkeypatch.undo()
    whole = scorer(model)(x)
    assert len(whole) == (1000 - field) // stride + 1
    np.testing.assert_allclose(chunked, whole, atol=1e-6)
    assert len(scorer(model)(x[: field - 1])) == 0


def loss_of(labels: list[list[int]], p: list[list[float]], smoothing: int = 1) -> list[float]:
    scores = np.array(p, np.float32)
    logits = np.log(scores / (1 - scores))[:, :, None, None]
    losses = stream_loss(smoothing)(np.array(labels, np.float32), logits)
    return [float(loss) for loss in losses]


def test_the_loss_of_a_word_is_that_of_its_best_allowed_output():
    [loss] = loss_of([[0, 1, 1, 0]], [[0.9, 0.2, 0.6, 0.9]])
    assert loss == pytest.approx(-np.log(0.6), rel=1e-4)
    [loss] = loss_of([[0, 1, 1, 0]], [[0.9, 0.2, 0.6, 0.9]], smoothing=2)
    assert loss == pytest.approx(-np.log(0.55), rel=1e-4)


def test_the_loss_of_other_sound_is_that_of_all_its_outputs_and_of_the_worst():
    p = [0.1] * 20
    p[3] = 0.9
    [loss] = loss_of([[-1] * 20], [p])
    losses = -np.log(1 - np.array(p))
    worst = np.sort(losses)[-8:].mean()
    assert loss == pytest.approx(worst + 0.5 * losses.mean(), rel=1e-4)


def test_both_classes_weigh_the_same():
    labels = [[1, 1], [-1, -1], [-1, -1], [-1, -1]]
    losses = loss_of(labels, [[0.5, 0.5]] * 4)
    assert sum(losses[1:]) / 1.5 == pytest.approx(losses[0], rel=1e-4)


def test_a_crop_of_a_word_that_cannot_be_detected_teaches_nothing():
    losses = loss_of([[0, 0], [1, 1], [-1, -1]], [[0.9, 0.9]] * 3)
    assert losses[0] == 0
    assert min(losses[1:]) > 0
