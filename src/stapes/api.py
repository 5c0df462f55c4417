"""The verbs as Python functions; `**settings` are the fields of their settings models."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from stapes.contracts.evaluation import Evaluation
from stapes.contracts.inspection import Inspection
from stapes.contracts.results import Results, read
from stapes.data.slug import slug
from stapes.errors import UsageError
from stapes.export.exporting import export
from stapes.listen.listening import listen
from stapes.model_files.content import converted
from stapes.model_files.inspection import inspect_file
from stapes.model_files.settings import SlimSettings
from stapes.model_files.slimming import Slimmed, slim_file
from stapes.report.page.comparison import Comparison
from stapes.report.writing import write_comparison, write_report
from stapes.run import evaluation, pipeline
from stapes.run.corpora import data
from stapes.run.folder import RunFolder
from stapes.run.job import Job
from stapes.run.settings import QUICK, EvaluationSettings, RunSettings
from stapes.run.settle import over, settle, settle_as
from stapes.search import pipeline as search_pipeline
from stapes.search.job import Cluster, SearchFolder, SearchJob
from stapes.search.settings import QUICK as QUICK_SEARCH
from stapes.search.settings import SearchSettings
from stapes.search.words import search_words
from stapes.system.arguments import known_arguments, with_settings
from stapes.system.options import (
    PathLike,
    checked,
    nested,
    split_names,
    unknown,
)
from stapes.system.progress import SILENT, Progress

__all__ = [
    "data",
    "evaluate",
    "export",
    "inspect",
    "listen",
    "load",
    "report",
    "run",
    "search",
    "slim",
]


@with_settings(RunSettings)
def run(
    *,
    out: PathLike | None = None,
    config: PathLike | None = None,
    quick: bool = False,
    jobs: int | None = None,
    progress: Progress | None = None,
    **settings: Any,
) -> Results:
    """Train a model, apply the techniques, measure every variant, and write the run folder.

    Parameters
    ----------
    **settings
    out : path, optional
    config : path, optional
    quick : bool
    jobs : int, optional
    progress : Progress, optional

    Returns
    -------
    results : Results

    Raises
    ------
    UsageError
        An argument or the data is wrong; nothing was written.
    StapesError
        The work failed; what was finished is kept.

    Examples
    --------
    >>> results = run(word="computer", data="recordings")  # doctest: +SKIP
    >>> results["int8"].accuracy  # doctest: +SKIP
    """
    settled = settle(settings, config=_path(config), quick=quick)
    folder = RunFolder(_path(out) or Path("runs") / slug(settled.word), settled)
    return pipeline.run(Job(settled, folder, jobs or os.cpu_count() or 1, progress or SILENT))


@with_settings(SearchSettings)
def search(
    *,
    words: str | Sequence[str] | None = None,
    out: PathLike | None = None,
    config: PathLike | None = None,
    quick: bool = False,
    jobs: int | None = None,
    cluster: Cluster | None = None,
    progress: Progress | None = None,
    **settings: Any,
) -> Results | dict[str, Results]:
    """Search for the smallest model of a word under a budget, and write the run folder.

    A search that began in the folder continues.

    Parameters
    ----------
    **settings
    words : str or sequence of str, optional
    out : path, optional
    config : path, optional
    quick : bool
    jobs : int, optional
    cluster : "ray", optional
    progress : Progress, optional

    Returns
    -------
    results : Results, or dict of str to Results
        For `words`, by the names of the words' folders.

    Raises
    ------
    UsageError
        An argument or the data is wrong; nothing was written.
    StapesError
        The work failed, or nothing fits the budget; what was finished is kept.
    """
    processes = jobs or os.cpu_count() or 1
    few = over(QUICK, QUICK_SEARCH) if quick else {}

    def settled(**word: str) -> SearchSettings:
        arguments = {**settings, **word}
        return settle_as(SearchSettings, arguments, config=_path(config), quick=few)

    def begin(one: SearchSettings, folder: Path) -> Results:
        place = SearchFolder(folder, one)
        return search_pipeline.search(SearchJob(one, place, processes, progress or SILENT, cluster))

    if cluster not in (None, "ray"):
        raise UsageError(f"--cluster: {unknown(cluster, ['ray'])}.")
    if words is None:
        one = settled()
        return begin(one, _path(out) or Path("runs") / f"search-{slug(one.word)}")
    if settings.get("word") is not None:
        raise UsageError("--words: it names the words already; omit --word.")
    searches = [settled(word=word) for word in split_names(words)]
    root = _path(out) or Path("runs") / "search"
    return search_words(searches, root, begin, progress or SILENT)


@with_settings(EvaluationSettings)
def evaluate(
    model: PathLike,
    *,
    config: PathLike | None = None,
    progress: Progress | None = None,
    **settings: Any,
) -> Evaluation:
    """Measure a classifier .tflite on the labelled clips that a run would choose.

    Parameters
    ----------
    model : path
    **settings
    config : path, optional
    progress : Progress, optional

    Raises
    ------
    UsageError
        An argument, the model or the data is wrong.
    ModelError
        The model is broken or does not fit.
    """
    settled = settle_as(EvaluationSettings, settings, config=_path(config), quick={})
    return evaluation.evaluate(Path(model), settled, progress=progress or SILENT)


@known_arguments
def inspect(model: PathLike, *, progress: Progress | None = None) -> Inspection:
    """Show what is in a model file: ops, tensors, cost, weights, and where each byte goes.

    Parameters
    ----------
    model : path
        A .tflite; or a Keras model, which is converted first.
    progress : Progress, optional

    Raises
    ------
    UsageError
        It cannot be read.
    ModelError
        It is broken.
    """
    steps = progress or SILENT

    def convert(path: Path) -> bytes:
        steps.begin(f"Converting {path}")
        content = converted(path)
        steps.end()
        return content

    return inspect_file(Path(model), convert=convert)


@with_settings(SlimSettings)
def slim(
    model: PathLike, output: PathLike, *, progress: Progress | None = None, **settings: Any
) -> Slimmed:
    """Remove from a .tflite what no interpreter reads, and prove that it computes the same.

    Parameters
    ----------
    model : path
        A .tflite; or a Keras model, which is converted first.
    output : path
        It may be `model`.
    progress : Progress, optional
    **settings

    Raises
    ------
    UsageError
        The call is wrong, or a file cannot be read or written.
    ModelError
        It is broken, no interpreter runs it, or the result would not compute the same.
    MissingExtraError
        TFLite Micro is not installed to prove it.
    """
    settled = checked(SlimSettings, nested(SlimSettings, settings), called=settings)
    progress = progress or SILENT
    progress.begin(f"Slimming {model} and proving it")
    slimmed = slim_file(Path(model), Path(output), settled, progress)
    progress.end()
    return slimmed


@known_arguments
def report(
    run: PathLike,
    other: PathLike | None = None,
    *,
    page: PathLike | None = None,
    plot: PathLike | None = None,
) -> Results | Comparison:
    """Write the page and the CSV of a run again, or a page that compares two runs.

    Parameters
    ----------
    run, other : path
        Folders of runs.
    page : path, optional
    plot : path, optional

    Raises
    ------
    UsageError
        The call is wrong.
    StapesError
        A results.json is missing or broken.
    """
    if other is None:
        return write_report(Path(run), page=_path(page), plot=_path(plot))
    if plot is not None:
        raise UsageError("--plot: it draws one run; name one run, or omit it.")
    return write_comparison(Path(run), Path(other), page=_path(page))


@known_arguments
def load(run: PathLike) -> Results:
    """Read the results of a run folder.

    Raises
    ------
    StapesError
        Its results.json is missing or broken.

    Examples
    --------
    >>> load("runs/computer")["int8"].accuracy  # doctest: +SKIP
    """
    return read(Path(run) / "results.json")


def _path(path: PathLike | None) -> Path | None:
    return None if path is None else Path(path)
