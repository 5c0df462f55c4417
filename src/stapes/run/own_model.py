"""A model of the user's as the baseline of a run: read, checked, and kept as Stapes keeps its own.

A Keras model is rebuilt, lowered and can take every technique; a float .tflite only those that
need no training.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np

from stapes.contracts.results import Baseline
from stapes.errors import ModelError, UsageError
from stapes.frontends.registry import shapes
from stapes.models import keras_files
from stapes.models.cost import macs
from stapes.models.keras_import import any_keras
from stapes.models.lowering import lower
from stapes.run.settings import RunSettings
from stapes.system.files import sha256, write_bytes
from stapes.targets.classifier import fits
from stapes.targets.litert import LiteRT
from stapes.tflite.read import cost as file_cost
from stapes.tflite.read.constants import constants
from stapes.tflite.read.file import is_tflite, read_tflite

_LOWERED_TOLERANCE = 1e-4
"""Of the lowered model's outputs: folding rounds every weight anew."""


def is_float_file(path: Path) -> bool:
    """Whether the user's model is a .tflite; see `tflite.read.file.is_tflite`."""
    try:
        return is_tflite(path)
    except UsageError as error:
        raise UsageError(f"--model {error}") from None


def digest(path: Path) -> str:
    """SHA-256 of a file, or of the names and contents of a folder's files."""
    if not path.is_dir():
        return sha256(path)
    whole = hashlib.sha256()
    for each in sorted(path.rglob("*")):
        if each.is_file():
            whole.update(f"{each.relative_to(path)}\0{sha256(each)}\0".encode())
    return whole.hexdigest()


def adopt(settings: RunSettings, target: Path) -> Baseline:
    """Read the user's model, and write it to `target` as the run's baseline.

    Parameters
    ----------
    settings : RunSettings
        With a `model`.
    target : Path
        A .tflite for a .tflite, a .keras file for everything else.

    Raises
    ------
    ModelError
        It is broken, holds what cannot be rebuilt, is no wake-word model, or is quantized.
    UsageError
        Its input does not fit the frontend, or `positive` is none of its outputs.
    """
    assert settings.model is not None
    path = settings.model
    if path.suffix == ".tflite" or is_tflite(path):
        return _adopt_file(path, settings, target)
    model = any_keras.load_any(path)
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
        raise ModelError(f"{path} cannot be used: {error}") from None
    keras_files.save(lowered, target)
    return Baseline(parameters=lowered.count_params(), macs=macs(lowered), model=str(path))


def _adopt_file(path: Path, settings: RunSettings, target: Path) -> Baseline:
    content = read_tflite(path)
    try:
        # These verify the file, which the interpreter does not.
        stored, count = constants(content), file_cost.macs(content)
        interpreter = LiteRT(content)
        signature = interpreter.signature
    except ModelError as error:
        raise ModelError(f"{path}: {error}") from None
    quantized = [each.name for each in stored if each.values.dtype != np.float32]
    if quantized or signature.input_dtype != np.float32 or signature.output_dtype != np.float32:
        raise ModelError(
            f"{path} is quantized already: give the float .tflite, or measure this one with "
            "`stapes evaluate`."
        )
    outputs = signature.output_shape[-1] if signature.output_shape else 1
    _check_ends(path, signature.input_shape[1:], outputs, settings)
    try:
        # Over the range of features.
        clips = np.random.default_rng(0).normal(0, 50, (16, *settings.frontend.shape))
        any_keras.check_probabilities(interpreter.predict(clips.astype(np.float32)))
    except ModelError as error:
        raise ModelError(f"{path} cannot be used: {error}") from None
    write_bytes(target, content)
    parameters = sum(each.values.size for each in stored)
    return Baseline(parameters=parameters, macs=count, model=str(path))


def _check_ends(path: Path, shape: tuple[int, ...], outputs: int, settings: RunSettings) -> None:
    frontend = settings.frontend
    if not fits(tuple(shape), frontend.shape):
        raise UsageError(
            f"--model {path}: its input is {list(shape)}, and the frontend {frontend.kind} gives "
            f"{list(frontend.shape)}. Choose --frontend ({shapes()}), or set its sizes under "
            "`frontend` in a --config file to those that the model was trained with."
        )
    # One output is the word's own, whatever its number.
    if settings.positive >= max(2, outputs):
        raise UsageError(
            f"--positive {settings.positive}: the model has {outputs} outputs, counted from 0."
        )
    if outputs == 1 and settings.positive == 0:
        raise UsageError(
            "--positive 0: the one output of the model is taken for the word's; leave it out."
        )
