"""The parts of a run that work with TensorFlow, each done in a worker process.

A worker gets paths and settings, never arrays or models, and writes whole files or none.
"""

from __future__ import annotations

import functools
import json
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, cast

from stapes.contracts.results import Baseline, VariantResult
from stapes.contracts.streams import StreamForm
from stapes.data.features import FeatureSet
from stapes.data.stream.frames import HOP
from stapes.data.stream.mixing import RATE
from stapes.errors import ModelError, StapesError
from stapes.measure.accuracy import accuracy
from stapes.measure.roc import frr_at
from stapes.measure.variant import measure
from stapes.models import keras_files
from stapes.models.architectures import ARCHITECTURES
from stapes.models.backend import start_over
from stapes.models.cost import macs
from stapes.models.lowering import lower
from stapes.models.training import train
from stapes.run import stream_steps
from stapes.run.feature_files import calibration, load_features
from stapes.run.settings import RunSettings
from stapes.run.shrinking import shrink
from stapes.system.files import write_bytes, write_text
from stapes.system.isolation import SECONDS, SECONDS_A_CLIP, Child, Lost
from stapes.targets.litert import LiteRT
from stapes.techniques.registry import STAGES, TECHNIQUES, is_stream
from stapes.techniques.variant import FloatFile, Material, Variant
from stapes.tflite.read.constants import constants

_TRAINING = "training.json"

_child = Child()
"""Where a user's .tflite runs: one process for all variants that this worker makes."""

Step = TypeVar("Step", bound=Callable[..., Any])


def plainly(step: Step) -> Step:
    """Turn TensorFlow's exceptions into plain ones: theirs would import it in the parent."""

    @functools.wraps(step)
    def plain(*args: Any) -> Any:
        try:
            return step(*args)
        except (StapesError, OSError, MemoryError):
            raise
        except Exception as error:
            logging.getLogger("stapes").exception("%s%s failed", step.__name__, args[:1])
            first = (str(error).splitlines() or [""])[0]
            raise RuntimeError(f"{type(error).__name__}: {first[:300]}") from None

    return cast("Step", plain)


@plainly
def train_baseline(settings: RunSettings, work: Path, keras_file: Path) -> Baseline:
    """Train the baseline and save it."""

    def on_epoch(epoch: int, epochs: int, logs: dict[str, float]) -> None:
        detail = ", ".join(f"{name} {value:.3f}" for name, value in logs.items())
        write_text(work / _TRAINING, json.dumps([epoch, epochs, detail]))

    build = functools.partial(
        ARCHITECTURES[settings.architecture], settings.frontend.shape, **settings.sizes
    )
    trained = train(
        build,
        load_features(work, "train"),
        load_features(work, "validation"),
        settings.train,
        seed=settings.seed,
        frr=frr_at,
        on_epoch=on_epoch,
    )
    model = trained.model
    if any(type(layer).__name__ == "BatchNormalization" for layer in model.layers):
        # Folded before any technique: clusters, zeros and quantization belong to what ships.
        model = lower(model)
    keras_files.save(model, keras_file)
    return Baseline(
        parameters=model.count_params(),
        macs=macs(model),
        history=trained.history,
        kept_epoch=trained.kept_epoch,
    )


def training_progress(work: Path) -> tuple[int, int, str] | None:
    """The state of `train_baseline` in another process: epoch, epochs and metrics."""
    try:
        epoch, epochs, detail = json.loads((work / _TRAINING).read_text("utf-8"))
    except (OSError, ValueError):
        return None
    return epoch, epochs, detail


@plainly
def make_stage(name: str, settings: RunSettings, work: Path, keras_file: Path) -> None:
    """Train a model that several techniques share, and save it among the work files."""
    stage = STAGES[name]
    if stage.needs == "stream":
        stream_file = stage_file(work, "stream", keras_file)
        model = stage.make(stream_steps.material(stage.needs, settings, work, stream_file))
        keras_files.save(model, stage_file(work, name, keras_file))
        return
    model = stage.make(_material(stage.needs, settings, work, keras_file))
    keras_files.save(model, stage_file(work, name, keras_file))


@plainly
def train_stream(settings: RunSettings, work: Path, keras_file: Path, word_frames: int) -> None:
    """Train the float model of the detectors in a stream, and save it."""
    stream_steps.train(settings, work, keras_file, word_frames)


@plainly
def make_variant(
    name: str, settings: RunSettings, work: Path, keras_file: Path, models: Path
) -> VariantResult:
    """Apply one technique to the baseline (.keras or .tflite), write the .tflite, measure it."""
    arguments = (name, settings, work, keras_file, models)
    if is_stream(name):
        return _make_stream(*arguments)
    if keras_file.suffix != ".tflite":
        return _make_variant(*arguments)
    # A user's file runs as it is, so not in a worker that other steps need.
    seconds = SECONDS + SECONDS_A_CLIP * len(load_features(work, "test").y)
    try:
        return _child.run(seconds, _make_variant, *arguments)
    except Lost as lost:
        raise ModelError(str(lost)) from None


def _make_variant(
    name: str, settings: RunSettings, work: Path, keras_file: Path, models: Path
) -> VariantResult:
    technique = TECHNIQUES[name]
    if keras_file.suffix == ".tflite":
        assert technique.from_file is not None
        float_file = FloatFile(
            keras_file.read_bytes(), calibration(load_features(work, "train"), settings)
        )
        variant, names = technique.from_file(float_file), []
    else:
        material = _material(technique.needs, settings, work, keras_file)
        variant = technique.make(material)
        names = [layer.name for layer in material.baseline.layers if layer.count_params()]
    size = len(variant.tflite)
    kernels = [constant.name for constant in constants(variant.tflite) if constant.role == "kernel"]
    if len(names) != len(kernels):
        names = kernels  # The variant has other layers than the baseline.
    arena = None
    if technique.tables:
        write_bytes(unpacked_file(work, name), variant.tflite)
    if technique.tables or settings.slim:
        # A user's model may hold what an interpreter crashes on.
        isolate = settings.model is not None
        variant, arena = shrink(
            variant, tables=technique.tables, seed=settings.seed, isolate=isolate
        )
    test = load_features(work, "test")
    result = measure(name, technique.title, variant, test, names, settings.positive, size, arena)
    write_bytes(models / f"{name}.tflite", variant.tflite)
    return result


def _make_stream(
    name: str, settings: RunSettings, work: Path, keras_file: Path, models: Path
) -> VariantResult:
    """A detector in a stream; it is measured in continuous sound, when all are made."""
    technique = TECHNIQUES[name]
    stream_file = stage_file(work, "stream", keras_file)
    variant = technique.make(stream_steps.material(technique.needs, settings, work, stream_file))
    trained = stream_steps.description(work)
    field = trained.receptive_field, trained.stride
    return stream_row(name, variant, field, settings, work, models)


def stream_row(
    name: str,
    variant: Variant,
    field: tuple[int, int],
    settings: RunSettings,
    work: Path,
    models: Path,
) -> VariantResult:
    """The row of a detector in a stream, of a receptive field and a stride; its file is written."""
    technique, size, arena = TECHNIQUES[name], len(variant.tflite), None
    kernels = [constant.name for constant in constants(variant.tflite) if constant.role == "kernel"]
    if technique.tables:
        write_bytes(unpacked_file(work, name), variant.tflite)
    if technique.tables or settings.slim:
        # TFLite Micro crashes on a streaming file with a table.
        variant, arena = shrink(
            variant, tables=technique.tables, seed=settings.seed, isolate=technique.tables
        )
    write_bytes(models / f"{name}.tflite", variant.tflite)
    row = measure(name, technique.title, variant, None, kernels, 1, size, arena)
    row.stream = stream_form(settings.stream.frontend, *field)
    return row


def stream_form(frontend: str, field: int, stride: int) -> StreamForm:
    """What a detector in a stream takes and keeps; its receptive field and its stride [frames]."""
    step_ms = 1000 * stride * HOP / RATE
    return StreamForm(frontend=frontend, stride=stride, step_ms=step_ms, receptive_field=field)


def unpacked_file(work: Path, name: str) -> Path:
    """The file of a model from before its look-up tables.

    TFLite Micro computes the same bits with both. LiteRT is fifty times as fast here and runs only
    this one, so it scores the hours of sound.
    """
    return work / "unpacked" / f"{name}.tflite"


def stage_file(work: Path, name: str, keras_file: Path) -> Path:
    """The file of a stage's model; those that are trained from scratch are in the run folder."""
    if name == "stream":
        return keras_file.with_name("stream.keras")
    return keras_file if name == "baseline" else work / f"{name}.keras"


def _material(needs: str, settings: RunSettings, work: Path, keras_file: Path) -> Material:
    start_over(settings.seed)
    baseline = keras_files.load(keras_file)
    training = load_features(work, "train", baseline.input_shape[1:])
    return Material(
        model=baseline if needs == "baseline" else keras_files.load(work / f"{needs}.keras"),
        baseline=baseline,
        training=training,
        calibration=calibration(training, settings),
        recipes=settings.recipes,
        seed=settings.seed,
        positive=settings.positive,
        validation=load_features(work, "validation", baseline.input_shape[1:]),
        accuracy=functools.partial(_accuracy, settings.positive),
    )


def _accuracy(positive: int, tflite: bytes, clips: FeatureSet) -> float:
    """Accuracy as on the test clips."""
    return accuracy(LiteRT(tflite).predict(clips.x), clips.y, positive).value or 0.0
