"""The parts of a detector in a stream that work with TensorFlow, done in a worker process."""

from __future__ import annotations

import functools
import json
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stapes.contracts.streams import StreamBaseline
from stapes.data.features import FeatureSet
from stapes.data.stream import frames, tapes, where
from stapes.data.stream.frames import HOP, Words
from stapes.data.stream.mixing import RATE
from stapes.frontends.numerics.stream import LARGEST
from stapes.frontends.registry import STREAMS
from stapes.frontends.stream import StreamFrontend
from stapes.models import keras_files
from stapes.models.backend import start_over
from stapes.models.crops import Crops
from stapes.models.settings import StreamSettings
from stapes.models.stream_cnn import field_of, kernel_for, receptive_field, stream_cnn
from stapes.models.stream_training import scorer, train_stream
from stapes.run.settings import RunSettings
from stapes.run.stream_sound import captured_in, folder_of, stream_files
from stapes.run.stream_validation import Validation
from stapes.system.files import atomic_path, write_text
from stapes.techniques.variant import Material, Stream

_DESCRIPTION = "stream.json"
_PROGRESS = "training.json"
_STATE = "training.npz"
_MINED = "mined.npz"

_CONTEXT_FRAMES = 50
"""Frames of the receptive field beyond the word: what is before it tells it apart."""
_CALIBRATION_EPOCH = 1 << 20
"""No epoch of any training."""


def train(settings: RunSettings, work: Path, keras_file: Path, word_frames: int) -> StreamBaseline:
    """Train the detector and save its model, and what its training learned of the sound."""
    folder, options = folder_of(work), settings.stream
    kernel = options.kernel or kernel_for(
        word_frames + _CONTEXT_FRAMES, blocks=options.blocks, stride=options.stride
    )
    build = functools.partial(
        stream_cnn, width=options.width, blocks=options.blocks, kernel=kernel, stride=options.stride
    )

    def on_epoch(epoch: int, epochs: int, metrics: dict[str, float]) -> None:
        detail = ", ".join(f"{name} {value:.3f}" for name, value in metrics.items())
        write_text(folder / _PROGRESS, json.dumps([epoch, epochs, detail]))

    validation = Validation(folder, settings, receptive_field(**build.keywords), options.stride)
    trained, crops = train_stream(
        build,
        functools.partial(crops_of, folder, options, settings.seed),
        options,
        seed=settings.seed,
        judge=validation.judge,
        state=folder / _STATE,
        on_epoch=on_epoch,
    )
    model = validation.finish(trained.model)
    keras_files.save(model, keras_file)
    words = where.places(tapes.described(folder / "train").words, *crops.find(scorer(model)))
    where.write(words, keras_file.with_name(where.FILE))
    with atomic_path(folder / _MINED) as temporary, temporary.open("wb") as file:
        np.savez(file, weights=crops.weights, ends=crops.ends)
    field, stride = field_of(model)
    baseline = StreamBaseline(
        parameters=model.count_params(),
        macs=macs_of_step(model),
        receptive_field=field,
        stride=stride,
        step_ms=1000 * stride * HOP / RATE,
        history=trained.history,
        kept_epoch=trained.kept_epoch,
        clips=len(words),
        clips_not_found=where.not_found(words),
    )
    write_text(work / _DESCRIPTION, baseline.model_dump_json())
    return baseline


def progress(work: Path) -> tuple[int, int, str] | None:
    """The state of `train` in another process: epoch, epochs and metrics."""
    try:
        epoch, epochs, detail = json.loads((folder_of(work) / _PROGRESS).read_text("utf-8"))
    except (OSError, ValueError):
        return None
    return epoch, epochs, detail


def is_trained(work: Path, keras_file: Path) -> bool:
    """Whether `train` has ended, with files that can be read: its description is the last."""
    try:
        description(work)
        _mined(work)
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error):
        return False
    return keras_file.is_file()


def description(work: Path) -> StreamBaseline:
    """What `train` returned."""
    return StreamBaseline.model_validate_json((work / _DESCRIPTION).read_text("utf-8"))


def material(needs: str, settings: RunSettings, work: Path, keras_file: Path) -> Material:
    """What techniques of a detector in a stream work from, on crops as its training drew them."""
    start_over(settings.seed)
    folder, options = folder_of(work), settings.stream
    baseline = keras_files.load(keras_file)
    crops = crops_of(folder, options, settings.seed, *field_of(baseline))
    crops.weights, crops.ends = _mined(work)
    model = baseline if needs == "stream" else keras_files.load(work / f"{needs}.keras")
    validation = Validation(folder, settings, *field_of(baseline))
    return material_of(model, baseline, crops, validation, settings)


def material_of(
    model: Any, baseline: Any, crops: Crops, validation: Validation, settings: RunSettings
) -> Material:
    """What techniques work from: a model and the baseline, with the baseline's crops."""
    recipes = settings.recipes
    return Material(
        model=model,
        baseline=baseline,
        training=FeatureSet(np.zeros((0, 0, 0), np.float32), np.zeros(0, np.uint8), []),
        calibration=_calibration(crops, field_of(baseline)[0], settings),
        recipes=recipes.model_copy(
            update={
                "pruning": recipes.stream_pruning,
                "clustering": recipes.stream_clustering,
                "quantization_aware": recipes.stream_quantization_aware,
            }
        ),
        seed=settings.seed,
        stream=Stream(
            crops, settings.stream, validation.judge, validation.finish, validation.threshold
        ),
    )


def _mined(work: Path) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """How often its training drew each negative, and where it found the end of each word."""
    with np.load(folder_of(work) / _MINED, allow_pickle=False) as mined:
        return mined["weights"], mined["ends"]


def crops_of(
    folder: Path,
    options: StreamSettings,
    seed: int,
    field: int,
    stride: int,
    *,
    halves: Path | None = None,
) -> Crops:
    """The training sound in a folder, from which batches are drawn.

    `halves` is the file of the first halves of words, by default in that folder.
    """
    files = stream_files(folder, "train")
    words: list[Words] = [frames.read_words(path) for path in files.words]
    others = [frames.read_frames(path) for path in files.others]
    make = functools.partial(
        _halves,
        folder / "train",
        STREAMS[options.frontend],
        seed,
        path=halves or folder / "train" / "halves.npy",
    )
    return Crops(
        words,
        others,
        field=field,
        stride=stride,
        settings=options,
        seed=seed,
        halves=make,
        captured=captured_in(folder),
    )


def _halves(
    folder: Path, frontend: StreamFrontend, seed: int, ends: NDArray[np.float64], *, path: Path
) -> NDArray[np.int8]:
    """Sound with the first halves of words; what a killed run made, it would make again."""
    if not path.is_file():
        frames.write_halves(tapes.described(folder), frontend, ends, [seed, 15], path)
    return frames.read_frames(path)


def _calibration(crops: Crops, field: int, settings: RunSettings) -> NDArray[np.float32]:
    """Receptive fields of training sound, of both classes [shape=(n, field, bins)].

    One feature is the smallest and one the largest that a frontend gives, so that the input has the
    scale of its steps.
    """
    wanted = settings.calibration_clips
    rng = np.random.default_rng([settings.seed, 12])
    parts: list[NDArray[np.float32]] = []
    number = 0
    while sum(map(len, parts)) < wanted:
        x, y = crops.batch(_CALIBRATION_EPOCH, number, mask=False)
        number += 1
        # The window that ends with the word, and any window of other sound.
        ends = np.where((y > 0).any(axis=1), y.shape[1] - 1 - (y[:, ::-1] > 0).argmax(axis=1), -1)
        drawn = np.where(ends >= 0, ends, rng.integers(y.shape[1], size=len(y)))
        starts = drawn * settings.stream.stride
        windows = starts[:, None] + np.arange(field)
        parts.append(np.take_along_axis(x, windows[:, :, None], axis=1))
    calibration = np.concatenate(parts)
    calibration = calibration[rng.permutation(len(calibration))[:wanted]]
    calibration[0, 0, :2] = 0.0, LARGEST
    return calibration


def macs_of_step(model: Any) -> int:
    """Multiply-accumulates of one step of a stream, where every old output is kept."""
    _, stride = field_of(model)
    total, left = 0, stride
    for layer in model.layers:
        size = getattr(layer, "kernel_size", None)
        if size is not None:
            left //= layer.strides[0]
            weights = layer.get_weights()[0]
            total += left * int(weights.size)
    return total
