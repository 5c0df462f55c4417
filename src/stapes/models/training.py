"""Train a model on a FeatureSet; the same seed gives the same weights."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stapes.data.features import FeatureSet
from stapes.models.backend import keras, start_over
from stapes.models.labels import hard_labels, smoothed
from stapes.models.masks import masked
from stapes.models.settings import TrainSettings


@dataclass(frozen=True)
class Trained:
    """A trained model and how its training went.

    model : tf_keras.Model
    history : `loss`, `accuracy` and, with validation, `val_loss`, `val_accuracy` of each epoch;
        also `val_frr` if it decides the best epoch and there are validation clips of both classes
    kept_epoch : the epoch whose weights the model has, from 1
    """

    model: Any
    history: dict[str, list[float]]
    kept_epoch: int


@dataclass(frozen=True)
class _Best:
    """The best epoch so far; its weights are None if the last epoch is used."""

    figure: tuple[float, float]
    epoch: int
    weights: list[NDArray[np.float32]] | None


def train(
    build: Callable[[], Any],
    training: FeatureSet,
    validation: FeatureSet | None,
    settings: TrainSettings,
    *,
    seed: int,
    soft_labels: NDArray[np.float32] | None = None,
    frr: Callable[[NDArray[np.float32], NDArray[np.integer], float], float | None] | None = None,
    on_epoch: Callable[[int, int, dict[str, float]], None] | None = None,
) -> Trained:
    """Train with Adam on cross-entropy.

    Batches are read from the memory-mapped features, which are not copied, in a new order each
    epoch. Validation is on true labels and unmasked features, whatever the settings.

    Parameters
    ----------
    build : callable
        Returns the untrained model: softmax over (other, wake word), or the wake word's sigmoid.
    training, validation : FeatureSet
        Without validation, the last epoch is used and training never ends early.
    seed : int
        Draws the first weights, dropout, the order of clips and the masks.
    soft_labels : np.ndarray [shape=(n, outputs)] float32, optional
        Replace the labels of the training clips, also in training accuracy: `labels.softened`.
    frr : callable, optional
        Needed if false rejects decide the best epoch: `measure.roc.frr_at`, of the wake word's
        scores [shape=(n,)], `y` and a percentage of false positives.
    on_epoch : callable, optional
        Called after each epoch with its number from 1, the number of epochs, and its metrics.

    Raises
    ------
    ValueError
        The soft labels do not fit the clips and outputs, or `frr` is missing.
    """
    validation = validation if validation and len(validation.y) else None
    measure_frr: Callable[[Any], dict[str, float]] | None = None
    if settings.keep_by == "frr" and validation is not None:
        if frr is None:
            raise ValueError('keep_by="frr" needs the argument `frr`')
        percent = settings.false_positive_percent
        measure_frr = functools.partial(_false_rejects, validation, frr, percent)
    tf_keras = keras()
    start_over(seed)
    model = build()
    outputs = model.output_shape[-1]
    targets = _targets(training.y, outputs, settings.label_smoothing, soft_labels)
    steps = settings.epochs * -(-len(training.y) // settings.batch)
    model.compile(
        adam(settings.learning_rate, steps if settings.decay else None),
        loss="sparse_categorical_crossentropy" if targets is None else crossentropy(outputs),
        metrics=["accuracy" if outputs > 1 else _sigmoid_accuracy()],
    )
    history: dict[str, list[float]] = {}
    best: _Best | None = None

    def after_epoch(epoch: int, logs: dict[str, float]) -> None:
        nonlocal best
        metrics = {name: float(value) for name, value in logs.items()}
        if measure_frr is not None:
            metrics |= measure_frr(model)
        for name, value in metrics.items():
            history.setdefault(name, []).append(value)
        if validation is not None:
            figure = (metrics.get("val_frr", 0.0), metrics["val_loss"])
            if best is None or figure < best.figure:
                weights = model.get_weights() if settings.keep_best else None
                best = _Best(figure, epoch + 1, weights)
            elif settings.patience and epoch + 1 - best.epoch >= settings.patience:
                model.stop_training = True
        if on_epoch:
            on_epoch(epoch + 1, settings.epochs, metrics)

    masks = (settings.time_mask, settings.frequency_mask)
    # Validation labels have the same form as the training labels.
    hard = None if targets is None or validation is None else hard_labels(validation.y, outputs)
    model.fit(
        batches(training, settings.batch, seed, targets, masks),
        validation_data=None if validation is None else batches(validation, 256, labels=hard),
        epochs=settings.epochs,
        shuffle=False,
        verbose=0,
        callbacks=[tf_keras.callbacks.LambdaCallback(on_epoch_end=after_epoch)],
    )
    if best is None or best.weights is None:
        return Trained(model, history, len(history["loss"]))
    model.set_weights(best.weights)
    return Trained(model, history, best.epoch)


def adam(rate: float, steps: int | None) -> Any:
    """Adam; if `steps` are given, its rate falls to 0 over them on a cosine.

    Source: Loshchilov and Hutter 2017, "SGDR: stochastic gradient descent with warm restarts",
    arXiv:1608.03983, without its restarts.
    """
    optimizers = keras().optimizers
    return optimizers.Adam(optimizers.schedules.CosineDecay(rate, steps) if steps else rate)


def crossentropy(outputs: int) -> str:
    """The loss in Keras for labels as scores [shape=(n, outputs)]."""
    return "binary_crossentropy" if outputs == 1 else "categorical_crossentropy"


def batches(
    features: FeatureSet,
    size: int,
    seed: int | None = None,
    labels: NDArray[np.floating] | None = None,
    masks: tuple[int, int] = (0, 0),
) -> Any:
    """A `tf_keras.utils.Sequence` over a FeatureSet, shuffled each epoch if there is a seed.

    The labels are the FeatureSet's, or `labels` [shape=(n, outputs)]. With a seed, `masks.masked`
    hides at most `masks` [frames, bins] of each clip, different ones each epoch.
    """
    targets = features.y.astype(np.int32) if labels is None else labels

    class Batches(keras().utils.Sequence):  # type: ignore[misc]
        def __init__(self) -> None:
            self.rng = None if seed is None else np.random.default_rng(seed)
            self.order = np.arange(len(features.y))
            self.epoch = 0
            self.on_epoch_end()

        def __len__(self) -> int:
            return -(-len(self.order) // size)

        def __getitem__(self, index: int) -> tuple[NDArray[np.float32], NDArray[Any]]:
            rows = self.order[index * size : (index + 1) * size]
            x = np.asarray(features.x[rows])
            if seed is not None and any(masks):
                # A generator per batch, as Keras may read a batch twice or early.
                x = masked(x, *masks, np.random.default_rng([seed, 3, self.epoch, index]))
            return x, targets[rows]

        def on_epoch_end(self) -> None:
            self.epoch += 1
            if self.rng is not None:
                self.rng.shuffle(self.order)

    return Batches()


def _targets(
    y: NDArray[np.integer], outputs: int, smoothing: float, soft: NDArray[np.float32] | None
) -> NDArray[np.float32] | None:
    """Training labels as scores; None if class numbers are enough."""
    if soft is not None and soft.shape != (len(y), outputs):
        raise ValueError(f"soft labels have shape {soft.shape}, not {(len(y), outputs)}")
    if soft is None and not smoothing and outputs > 1:
        return None
    return smoothed(hard_labels(y, outputs) if soft is None else soft, smoothing)


def _false_rejects(
    validation: FeatureSet,
    frr: Callable[[NDArray[np.float32], NDArray[np.integer], float], float | None],
    false_positive_percent: float,
    model: Any,
) -> dict[str, float]:
    """`val_frr`: NaN if the model diverged; absent without clips of both classes."""
    scores = model.predict(batches(validation, 256), verbose=0)[:, -1]
    if not np.isfinite(scores).all():
        return {"val_frr": math.nan}
    rate = frr(scores, validation.y, false_positive_percent)
    return {} if rate is None else {"val_frr": rate}


def _sigmoid_accuracy() -> Callable[[Any, Any], Any]:
    """Accuracy of one output; in Keras's own, a label of 0.95 is wrong at any score."""

    def accuracy(labels: Any, scores: Any) -> Any:
        return keras().backend.mean((labels > 0.5) == (scores > 0.5), axis=-1)

    return accuracy
