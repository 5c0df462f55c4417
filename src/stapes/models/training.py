"""Train a model on a FeatureSet, the same way every time for the same seed."""

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
    """A trained model and how it came about.

    model : tf_keras.Model
    history : `loss`, `accuracy` and, with validation, `val_loss`, `val_accuracy` of each epoch;
        `val_frr` too where epochs are kept by it and there are validation clips of both classes
    kept_epoch : from 1, the epoch whose weights the model has
    """

    model: Any
    history: dict[str, list[float]]
    kept_epoch: int


@dataclass(frozen=True)
class _Best:
    """The best epoch so far; without weights where the last one is to be kept."""

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

    Batches are read from the memory-mapped features, in an order that the seed draws for each
    epoch; nothing else is held in memory. Validation is on the true labels and on whole features,
    however training labels are softened and features masked.

    Parameters
    ----------
    build : callable
        Makes the untrained model: softmax over (other, wake word), or the wake word's sigmoid.
    training, validation : FeatureSet
        Validation may be None: then the last epoch is kept, and no epoch ends training early.
    settings : TrainSettings
    seed : int
        Of the first weights, dropout, the order of clips and the masks.
    soft_labels : np.ndarray [shape=(n, outputs)] float32, optional
        In place of the training clips' labels, from a teacher: `labels.softened`. Training accuracy
        is then told against these.
    frr : callable, optional
        Wanted where epochs are kept by false rejects: `measure.roc.frr_at`, which gives them for
        the wake word's scores [shape=(n,)], `y` and a percentage of false positives.
    on_epoch : callable, optional
        Called after each epoch with its number from 1, the number of epochs, and its metrics.

    Returns
    -------
    trained : Trained

    Raises
    ------
    ValueError
        The soft labels are not one row of the model's outputs for each training clip, or epochs
        are to be kept by false rejects, and `frr` is missing.
    """
    validation = validation if validation and len(validation.y) else None
    judge: Callable[[Any], dict[str, float]] | None = None
    if settings.keep_by == "frr" and validation is not None:
        if frr is None:
            raise ValueError("to keep epochs by false rejects, give what measures them as `frr`")
        judge = functools.partial(_false_rejects, validation, frr, settings.false_positive_percent)
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
        told = {name: float(value) for name, value in logs.items()}
        if judge is not None:
            told |= judge(model)
        for name, value in told.items():
            history.setdefault(name, []).append(value)
        if validation is not None:
            figure = (told.get("val_frr", 0.0), told["val_loss"])
            if best is None or figure < best.figure:
                weights = model.get_weights() if settings.keep_best else None
                best = _Best(figure, epoch + 1, weights)
            elif settings.patience and epoch + 1 - best.epoch >= settings.patience:
                model.stop_training = True
        if on_epoch:
            on_epoch(epoch + 1, settings.epochs, told)

    masks = (settings.time_mask, settings.frequency_mask)
    model.fit(
        batches(training, settings.batch, seed, targets, masks),
        validation_data=None if validation is None else _unshuffled(validation, targets, outputs),
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
    """Adam, whose rate falls to 0 on a cosine over so many `steps`, or stays as it is.

    Source: Loshchilov and Hutter 2017, "SGDR: stochastic gradient descent with warm restarts",
    arXiv:1608.03983, without its restarts.
    """
    optimizers = keras().optimizers
    return optimizers.Adam(optimizers.schedules.CosineDecay(rate, steps) if steps else rate)


def crossentropy(outputs: int) -> str:
    """Keras's name of the loss for labels as scores [shape=(n, outputs)]."""
    return "binary_crossentropy" if outputs == 1 else "categorical_crossentropy"


def batches(
    features: FeatureSet,
    size: int,
    seed: int | None = None,
    labels: NDArray[np.floating] | None = None,
    masks: tuple[int, int] = (0, 0),
) -> Any:
    """A `tf_keras.utils.Sequence` over a FeatureSet, shuffled each epoch if there is a seed.

    The labels are the FeatureSet's own, or `labels` [shape=(n, outputs)]. With a seed, `masks`
    [frames, bins] hide at most so many of each clip, drawn anew for each epoch (`masks.masked`).
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
                # Of the batch's own generator: Keras may ask for a batch twice, or ahead.
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
    """Training labels as scores; None where the classes' numbers say all."""
    if soft is not None and soft.shape != (len(y), outputs):
        raise ValueError(f"soft labels {soft.shape} for {len(y)} clips and {outputs} outputs")
    if soft is None and not smoothing and outputs > 1:
        return None
    return smoothed(hard_labels(y, outputs) if soft is None else soft, smoothing)


def _unshuffled(validation: FeatureSet, targets: NDArray[np.float32] | None, outputs: int) -> Any:
    """Validation batches, whose labels are as the training clips' ones are given."""
    hard = None if targets is None else hard_labels(validation.y, outputs)
    return batches(validation, 256, labels=hard)


def _false_rejects(
    validation: FeatureSet,
    frr: Callable[[NDArray[np.float32], NDArray[np.integer], float], float | None],
    false_positive_percent: float,
    model: Any,
) -> dict[str, float]:
    """`val_frr`; nothing where there are no clips of both classes, NaN where the model diverged."""
    scores = model.predict(batches(validation, 256), verbose=0)[:, -1]
    if not np.isfinite(scores).all():
        return {"val_frr": math.nan}
    found = frr(scores, validation.y, false_positive_percent)
    return {} if found is None else {"val_frr": found}


def _sigmoid_accuracy() -> Callable[[Any, Any], Any]:
    """Accuracy of one output; Keras's own holds a label of 0.95 to be wrong at any score."""

    def accuracy(labels: Any, scores: Any) -> Any:
        return keras().backend.mean((labels > 0.5) == (scores > 0.5), axis=-1)

    return accuracy
