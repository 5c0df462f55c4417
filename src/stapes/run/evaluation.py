"""Measure any classifier .tflite on labelled clips: accuracy, confusion and size.

The interpreter is C++ and the file may come from anywhere: it runs in a process of its own, so
that a crash in it is a refusal with a reason.
"""

from __future__ import annotations

import gzip
import tempfile
from pathlib import Path

import numpy as np

from stapes.contracts.evaluation import Evaluation
from stapes.contracts.measurements import SkippedFile
from stapes.data.clip import SPLITS
from stapes.data.features import gather
from stapes.errors import ModelError, UsageError
from stapes.frontends.frontend import Frontend
from stapes.frontends.registry import shapes
from stapes.measure.accuracy import accuracy
from stapes.measure.variant import confusion, interpreters
from stapes.run.preparation import choose_clips, feature_cache, load_corpus
from stapes.run.settings import EvaluationSettings
from stapes.system.isolation import SECONDS, Lost, isolated
from stapes.system.progress import Progress
from stapes.targets.classifier import fits
from stapes.tflite.read.constants import data_bytes
from stapes.tflite.read.file import read_tflite
from stapes.tflite.read.verify import verify

_SECONDS_A_CLIP = 0.5
"""Added to the limit: the reference CNN takes a thousandth of that."""


def evaluate(
    model: Path,
    settings: EvaluationSettings,
    *,
    progress: Progress | None = None,
) -> Evaluation:
    """Measure a .tflite on the clips that a run with these settings would choose.

    Parameters
    ----------
    model : Path
        A classifier of one input and one output whose input fits the frontend.
    settings : EvaluationSettings
        `data` must be set; the word, the frontend, the seed, the split and `positive` are used too.
    progress : Progress, optional

    Raises
    ------
    UsageError
        The model or the data is not there.
    ModelError
        The model is broken, refused by LiteRT, or does not fit the features.
    MissingExtraError
        The frontend's package is not installed.
    """
    progress = progress or Progress()
    content = _content(model)
    if settings.data is None:
        raise UsageError("--data: name the folder of clips to measure on.")
    settings.frontend.require()
    split = settings.split
    corpus = load_corpus(settings.data, settings)
    # The splits are chosen in the order of a run, so that a clip that stands in two is left to
    # the same one.
    with feature_cache(settings) as cache:
        splits = SPLITS if split == "all" else SPLITS[SPLITS.index(split) :]
        chosen, skipped = choose_clips(corpus, settings, cache, progress, splits)
        wanted = [chosen[name] for name in (SPLITS if split == "all" else (split,))]
        y = np.concatenate([part.y for part in wanted])
        if not len(y):
            raise UsageError(f"--data {settings.data}: no clip of the {split} split can be used.")
        progress.begin("Running the model")
        with tempfile.TemporaryDirectory(prefix="stapes-") as scratch:
            paths = [Path(scratch) / f"{number}.npy" for number in range(len(wanted))]
            for part, path in zip(wanted, paths, strict=True):
                gather(part, cache, path)
            scores = _scores(
                model, content, paths, settings.frontend, SECONDS + _SECONDS_A_CLIP * len(y)
            )
        progress.end()
    if scores.shape[1] == 1 and settings.positive != 1:
        raise UsageError(
            f"--positive {settings.positive}: the model has one output, taken for the word's; "
            "leave it out."
        )
    try:
        result = accuracy(scores, y, settings.positive)
    except ValueError as error:
        raise UsageError(f"--positive {settings.positive}: {error}.") from None
    everything = sorted((*corpus.skipped, *skipped), key=lambda each: each.file)
    return Evaluation(
        model=str(model),
        word=settings.word,
        data=str(settings.data),
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
        skipped=[SkippedFile(file=each.file, reason=each.reason) for each in everything],
    )


def _content(model: Path) -> bytes:
    content = read_tflite(model)
    try:
        # The interpreter trusts the offsets in the file.
        verify(content)
    except ModelError as error:
        raise ModelError(f"{model}: {error}") from None
    return content


def _scores(
    model: Path, content: bytes, features: list[Path], frontend: Frontend, seconds: float
) -> np.ndarray:
    try:
        parts = isolated(seconds, _run, content, features, frontend)
    except Lost as lost:
        raise ModelError(
            f"{model} cannot be run: {lost}. The file is broken, loops, or is far too large for a "
            "device: `stapes inspect` shows what is in it."
        ) from None
    except ModelError as error:
        raise ModelError(f"{model}: {error}") from None
    return np.concatenate(parts)


def _run(content: bytes, features: list[Path], frontend: Frontend) -> list[np.ndarray]:
    # Look-up tables are decoded by TFLite Micro alone.
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
