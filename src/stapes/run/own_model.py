"""A user's model as the baseline of a run: read, checked, and saved like a baseline of Stapes.

A Keras model is rebuilt and lowered, and every technique works on it. On a float .tflite only the
techniques without training work.
"""

from __future__ import annotations

import hashlib
import logging
from pathlib import Path
from typing import Any

import numpy as np

from stapes.contracts.results import Baseline
from stapes.errors import ModelError, UsageError
from stapes.frontends.registry import shapes
from stapes.models import keras_files
from stapes.models.cost import macs
from stapes.models.keras_import import any_keras
from stapes.models.lowering import lower
from stapes.models.training import adam, crossentropy
from stapes.run.settings import RunSettings
from stapes.system.files import sha256, write_bytes
from stapes.system.isolation import Lost
from stapes.targets.classifier import fits
from stapes.targets.litert import LiteRT
from stapes.techniques.post_training import convert
from stapes.tflite.edit.probabilities import with_probabilities
from stapes.tflite.read import cost as file_cost
from stapes.tflite.read.constants import constants, require_numbers
from stapes.tflite.read.file import is_tflite, read_tflite

_LOWERED_TOLERANCE = 1e-4
"""Of the lowered model's outputs: folding rounds every weight again."""

_BATCH = 32

log = logging.getLogger("stapes")


def is_float_file(path: Path) -> bool:
    """Whether the user's model is a .tflite."""
    try:
        return is_tflite(path)
    except UsageError as error:
        raise UsageError(f"--model {error}") from None


def digest(path: Path) -> str:
    """SHA-256 of a file, or of the names and contents of a folder's files."""
    if not path.is_dir():
        return sha256(path)
    whole = hashlib.sha256()
    for file in sorted(path.rglob("*")):
        if file.is_file():
            whole.update(f"{file.relative_to(path)}\0{sha256(file)}\0".encode())
    return whole.hexdigest()


def unusable(path: Path, lost: Lost) -> ModelError:
    """The error for a model whose process crashed, hung or needed too much memory."""
    return ModelError(
        f"{path} cannot be used: {lost}. The file is broken, loops, or is far too large for a "
        "device: `stapes inspect` shows what is in it."
    )


def adopt(settings: RunSettings, target: Path) -> Baseline:
    """Read the user's model, and write it to `target` as the run's baseline.

    `target` is a .tflite if the model is one, else a .keras file.

    Raises
    ------
    ModelError
        It is broken, cannot be rebuilt, is no wake-word model, or is quantized.
    UsageError
        Its input does not fit the frontend, or `positive` is none of its outputs.
    """
    assert settings.model is not None
    path = settings.model
    if path.suffix == ".tflite" or is_tflite(path):
        return _adopt_file(path, settings, target)
    model = any_keras.load_any(path, logits=settings.logits)
    _check_ends(path, model.input_shape[1:], model.output_shape[-1], settings)
    lowered = lower(model)
    try:
        any_keras.prove(
            lambda x: np.asarray(model(x, training=False)),
            lowered,
            model.input_shape,
            _LOWERED_TOLERANCE,
        )
    except ModelError as error:
        raise ModelError(f"{path} cannot be used: {error.typed}") from None
    keras_files.save(lowered, target)
    baseline = Baseline(parameters=lowered.count_params(), macs=macs(lowered), model=str(path))
    _try_out(lowered)
    return baseline


def _try_out(model: Any) -> None:
    """Convert a model and train a step, which changes it, within the limits of this process.

    The workers of a run have no limit on time: honest training may take hours. An error is ignored
    here, as the techniques report it.
    """
    outputs = model.output_shape[-1]
    shape = (_BATCH, *model.input_shape[1:])
    try:
        convert(model)
        model.compile(adam(1e-3, None), loss=crossentropy(outputs))
        model.train_on_batch(np.zeros(shape, np.float32), np.eye(1, outputs).repeat(_BATCH, axis=0))
    except MemoryError:
        raise
    except Exception as error:
        log.info("The trial of the model failed: %s", error)


def _adopt_file(path: Path, settings: RunSettings, target: Path) -> Baseline:
    content = read_tflite(path)
    try:
        # Reading the constants verifies the file. The interpreter does not.
        stored, count = constants(content), file_cost.macs(content)
        require_numbers(stored)
        interpreter = LiteRT(content)
        signature = interpreter.signature
    except ModelError as error:
        raise ModelError(f"{path}: {error}") from None
    types = [constant.values.dtype for constant in stored]
    if any(t != np.float32 for t in (*types, signature.input_dtype, signature.output_dtype)):
        raise ModelError(
            f"{path} is quantized already: give the float .tflite, or measure this one with "
            "`stapes evaluate`."
        )
    outputs = signature.output_shape[-1] if signature.output_shape else 1
    _check_ends(path, signature.input_shape[1:], outputs, settings)
    try:
        # In the range of features.
        clips = np.random.default_rng(0).normal(0, 50, (16, *settings.frontend.shape))
        scores = interpreter.predict(clips.astype(np.float32))
        any_keras.check_probabilities([scores], logits=settings.logits)
    except ModelError as error:
        raise ModelError(f"{path} cannot be used: {error.typed}") from None
    write_bytes(target, with_probabilities(content) if settings.logits else content)
    parameters = sum(constant.values.size for constant in stored)
    return Baseline(parameters=parameters, macs=count, model=str(path))


def _check_ends(path: Path, shape: tuple[int, ...], outputs: int, settings: RunSettings) -> None:
    frontend = settings.frontend
    if not fits(tuple(shape), frontend.shape):
        raise UsageError(
            f"--model {path}: its input is {list(shape)}, and the frontend {frontend.kind} gives "
            f"{list(frontend.shape)}. Choose --frontend ({shapes()}), or set its sizes under "
            "`frontend` in a --config file to those that the model was trained with."
        )
    # The only output is the word's. `positive` is then 1, its default.
    if settings.positive >= max(2, outputs):
        raise UsageError(
            f"--positive {settings.positive}: the model has {outputs} outputs, counted from 0."
        )
    if outputs == 1 and settings.positive == 0:
        raise UsageError(
            "--positive 0: the model has one output, which is the word's; leave it out."
        )
