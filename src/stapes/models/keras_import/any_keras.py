"""People's own models: whatever Keras wrote, read without running its code, as a Keras 2 model.

TFMOT's techniques need Keras 2 (`tf_keras`), which cannot read what Keras 3 writes. So a file is
taken apart (`keras_archive`, `saved_model`), its config read as plain data (`keras_graph`), the
model rebuilt (`keras_rebuild`) and run beside the original: both must give equal outputs.
"""

from __future__ import annotations

import os
import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stapes.errors import ModelError, StapesError
from stapes.models.backend import keras, tensorflow
from stapes.models.keras_import import (
    archive as keras_archive,
)
from stapes.models.keras_import import (
    graph as keras_graph,
)
from stapes.models.keras_import import (
    rebuild as keras_rebuild,
)
from stapes.models.keras_import import (
    saved_model,
)
from stapes.models.keras_import.archive import KerasFile
from stapes.models.keras_import.config import one_line
from stapes.models.keras_import.graph import Graph
from stapes.models.keras_import.rebuild import Weights

TOLERANCE = 1e-5
"""The largest difference of an output, relative to the largest output where that is above 1."""

_SCALES = (1, 50)
"""Of the random inputs: normalized features, and MFCCs."""

_BATCHES = 2
_BATCH = 8
_LARGEST_BATCH = 256

Run = Callable[[NDArray[np.float32]], NDArray[Any]]
"""Runs the original model on a batch."""


def load_any(path: Path) -> Any:
    """Read a model that Keras 2 or 3 wrote, and prove that it is read right.

    `.keras` and `.h5` files and SavedModel folders (of Keras 2) are told by their content. No code
    in them runs, and no class that they name is imported. Initializers, regularizers, constraints
    and the optimizer are left out: they have no part in what a model computes.

    Parameters
    ----------
    path : Path

    Returns
    -------
    model : tf_keras.Model
        Not compiled. One input [batch, ...], one output [batch, units]: a sigmoid's (1 unit) or a
        softmax's (2 or more).

    Raises
    ------
    ModelError
        The file is missing, damaged or unsafe; it holds a layer that cannot be rebuilt, or no
        wake-word model; or the outputs differ.
    MissingExtraError
        TensorFlow is not installed.
    """
    tensorflow()
    path = Path(path)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return _load_saved_model(path) if path.is_dir() else _load_file(path)
    except ModelError as error:
        raise ModelError(f"{path} cannot be used: {error}") from None
    except StapesError:
        raise
    except Exception as error:  # TensorFlow raises what it likes where layers do not fit.
        reason = one_line(str(error)) or type(error).__name__
        raise ModelError(
            f"{path} cannot be read as a Keras model; save it again with Keras ({reason})"
        ) from None


def _load_file(path: Path) -> Any:
    file = keras_archive.read(path)
    graph, config = keras_graph.read(file.config, file.major)
    model, parts = _build(graph, file.weights.count())
    original = _original(file, config)
    keras_rebuild.give_weights(parts, _weights_in(original))
    prove(lambda x: _array(original(x, training=False)), model, graph.shape)
    return model


def _load_saved_model(folder: Path) -> Any:
    saved = saved_model.read(folder)
    graph, _ = keras_graph.read(saved.config, 2)
    model, parts = _build(graph, saved.count())
    keras_rebuild.give_weights(parts, saved.weights_of)
    with saved_model.running(saved) as run:
        prove(run, model, graph.shape)
    return model


def _build(graph: Graph, numbers: int) -> tuple[Any, list[keras_rebuild.Part]]:
    """Build the model, if its input and output are those of a wake-word model."""
    shape = graph.shape
    if len(shape) < 2 or None in shape[1:]:
        raise ModelError(
            f"its input has the shape {shape or 'unknown'}; give every axis but the first a size,"
            " as in keras.Input((49, 40, 1))"
        )
    if (shape[0] or 1) > _LARGEST_BATCH:
        raise ModelError(f"its batch is fixed at {shape[0]}; leave the batch open")
    model, parts = keras_rebuild.build(graph, numbers)
    if len(model.output_shape) != 2:
        raise ModelError(
            f"its output has the shape {model.output_shape}, not [batch, classes]; end the model"
            ' in Dense(2, activation="softmax")'
        )
    return model, parts


def prove(
    run: Run, model: Any, shape: tuple[int | None, ...], tolerance: float = TOLERANCE
) -> None:
    """Raise ModelError unless `model` gives what `run` gives, and both give probabilities.

    Parameters
    ----------
    run : callable
        The original, on inputs of the shape `shape`.
    model : tf_keras.Model
    shape : tuple
        Of the input, with its batch axis.
    tolerance : float
        The largest difference.
    """
    rng = np.random.default_rng(0)
    size = [axis or _BATCH for axis in shape]
    for scale in _SCALES:
        for _ in range(_BATCHES):
            x = rng.normal(0, scale, size).astype(np.float32)
            expected, given = run(x), _array(model(x, training=False))
            if expected.shape != given.shape or not np.isfinite(expected).all():
                raise ModelError("its outputs are no finite numbers; train and save it again")
            difference = float(np.abs(expected - given).max())
            if not difference <= tolerance * max(1.0, float(np.abs(expected).max())):
                raise ModelError(
                    f"rebuilt for training, its outputs differ by {difference:.2g}; leave out"
                    " unusual layers, or report this model"
                )
            check_probabilities(expected)


def check_probabilities(y: NDArray[Any]) -> None:
    """Refuse logits: thresholds and tables speak of probabilities."""
    alone = y.shape[1] == 1
    inside = bool((y >= -1e-3).all() and (y <= 1 + 1e-3).all())
    if not inside or not (alone or np.allclose(y.sum(axis=1), 1, atol=1e-2)):
        raise ModelError(
            "its outputs are no probabilities; end the model in"
            f" {'a sigmoid' if alone else 'a softmax'}"
        )


def _original(file: KerasFile, config: dict[str, Any]) -> Any:
    """The model as the Keras that wrote it reads it, from a file that holds nothing else."""
    models = keras().models if file.major < 3 else _keras3().models
    with tempfile.TemporaryDirectory(prefix="stapes-") as folder:
        path = keras_archive.write(file, config, Path(folder))
        return models.load_model(path, compile=False, safe_mode=True)


def _keras3() -> Any:
    """The module keras (Keras 3), on TensorFlow."""
    os.environ["KERAS_BACKEND"] = "tensorflow"  # It is read once, when keras is imported.
    import keras as keras3  # type: ignore[import-untyped]

    if not keras3.__version__.startswith("3."):
        raise ModelError("Keras 3 wrote it; install keras 3 to read it")
    return keras3


def _weights_in(model: Any) -> Weights:
    """Finds a layer's weights in the original."""

    def find(path: tuple[str, ...], _: Any) -> list[NDArray[Any]]:
        layer = model
        for name in path:
            layer = layer.get_layer(name)
        return list(layer.get_weights())

    return find


def _array(output: Any) -> NDArray[Any]:
    """One output as an array: models may wrap it in a list or a dict."""
    (only,) = tensorflow().nest.flatten(output)
    return np.asarray(only)
