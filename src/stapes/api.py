"""The main verbs as Python functions with plain arguments."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from stapes.contracts.inspection import Inspection
from stapes.contracts.results import Evaluation, Results
from stapes.data.slug import slug
from stapes.frontends.frontend import Frontend
from stapes.model_files.inspection import converted, inspect_file
from stapes.model_files.slimming import Slimmed, slim_file
from stapes.run import evaluation, pipeline
from stapes.run.evaluation import SplitName
from stapes.run.folder import RunFolder
from stapes.run.job import Job
from stapes.run.recommendation import parse_budget
from stapes.run.settings import Limit, settle
from stapes.system.progress import SILENT, Progress
from stapes.targets.proof import INPUTS
from stapes.tflite.edit.slim import Runtime

PathLike = str | os.PathLike[str]


def run(
    *,
    word: str | None = None,
    data: PathLike | None = None,
    out: PathLike | None = None,
    negatives: PathLike | None = None,
    continuous: PathLike | None = None,
    noise: PathLike | None = None,
    target_fa_per_hour: float | None = None,
    budget: str | Mapping[Limit, float] | None = None,
    max_drop: float | None = None,
    model: PathLike | None = None,
    architecture: str | None = None,
    frontend: str | Mapping[str, Any] | Frontend | None = None,
    preset: str | None = None,
    techniques: str | None = None,
    seed: int | None = None,
    config: PathLike | None = None,
    quick: bool = False,
    jobs: int | None = None,
    progress: Progress | None = None,
    **settings: Any,
) -> Results:
    """Train, apply the techniques, measure every model, and write the run folder.

    Parameters
    ----------
    word : str, optional
        The wake word, "house" unless `config` says another.
    data : path, optional
        The folder of clips; without one, synthetic speech is made.
    out : path, optional
        The run folder; default: runs/<word>.
    negatives : path, optional
        A folder of speech without the word.
    continuous : path, optional
        A folder of recordings without the word, to count false accepts in; default: the negative
        test clips, joined.
    noise : path, optional
        A folder of noise; default: pink noise is made.
    target_fa_per_hour : float > 0, optional
        False accepts an hour that the threshold is chosen for [0.5].
    budget : str or mapping, optional
        Limits that a variant is recommended for: `flash=20k,arena=24k,latency=5ms`, or bytes and
        milliseconds by name.
    max_drop : float >= 0, optional
        Points of accuracy below float32 that may be lost [0.5].
    model : path, optional
        A trained model of your own in place of the baseline: .keras, .h5, SavedModel, or a float
        .tflite.
    architecture : {"reference_cnn", "temporal_cnn", "ds_cnn", "bc_resnet"}, optional
        Of the baseline that is trained; `sizes` sets its sizes, e.g. `sizes={"width": 16}`.
    frontend : str or mapping, optional
        Features that the model sees; a mapping has a `kind` and sizes.
    preset : {"default", "reference"}, optional
    techniques : str, optional
        "all", or names with commas between them.
    seed : int, optional
    config : path, optional
        A run.yaml, under the other arguments.
    quick : bool
        A try with few epochs.
    jobs : int, optional
        Worker processes; default: the cores.
    progress : Progress, optional
    **settings
        Any other field of `stapes.run.settings.RunSettings`, e.g. `negatives_per_positive=2`.

    Returns
    -------
    results : stapes.contracts.results.Results

    Raises
    ------
    stapes.errors.UsageError
        An argument or the data is wrong; nothing was written.
    stapes.errors.StapesError
        The work failed; what was finished is kept.
    """
    given = {
        "word": word,
        "data": absolute(data),
        "negatives": absolute(negatives),
        "continuous": absolute(continuous),
        "noise": absolute(noise),
        "budget": parse_budget(budget) if isinstance(budget, str) else budget,
        "max_drop": max_drop,
        "model": absolute(model),
        "architecture": architecture,
        "frontend": _frontend(frontend),
        "preset": preset,
        "techniques": techniques,
        "seed": seed,
        **settings,
    }
    if target_fa_per_hour is not None:
        detection = {**settings.get("detection", {}), "target_fa_per_hour": target_fa_per_hour}
        given["detection"] = detection
    settled = settle(given, config=path_of(config), quick=quick)
    folder = path_of(out) or Path("runs") / slug(settled.word)
    job = Job(settled, RunFolder(folder, settled), jobs or os.cpu_count() or 1, progress or SILENT)
    return pipeline.run(job)


def evaluate(
    model: PathLike,
    *,
    data: PathLike | None = None,
    word: str | None = None,
    negatives: PathLike | None = None,
    split: SplitName = "test",
    seed: int | None = None,
    positive: int | None = None,
    frontend: str | Mapping[str, Any] | Frontend | None = None,
    config: PathLike | None = None,
    progress: Progress | None = None,
) -> Evaluation:
    """Measure a classifier .tflite on labelled clips.

    Parameters
    ----------
    model : path
    data : path, optional
        The folder of clips; may come from `config`.
    word : str, optional
        The wake word.
    negatives : path, optional
        A folder of speech without the word.
    split : {"test", "train", "validation", "all"}
    seed : int, optional
        Draws the negative clips; a run's own seed gives the clips of that run.
    positive : int, optional
        The output that means the wake word, where there are several [1].
    frontend : str or mapping, optional
        That which the model was trained with.
    config : path, optional
        A run.yaml: its data, word, frontend, seed, split and `positive`.
    progress : Progress, optional

    Raises
    ------
    stapes.errors.UsageError
        An argument, the model or the data is wrong.
    stapes.errors.ModelError
        The model is broken or does not fit.
    """
    given = {
        "word": word,
        "data": absolute(data),
        "negatives": absolute(negatives),
        "seed": seed,
        "positive": positive,
        "frontend": _frontend(frontend),
    }
    settled = settle(given, config=path_of(config))
    return evaluation.evaluate(Path(model), settled, split=split, progress=progress)


def inspect(model: PathLike, *, progress: Progress | None = None) -> Inspection:
    """Read all that a model file says: ops, tensors, cost, weights, and where each byte goes.

    Parameters
    ----------
    model : path
        A .tflite; or a Keras model, which is converted first.
    progress : Progress, optional
        Is told of a conversion.

    Raises
    ------
    stapes.errors.UsageError
        It cannot be read.
    stapes.errors.ModelError
        It is broken.
    """
    shown = progress or Progress()

    def convert(path: Path) -> bytes:
        shown.begin(f"Converting {path}")
        content = converted(path)
        shown.end()
        return content

    return inspect_file(Path(model), convert=convert)


def slim(
    model: PathLike,
    output: PathLike,
    *,
    runtime: Runtime = "any",
    keep: Iterable[str] = (),
    lut: bool = False,
    inputs: int = INPUTS,
) -> Slimmed:
    """Take out of a .tflite what no interpreter reads, and prove that it computes the same.

    Parameters
    ----------
    model, output : path
        They may be the same.
    runtime : {"any", "tflm"}
        Who is to run it: LiteRT and TFLite Micro, or TFLite Micro alone.
    keep : iterable of str
        What to leave in for other tools: "names", "signatures", "metadata", "bias_scales".
    lut : bool
        Put constants with few distinct values into look-up tables, which TFLite Micro alone reads.
    inputs : int > 0
        How many inputs to prove it with.

    Raises
    ------
    stapes.errors.UsageError
        The call is wrong, or a file cannot be read or written.
    stapes.errors.ModelError
        It is broken, no interpreter runs it, or the result would not compute the same.
    stapes.errors.MissingExtraError
        TFLite Micro is not installed to prove it.
    """
    return slim_file(
        Path(model), Path(output), runtime=runtime, keep=frozenset(keep), lut=lut, inputs=inputs
    )


def _frontend(frontend: str | Mapping[str, Any] | Frontend | None) -> Any:
    return {"kind": frontend} if isinstance(frontend, str) else frontend


def path_of(path: PathLike | None) -> Path | None:
    """An argument as a path."""
    return None if path is None else Path(path)


def absolute(path: PathLike | None) -> Path | None:
    """An argument as a path that means the same from everywhere."""
    # run.yaml must mean the same folder wherever it is run again from.
    return None if path is None else Path(path).expanduser().resolve()
