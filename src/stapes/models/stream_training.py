"""Train a detector in a stream: a word is a maximum over time, negatives are hours of sound.

- No alignment is trusted: where a clip holds its word is not known. Its score is the largest mean
  of a few outputs in a row, as a device takes the mean (max-pooling loss: Sun et al. 2016,
  arXiv:1705.02411). After some epochs, the model says where each word ends, and from then on the
  word must be detected there.
- Negatives are drawn by how wrongly the model scores them now (`models.crops`).
- The weights are a moving average over the steps (Polyak and Juditsky 1992; as in Tarvainen and
  Valpola 2017, arXiv:1703.01780). The best epoch on validation sound is kept.
"""

from __future__ import annotations

import contextlib
import logging
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stapes.errors import ModelError
from stapes.frontends.numerics.stream import real
from stapes.models.backend import keras, start_over, tensorflow
from stapes.models.crops import Crops, Frames, Scores
from stapes.models.settings import StreamSettings
from stapes.models.stream_cnn import field_of
from stapes.models.training import adam
from stapes.system.files import atomic_path

log = logging.getLogger("stapes")

_WORST = 8
"""Outputs of a negative crop that count most."""
_LEAST = 1e-6
_CHUNK = 36_000  # Frames that are scored at once.

Judge = Callable[[Scores], dict[str, float]]
"""Metrics of a model on validation sound, from its scores; `val_frr` decides the epoch."""


@dataclass(frozen=True)
class TrainedStream:
    """A trained model of the best epoch, the metrics of each epoch, and the kept epoch from 1."""

    model: Any
    history: dict[str, list[float]]
    kept_epoch: int


def train_stream(
    build: Callable[[], Any],
    crops: Callable[[int, int], Crops],
    settings: StreamSettings,
    *,
    seed: int,
    judge: Judge | None = None,
    state: Path | None = None,
    on_epoch: Callable[[int, int, dict[str, float]], None] | None = None,
) -> tuple[TrainedStream, Crops]:
    """Train a model from scratch.

    Parameters
    ----------
    build : callable, returns the untrained model, such as `stream_cnn`
    crops : callable, returns the crops for a receptive field and a stride
    judge : callable, optional
        Without it, the last epoch is kept.
    state : Path, optional
        The training after each epoch, which continues from there. A damaged file is ignored.
    on_epoch : callable, optional
        Called with the epoch from 1, the number of epochs and its metrics.

    Raises
    ------
    ModelError
        The training diverged.
    """
    start_over(seed)
    model = build()
    drawn = crops(*field_of(model))
    optimizer = adam(settings.learning_rate, settings.epochs * settings.steps)
    model.compile(optimizer, loss=stream_loss(min(settings.smoothing, drawn.outputs)))
    optimizer.build(model.trainable_variables)
    scores = scorer(model)
    training = _Training(model, drawn, settings)
    if state is not None:
        training.resume(state)
    for epoch in range(training.epochs, settings.epochs):
        if epoch == 1 or (epoch > 0 and epoch % settings.rescore_epochs == 0):
            drawn.rescore(scores)
        if epoch == settings.locate_epoch:
            drawn.locate(scores)
        metrics = training.epoch(epoch)
        with training.averaged():
            if judge is not None:
                metrics |= judge(scores)
            training.keep(epoch, metrics)
        if state is not None:
            training.save(state)
        if on_epoch:
            on_epoch(epoch + 1, settings.epochs, metrics)
    model.set_weights(training.best_weights)
    return TrainedStream(model, training.history, training.best_epoch + 1), drawn


def fit_stream(
    model: Any,
    crops: Crops,
    settings: StreamSettings,
    *,
    epochs: int,
    learning_rate: float,
    callbacks: list[Any],
) -> None:
    """Train a model that a technique has changed, in place, on crops as they are drawn now."""
    loss = stream_loss(min(settings.smoothing, crops.outputs))
    model.compile(adam(learning_rate, epochs * settings.steps), loss=loss)
    model.fit(
        sequence(crops, settings.steps, first_epoch=settings.epochs),
        epochs=epochs,
        shuffle=False,
        verbose=0,
        callbacks=callbacks,
    )


def stream_loss(smoothing: int) -> Callable[[Any, Any], Any]:
    """The loss of labels as `Crops` has them and logits [n, outputs, 1, 1], for each crop.

    The crops of both classes weigh the same in all. A crop of a word in which no output may detect
    it has no loss. `smoothing` is at most the number of outputs.
    """
    tf = tensorflow()

    def loss(labels: Any, logits: Any) -> Any:
        p = tf.sigmoid(logits[:, :, 0, 0])
        word = tf.cast(tf.reduce_any(labels > 0, axis=1), tf.float32)
        other = tf.cast(tf.reduce_all(labels < 0, axis=1), tf.float32)
        allowed = tf.cast(labels > 0, tf.float32)
        mean = p
        if smoothing > 1:
            mean = tf.nn.avg_pool1d(p[:, :, None], smoothing, 1, "VALID")[:, :, 0]
            allowed = allowed[:, smoothing - 1 :]
        best = tf.reduce_max(mean * allowed, axis=1)
        worst = tf.math.top_k(mean, tf.minimum(_WORST, tf.shape(mean)[1])).values
        missed = -tf.math.log(tf.clip_by_value(best, _LEAST, 1.0))
        accepted = tf.reduce_mean(-tf.math.log(tf.clip_by_value(1 - worst, _LEAST, 1.0)), axis=1)
        accepted += 0.5 * tf.reduce_mean(-tf.math.log(tf.clip_by_value(1 - p, _LEAST, 1.0)), axis=1)
        count = tf.cast(tf.shape(labels)[0], tf.float32)
        words = tf.maximum(tf.reduce_sum(word), 1.0)
        others = tf.maximum(tf.reduce_sum(other), 1.0)
        return count * (word * missed / words + other * accepted / others)

    return loss


def scorer(model: Any) -> Scores:
    """The scores of a model for whole recordings, with its weights at the time of the call."""
    tf = tensorflow()
    field, stride = field_of(model)
    run = tf.function(
        lambda x: tf.sigmoid(model(x, training=False))[0, :, 0, 0],
        input_signature=[tf.TensorSpec((1, None, model.input_shape[2]), tf.float32)],
    )
    step = _CHUNK // stride * stride

    def scores(x: Frames) -> NDArray[np.float32]:
        parts = [
            run(tf.constant(real(x[begin : begin + step + field - stride])[None])).numpy()
            for begin in range(0, len(x) - field + 1, step)
        ]
        return np.concatenate(parts) if parts else np.zeros(0, np.float32)

    return scores


def sequence(crops: Crops, steps: int, first_epoch: int = 0) -> Any:
    """The batches of `crops` as a `tf_keras.utils.Sequence`."""

    class Batches(keras().utils.Sequence):  # type: ignore[misc]
        def __init__(self) -> None:
            self.epoch = first_epoch

        def __len__(self) -> int:
            return steps

        def __getitem__(self, index: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
            return crops.batch(self.epoch, index)

        def on_epoch_end(self) -> None:
            self.epoch += 1

    return Batches()


class _Training:
    """A training under way: the moving average, the best epoch, and the file with both."""

    def __init__(self, model: Any, crops: Crops, settings: StreamSettings) -> None:
        self.model, self.crops, self.settings = model, crops, settings
        self.average = [weight.copy() for weight in model.get_weights()]
        self.best_weights: list[NDArray[np.float32]] = self.average
        self.best_epoch = -1
        self.best: tuple[float, ...] = ()
        self.history: dict[str, list[float]] = {}
        self.epochs = 0

    def epoch(self, epoch: int) -> dict[str, float]:
        """One epoch, from the weights that the last one ended with."""

        def after(step: int, logs: Any = None) -> None:
            done = epoch * self.settings.steps + step
            share = np.float32(min(self.settings.average, (1 + done) / (10 + done)))
            for mean, weight in zip(self.average, self.model.variables, strict=True):
                mean *= share
                mean += (1 - share) * weight.numpy()

        fitted = self.model.fit(
            sequence(self.crops, self.settings.steps, epoch),
            epochs=1,
            shuffle=False,
            verbose=0,
            callbacks=[keras().callbacks.LambdaCallback(on_batch_end=after)],
        )
        self.epochs = epoch + 1
        metrics = {name: float(values[0]) for name, values in fitted.history.items()}
        if not np.isfinite(metrics["loss"]):
            raise ModelError("The training diverged: choose a lower stream.learning_rate.")
        return metrics

    @contextlib.contextmanager
    def averaged(self) -> Iterator[None]:
        """The model with the moving average of its weights, for the length of a block."""
        raw = self.model.get_weights()
        self.model.set_weights(self.average)
        yield
        self.model.set_weights(raw)

    def keep(self, epoch: int, metrics: dict[str, float]) -> None:
        """Keep the epoch if it is the best of those that count; of equal ones, the later."""
        for name, value in metrics.items():
            self.history.setdefault(name, []).append(value)
        figure = (metrics["val_frr"],) if "val_frr" in metrics else ()
        # Before words are located, a model is not trained on all that it must tell apart.
        unready = epoch < self.settings.locate_epoch < self.settings.epochs
        if not unready and (not self.best or figure <= self.best):
            self.best, self.best_epoch = figure, epoch
            self.best_weights = [weight.copy() for weight in self.average]

    def save(self, path: Path) -> None:
        """Write all that the next epoch needs."""
        arrays = {
            "epochs": np.array([self.epochs, self.best_epoch]),
            "best": np.array(self.best),
            "odds": self.crops.weights,
            "ends": self.crops.ends,
            **{f"history/{name}": np.array(values) for name, values in self.history.items()},
        }
        for name, weights in self._weights().items():
            arrays |= {f"{name}/{number:03}": weight for number, weight in enumerate(weights)}
        with atomic_path(path) as temporary, temporary.open("wb") as file:
            np.savez(file, **arrays)  # type: ignore[arg-type]

    def resume(self, path: Path) -> None:
        """Go on from `save`, if there is such a file and it is whole."""
        try:
            with np.load(path, allow_pickle=False) as file:
                arrays = {name: file[name] for name in file.files}
        except FileNotFoundError:
            return
        except (OSError, ValueError, EOFError, zipfile.BadZipFile, zlib.error) as error:
            log.warning("%s is damaged (%s): the training begins again.", path, error)
            return
        self.epochs, self.best_epoch = (int(value) for value in arrays["epochs"])
        self.best = tuple(arrays["best"].tolist())
        self.crops.weights, self.crops.ends = arrays["odds"], arrays["ends"]
        groups: dict[str, list[NDArray[Any]]] = {name: [] for name in self._weights()}
        for name in sorted(arrays):
            kind, _, rest = name.partition("/")
            if kind == "history":
                self.history[rest] = arrays[name].tolist()
            elif kind in groups:
                groups[kind].append(arrays[name])
        self.model.set_weights(groups["model"])
        self.model.optimizer.set_weights(groups["optimizer"])
        self.average, self.best_weights = groups["average"], groups["best_weights"]

    def _weights(self) -> dict[str, list[NDArray[Any]]]:
        return {
            "model": self.model.get_weights(),
            "optimizer": [variable.numpy() for variable in self.model.optimizer.variables],
            "average": self.average,
            "best_weights": self.best_weights,
        }
