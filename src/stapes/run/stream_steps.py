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
from stapes.data.stream.frames import HOP, LATE_SECONDS, Words
from stapes.data.stream.mixing import RATE
from stapes.frontends.numerics.micro import LARGEST
from stapes.measure.device_rule import DeviceRule
from stapes.measure.operating_points import at_rate, lowest_rate
from stapes.measure.stream_curve import StreamCurve, sweep
from stapes.measure.stream_outputs import StreamOutputs
from stapes.models import keras_files
from stapes.models.backend import start_over
from stapes.models.crops import Crops, Scores
from stapes.models.lowering import lower
from stapes.models.settings import StreamSettings
from stapes.models.stream_cnn import field_of, kernel_for, receptive_field, stream_cnn
from stapes.models.stream_training import Judge, scorer, train_stream
from stapes.run.settings import RunSettings
from stapes.run.stream_sound import folder_of, stream_files
from stapes.system.files import atomic_path, write_text
from stapes.techniques.variant import Material, Stream

_DESCRIPTION = "stream.json"
_PROGRESS = "training.json"
_STATE = "training.npz"
_MINED = "mined.npz"

_CONTEXT_FRAMES = 50
"""Frames of the receptive field beyond the word: what is before it tells it apart."""
_LEAD = 200
"""Frames before a word in validation sound, at least: a device is deaf in the first hundred."""
_AFTER = 100
_MULTIPLES = (1.0, 2.0, 5.0)
_MOST_LOGITS = 5.0
"""The furthest that a threshold is from those of higher rates."""
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
        functools.partial(_crops, folder, options, settings.seed),
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
        macs=_macs_of_step(model),
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
    crops = _crops(folder, options, settings.seed, *field_of(baseline))
    crops.weights, crops.ends = _mined(work)
    recipes = settings.recipes
    validation = Validation(folder, settings, *field_of(baseline))
    return Material(
        model=baseline if needs == "stream" else keras_files.load(work / f"{needs}.keras"),
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
        stream=Stream(crops, options, validation.judge, validation.finish),
    )


class Validation:
    """False rejects on validation sound, as a device decides with a float model.

    field, stride : int [frames], of the model
    """

    def __init__(self, folder: Path, settings: RunSettings, field: int, stride: int) -> None:
        files = stream_files(folder, "validation")
        self._words = [frames.read_words(path) for path in files.words]
        self._others = [frames.read_frames(path) for path in files.others]
        self._sources = [path.stem for path in files.others]
        self._detection, self._field, self._stride = settings.detection, field, stride
        self._rule = DeviceRule(stride * HOP / RATE, stride, self._detection.sliding_window)
        # As `sweep` has the hours: a device is deaf at first.
        steps = [len(x) // stride - self._rule.deaf_outputs + 1 for x in self._others]
        hours = sum(step for step in steps if step > 0) * self._rule.step_seconds / 3600
        self.possible = bool(self._words) and hours > 0
        self.rate = max(self._detection.target_fa_per_hour, lowest_rate(hours or 1.0))
        """The target, or the lowest rate that the sound resolves [an hour]."""

    @property
    def judge(self) -> Judge | None:
        """`metrics`, if there is sound for it."""
        return self.metrics if self.possible else None

    def finish(self, model: Any) -> Any:
        """The model with its batch normalization folded, and its threshold at one half."""
        lowered = lower(model)
        if self.possible:
            _move_threshold(lowered, self._logit(self.curve(scorer(lowered))))
        return lowered

    def metrics(self, scores: Scores) -> dict[str, float]:
        """`val_frr`: the mean at the rate and at its multiples, as single ones are coarse."""
        curve = self.curve(scores)
        points = [at_rate(curve, multiple * self.rate) for multiple in _MULTIPLES]
        return {"val_frr": float(np.mean([1.0 if p.frr is None else p.frr for p in points]))}

    def curve(self, scores: Scores) -> StreamCurve:
        """False accepts and misses at every threshold."""
        lead = max(_LEAD, self._field)
        words, clips = [], []
        for part in self._words:
            for begin, end, _ in part.marks.tolist():
                first = max(0, begin - lead)
                words.append(self._outputs(scores, part.x[first : end + _AFTER]))
                clips.append((begin - first, end - first))
        recordings = [self._outputs(scores, x) for x in self._others]
        seconds = np.array(clips) * HOP / RATE - LATE_SECONDS
        outputs = StreamOutputs(recordings, self._sources, words, seconds)
        return sweep(outputs, self._rule, self._detection.tolerance_seconds)

    def _logit(self, curve: StreamCurve) -> float | None:
        """The threshold for the target rate as a logit; None if no rate has a threshold.

        Validation sound is short. For a rate that it does not resolve, the threshold is on the line
        through those of higher rates, as the logit falls with the logarithm of the rate.
        """
        rates, logits = [], []
        for multiple in _MULTIPLES:
            threshold = at_rate(curve, multiple * self.rate).threshold
            if threshold is not None and 0 < threshold < 1:
                rates.append(np.log(multiple * self.rate))
                logits.append(np.log(threshold / (1 - threshold)))
        if not logits:
            return None
        further = rates[0] - np.log(self._detection.target_fa_per_hour)
        slope = min(0.0, np.polyfit(rates, logits, 1)[0]) if len(logits) > 1 else 0.0
        return float(logits[0] + min(_MOST_LOGITS, -slope * max(0.0, further)))

    def _outputs(self, scores: Scores, x: NDArray[np.int8]) -> NDArray[np.float32]:
        """The scores of a recording as its stream has them, but zeros before the first whole field.

        Output `k` is that of the field that ends with frame `(k + 1) * stride - 1`.
        """
        steps = scores(x[-self._field % self._stride :])
        return np.concatenate([np.zeros(len(x) // self._stride - len(steps), np.float32), steps])


def _mined(work: Path) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """How often its training drew each negative, and where it found the end of each word."""
    with np.load(folder_of(work) / _MINED, allow_pickle=False) as mined:
        return mined["weights"], mined["ends"]


def _crops(folder: Path, options: StreamSettings, seed: int, field: int, stride: int) -> Crops:
    files = stream_files(folder, "train")
    words: list[Words] = [frames.read_words(path) for path in files.words]
    others = [frames.read_frames(path) for path in files.others]
    halves = functools.partial(_halves, folder / "train", seed)
    return Crops(
        words, others, field=field, stride=stride, settings=options, seed=seed, halves=halves
    )


def _halves(folder: Path, seed: int, ends: NDArray[np.float64]) -> NDArray[np.int8]:
    """Sound with the first halves of words; what a killed run made, it would make again."""
    path = folder / "halves.npy"
    if not path.is_file():
        frames.write_halves(tapes.described(folder), ends, [seed, 15], path)
    return frames.read_frames(path)


def _move_threshold(model: Any, logit: float | None) -> None:
    """Move the last bias so that a threshold, given as a logit, is at a score of one half.

    There a step of the output is a small change of the logit: no score saturates near it.
    """
    if logit is not None:
        kernel, bias = model.get_layer("logit").get_weights()
        model.get_layer("logit").set_weights([kernel, bias - np.float32(logit)])


def _calibration(crops: Crops, field: int, settings: RunSettings) -> NDArray[np.float32]:
    """Receptive fields of training sound, of both classes [shape=(n, field, bins)].

    One feature is the smallest and one the largest that a device has, so that the input's scale is
    the device's.
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


def _macs_of_step(model: Any) -> int:
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
