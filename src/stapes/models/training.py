"""Train a model on a FeatureSet, the same way every time for the same seed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from stapes.data.features import FeatureSet
from stapes.models.backend import keras, start_over


class TrainSettings(BaseModel):
    """How a model is trained; the defaults are the default preset's."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    epochs: int = Field(default=25, ge=1)
    batch: int = Field(default=32, ge=1)
    learning_rate: float = Field(default=1e-3, gt=0)
    keep_best: bool = Field(
        default=True, description="end with the epoch of least validation loss, if there are clips"
    )


@dataclass(frozen=True)
class Trained:
    """A trained model and how it came about.

    model : tf_keras.Model
    history : `loss`, `accuracy` and, with validation, `val_loss`, `val_accuracy` of each epoch
    kept_epoch : from 1, the epoch whose weights the model has
    """

    model: Any
    history: dict[str, list[float]]
    kept_epoch: int


def train(
    build: Callable[[], Any],
    training: FeatureSet,
    validation: FeatureSet | None,
    settings: TrainSettings,
    *,
    seed: int,
    on_epoch: Callable[[int, int, dict[str, float]], None] | None = None,
) -> Trained:
    """Train with Adam on sparse categorical cross-entropy.

    Batches are read from the memory-mapped features, in an order that the seed draws for each
    epoch; nothing else is held in memory.

    Parameters
    ----------
    build : callable
        Makes the untrained model.
    training, validation : FeatureSet
        Validation may be None: then the last epoch is kept.
    settings : TrainSettings
    seed : int
        Of the first weights, dropout and the order of clips.
    on_epoch : callable, optional
        Called after each epoch with its number from 1, the number of epochs, and its metrics.

    Returns
    -------
    trained : Trained
    """
    tf_keras = keras()
    start_over(seed)
    model = build()
    model.compile(
        tf_keras.optimizers.Adam(settings.learning_rate),
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )
    history: dict[str, list[float]] = {}
    kept = settings.epochs
    best: tuple[float, list[NDArray[np.float32]]] | None = None

    def after_epoch(epoch: int, logs: dict[str, float]) -> None:
        nonlocal best, kept
        for name, value in logs.items():
            history.setdefault(name, []).append(float(value))
        loss = logs.get("val_loss")
        if settings.keep_best and loss is not None and (best is None or loss < best[0]):
            best, kept = (loss, model.get_weights()), epoch + 1
        if on_epoch:
            on_epoch(epoch + 1, settings.epochs, dict(logs))

    model.fit(
        batches(training, settings.batch, seed),
        validation_data=batches(validation, 256) if validation and len(validation.y) else None,
        epochs=settings.epochs,
        shuffle=False,
        verbose=0,
        callbacks=[tf_keras.callbacks.LambdaCallback(on_epoch_end=after_epoch)],
    )
    if best is not None:
        model.set_weights(best[1])
    return Trained(model, history, kept)


def batches(
    features: FeatureSet,
    size: int,
    seed: int | None = None,
    labels: NDArray[np.floating] | None = None,
) -> Any:
    """A `tf_keras.utils.Sequence` over a FeatureSet, shuffled each epoch if there is a seed.

    The labels are the FeatureSet's own, or `labels` [shape=(n, outputs)].
    """
    targets = features.y.astype(np.int32) if labels is None else labels

    class Batches(keras().utils.Sequence):  # type: ignore[misc]
        def __init__(self) -> None:
            self.rng = None if seed is None else np.random.default_rng(seed)
            self.order = np.arange(len(features.y))
            self.on_epoch_end()

        def __len__(self) -> int:
            return -(-len(self.order) // size)

        def __getitem__(self, index: int) -> tuple[NDArray[np.float32], NDArray[Any]]:
            rows = self.order[index * size : (index + 1) * size]
            return np.asarray(features.x[rows]), targets[rows]

        def on_epoch_end(self) -> None:
            if self.rng is not None:
                self.rng.shuffle(self.order)

    return Batches()
