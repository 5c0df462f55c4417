"""Read a model of Keras 2 or 3 as a Keras 2 model, without running code from its file.

TFMOT's techniques need Keras 2 (`tf_keras`), which cannot read the files of Keras 3. So `archive`
or `saved_model` takes the file apart, `graph` reads its config as plain data, and `rebuild` makes
the model again. The original runs too, and both must give equal outputs.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stapes.errors import ModelError, StapesError
from stapes.models.backend import keras, tensorflow
from stapes.models.keras_import import archive, keras_layers, rebuild, safe, saved_model
from stapes.models.keras_import import graph as keras_graph
from stapes.models.keras_import.archive import KerasFile
from stapes.models.keras_import.config import one_line
from stapes.models.keras_import.graph import Graph
from stapes.models.keras_import.rebuild import Weights

TOLERANCE = 1e-5
"""The largest difference of an output, relative to the largest output if that is above 1."""

_SCALES = (1, 50)
"""Of the random inputs: as normalized features, and as MFCCs."""

_BATCHES = 2
_BATCH = 8
_LARGEST_BATCH = 256

Run = Callable[[NDArray[np.float32]], NDArray[Any]]
"""Runs the original model on a batch."""


def load_any(path: Path, *, logits: bool = False) -> Any:
    """Read a model of Keras 2 or 3, and prove that its outputs are those of the original.

    With `logits`, a softmax is added to its outputs, or a sigmoid to a single one. The content
    decides the format: `.keras`, `.h5`, or a SavedModel folder of Keras 2. No code of
    the file runs, and no class that it names is imported. Initializers, regularizers, constraints
    and the optimizer are left out, as they do not change the outputs.

    Returns
    -------
    model : tf_keras.Model
        Not compiled, with one input [batch, ...] and one output [batch, units]: a sigmoid (1 unit)
        or a softmax (2 or more).

    Raises
    ------
    ModelError
        The file is missing, damaged or unsafe; it has a layer that cannot be rebuilt; it is not a
        wake-word model; or the outputs differ.
    MissingExtraError
        TensorFlow is not installed.
    """
    tensorflow()
    with explained(path):
        model, outputs = _load_saved_model(path) if path.is_dir() else _load_file(path)
        check_probabilities(outputs, logits=logits)
        return _with_probabilities(model) if logits else model


@contextlib.contextmanager
def explained(path: Path) -> Iterator[None]:
    """Turn any error of reading a model into a ModelError that names its path."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except ModelError as error:
        raise ModelError(f"{path} cannot be used: {error.typed}") from None
    except StapesError:
        raise
    except Exception as error:  # TensorFlow may raise anything if layers do not fit.
        reason = one_line(str(error)) or type(error).__name__
        raise ModelError(
            f"{path} cannot be read as a Keras model; save it again with Keras ({reason})"
        ) from None


def _load_file(path: Path) -> tuple[Any, list[NDArray[Any]]]:
    """The rebuilt model, and outputs of the original."""
    file = archive.read(path)
    config = safe.clean(file.config, file.major)
    graph = keras_graph.read(config, file.major)
    model, parts = _build(graph, file.weights.count())
    first = original(file, config)
    rebuild.give_weights(parts, _weights_in(first))
    return model, prove(lambda x: _array(first(x, training=False)), model, graph.shape)


def _load_saved_model(folder: Path) -> tuple[Any, list[NDArray[Any]]]:
    saved = saved_model.read(folder)
    layers = keras_layers.read(folder, saved)
    graph = keras_graph.read(safe.clean(layers.config, 2), 2)
    model, parts = _build(graph, saved.count())
    rebuild.give_weights(parts, layers.weights_of)
    function, _ = saved_model.function(saved)
    tensor = tensorflow().constant
    return model, prove(lambda x: _array(function(tensor(x))), model, graph.shape)


def _build(graph: Graph, numbers: int) -> tuple[Any, list[rebuild.Part]]:
    """Build the model if its input and output fit a wake-word model."""
    shape = graph.shape
    if len(shape) < 2 or None in shape[1:]:
        raise ModelError(
            f"its input has the shape {shape or 'unknown'}; give every axis except the first a"
            " size, as in keras.Input((49, 40, 1))"
        )
    if (shape[0] or 1) > _LARGEST_BATCH:
        raise ModelError(f"its batch is fixed at {shape[0]}; leave the batch size open")
    model, parts = rebuild.build(graph, numbers)
    if len(model.output_shape) != 2:
        raise ModelError(
            f"its output has the shape {model.output_shape}, not [batch, classes]; end the model"
            ' in Dense(2, activation="softmax")'
        )
    return model, parts


def prove(
    run: Run, model: Any, shape: tuple[int | None, ...], tolerance: float = TOLERANCE
) -> list[NDArray[Any]]:
    """Raise ModelError unless `model` and `run` have equal outputs; return those of `run`.

    `shape` is that of the input with its batch axis; `tolerance` is the largest difference.
    """
    outputs = []
    rng = np.random.default_rng(0)
    size = [axis or _BATCH for axis in shape]
    for scale in _SCALES:
        for _ in range(_BATCHES):
            x = rng.normal(0, scale, size).astype(np.float32)
            expected, output = run(x), _array(model(x, training=False))
            if expected.shape != output.shape or not np.isfinite(expected).all():
                raise ModelError("its outputs are not finite numbers; train and save it again")
            difference = float(np.abs(expected - output).max())
            if not difference <= tolerance * max(1.0, float(np.abs(expected).max())):
                raise ModelError(
                    f"rebuilt for training, its outputs differ by {difference:.2g}; remove"
                    " unusual layers, or report this model"
                )
            outputs.append(expected)
    return outputs


def check_probabilities(outputs: list[NDArray[Any]], *, logits: bool) -> None:
    """Refuse logits, as thresholds and tables need probabilities; or with `logits`, the others."""
    last = "a sigmoid" if outputs[0].shape[1] == 1 else "a softmax"
    if logits and all(map(_are_probabilities, outputs)):
        raise ModelError("its outputs are probabilities already; omit --logits")
    if not logits and not all(map(_are_probabilities, outputs)):
        raise ModelError(
            f"its outputs are not probabilities; if they are logits, --logits adds {last}"
        )


def _are_probabilities(y: NDArray[Any]) -> bool:
    inside = bool((y >= -1e-3).all() and (y <= 1 + 1e-3).all())
    return inside and (y.shape[1] == 1 or np.allclose(y.sum(axis=1), 1, atol=1e-2))


def _with_probabilities(model: Any) -> Any:
    """The model with a last layer that makes probabilities of its logits."""
    last = "sigmoid" if model.output_shape[-1] == 1 else "softmax"
    names = {layer.name for layer in model.layers}
    name = next(free for free in (last, f"{last}_of_logits") if free not in names)
    end = keras().layers.Activation(last, name=name)(model.outputs[0])
    return keras().Model(model.inputs, end, name=model.name)


def original(file: KerasFile, config: dict[str, Any]) -> Any:
    """The model, read by the Keras that wrote it from a copy of the file with a safe config."""
    models = keras().models if file.major < 3 else _keras3().models
    with tempfile.TemporaryDirectory(prefix="stapes-") as folder:
        path = archive.write(file, config, Path(folder))
        return models.load_model(path, compile=False, safe_mode=True)


def _keras3() -> Any:
    """The module keras (Keras 3), on TensorFlow."""
    os.environ["KERAS_BACKEND"] = "tensorflow"  # Keras reads it when imported.
    import keras as keras3  # type: ignore[import-untyped]

    if not keras3.__version__.startswith("3."):
        raise ModelError("Keras 3 wrote it; install Keras 3 to read it")
    return keras3


def _weights_in(model: Any) -> Weights:
    """A function that returns the weights of a layer of the original."""

    def find(path: tuple[str, ...], _: Any) -> list[NDArray[Any]]:
        layer = model
        for name in path:
            layer = layer.get_layer(name)
        return list(layer.get_weights())

    return find


def _array(output: Any) -> NDArray[Any]:
    """One output as an array: models may wrap it in a list or a dict."""
    (tensor,) = tensorflow().nest.flatten(output)
    return np.asarray(tensor)
