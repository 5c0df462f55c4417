"""Measure any classifier .tflite on labelled clips: accuracy, confusion and size.

The interpreter is C++ and the file may come from anywhere. It runs in its own process, so that a
crash is an error message with a reason.
"""

from __future__ import annotations

import gzip
import tempfile
from pathlib import Path

import numpy as np

from stapes.contracts.evaluation import Evaluation
from stapes.data.clip import SPLITS
from stapes.data.features import gather
from stapes.errors import ModelError, UsageError
from stapes.frontends.frontend import Frontend
from stapes.frontends.registry import shapes
from stapes.measure.accuracy import accuracy
from stapes.measure.variant import confusion, interpreters
from stapes.run.own_model import unusable
from stapes.run.preparation import choose_clips, feature_cache, load_corpus, skipped_files
from stapes.run.settings import EvaluationSettings
from stapes.run.window import settled
from stapes.system.isolation import SECONDS, SECONDS_A_CLIP, Killed, Lost, isolated
from stapes.system.progress import SILENT, Progress
from stapes.targets.classifier import fits
from stapes.tflite.read.constants import constants, data_bytes, require_numbers
from stapes.tflite.read.file import read_tflite


def evaluate(
    model: Path, settings: EvaluationSettings, *, progress: Progress = SILENT
) -> Evaluation:
    """Measure a .tflite on the clips that a run with these settings would choose.

    Parameters
    ----------
    model : Path
        A classifier of one input and one output whose input fits the frontend.
    settings : EvaluationSettings
        `data` must be set; the word, the frontend, the seed, the split and `positive` are used too.

    Raises
    ------
    UsageError
        The model or the data is missing.
    ModelError
        The model is broken, refused by LiteRT, or does not fit the features.
    MissingExtraError
        The frontend's package is not installed.
    """
    content = _content(model)
    if settings.data is None:
        raise UsageError("--data: name the folder of clips to measure on.")
    settings.frontend.require()
    data, split = settings.data, settings.split
    settings = settled(settings, lambda: data, progress)
    corpus = load_corpus(data, settings, progress)
    with feature_cache(settings) as cache:
        # The order of a run: a clip that is in two splits goes to the same one.
        splits = SPLITS if split == "all" else SPLITS[SPLITS.index(split) :]
        chosen, skipped = choose_clips(corpus, settings, cache, progress, splits)
        parts = [chosen[name] for name in (SPLITS if split == "all" else (split,))]
        y = np.concatenate([part.y for part in parts])
        if not len(y):
            raise UsageError(f"--data {data}: no clip of the {split} split can be used.")
        progress.begin("Running the model")
        with tempfile.TemporaryDirectory(prefix="stapes-") as scratch:
            paths = [Path(scratch) / f"{number}.npy" for number in range(len(parts))]
            for part, path in zip(parts, paths, strict=True):
                gather(part, cache, path)
            scores = _scores(
                model, content, paths, settings.frontend, SECONDS + SECONDS_A_CLIP * len(y)
            )
        progress.end()
    if scores.shape[1] == 1 and settings.positive != 1:
        raise UsageError(
            f"--positive {settings.positive}: the model has one output, which is the word's; "
            "leave it out."
        )
    try:
        result = accuracy(scores, y, settings.positive)
    except ValueError as error:
        raise UsageError(f"--positive {settings.positive}: {error}.") from None
    return Evaluation(
        model=str(model),
        word=settings.word,
        data=str(data),
        synthetic=corpus.synthetic,
        split=split,
        split_rule=corpus.split_rule,
        bytes=len(content),
        data_bytes=data_bytes(content),
        gzip_bytes=len(gzip.compress(content, 9, mtime=0)),
        accuracy=result.value,
        accuracy_ci95=result.ci95,
        n=result.n,
        positives=int(y.sum()),
        negatives=int(len(y) - y.sum()),
        confusion=confusion(result),
        skipped=skipped_files(corpus, skipped),
    )


def _content(model: Path) -> bytes:
    content = read_tflite(model)
    try:
        # The interpreter trusts the offsets in the file: this verifies it.
        require_numbers(constants(content))
    except ModelError as error:
        raise ModelError(f"{model}: {error}") from None
    return content


def _scores(
    model: Path, content: bytes, features: list[Path], frontend: Frontend, seconds: float
) -> np.ndarray:
    try:
        parts = isolated(seconds, _run, content, features, frontend)
    except Killed:
        raise Killed(f"The process that ran {model}") from None
    except Lost as lost:
        raise unusable(model, lost) from None
    except ModelError as error:
        raise ModelError(f"{model}: {error}") from None
    scores = np.concatenate(parts)
    if not np.isfinite(scores).all():
        raise ModelError(f"{model} gives scores that are not numbers: train it again.")
    return scores


def _run(content: bytes, features: list[Path], frontend: Frontend) -> list[np.ndarray]:
    # TFLite Micro runs what LiteRT does not: look-up tables.
    targets, interpreter = interpreters(content)
    if interpreter is None:
        raise ModelError(targets["litert"].reason or "LiteRT refuses the model.")
    shape = interpreter.signature.input_shape[1:]
    if not fits(frontend.shape, shape):
        raise ModelError(
            f"its input is {list(shape)}, and the frontend {frontend.kind} gives "
            f"{list(frontend.shape)}: choose the --frontend that it was trained with ({shapes()})."
        )
    sets = [np.load(path, mmap_mode="r", allow_pickle=False) for path in features]
    return [interpreter.predict(x) for x in sets]
