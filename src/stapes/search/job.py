"""The main job of `stapes search`: from a word and a budget to the smallest model that was found.

The steps, in order: choose clips and compute their features of every frontend (into the cache);
train the reference CNN, which teaches and is what all is held against; run the trials; measure the
best model for the budget and a few of the front on the test clips, which nothing was chosen by; try
the targets; write results.json, the table and the page. The study and the trials' files stay, so
that a search that was killed goes on, and a finished one goes on with more trials.
"""

from __future__ import annotations

import contextlib
import importlib.util
import logging
import os
from collections.abc import Iterator
from concurrent.futures import BrokenExecutor
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from stapes.contracts import results as results_file
from stapes.contracts.measurements import TestClip
from stapes.contracts.results import Baseline, Data, Results, Search, Trial, VariantResult
from stapes.data.features import Chosen
from stapes.errors import MissingExtraError, StapesError, UsageError
from stapes.models import backend
from stapes.report.writing import write_files
from stapes.run import measurement as measuring
from stapes.run import steps
from stapes.run.conclusion import compare, keep_sound
from stapes.run.folder import RunFolder, versions
from stapes.run.pipeline import train_baseline
from stapes.run.preparation import describe, digest, load_corpus, synthetic_folder
from stapes.search import cluster as clusters
from stapes.search import data as search_data
from stapes.search import shipping
from stapes.search.engines import Engine, Local
from stapes.search.front import OBJECTIVES, best, mark_front, thin_front
from stapes.search.settings import LATER, SearchSettings
from stapes.search.space import chains
from stapes.search.study import open_study
from stapes.search.trials import run_trials
from stapes.system.files import send_output_to, sha256
from stapes.system.progress import Progress
from stapes.system.workers import pool
from stapes.targets import tflm
from stapes.techniques.registry import TECHNIQUES

Cluster = Literal["ray"]

log = logging.getLogger("stapes")


class SearchFolder(RunFolder):
    """A run folder with the study and the trials' files in it."""

    command = "search"
    later = LATER

    def __init__(self, path: Path, settings: SearchSettings) -> None:
        super().__init__(path, settings)
        self.study = path / "study.db"
        self.trials = path / "trials"


def search(
    settings: SearchSettings,
    out: Path,
    *,
    jobs: int | None = None,
    cluster: Cluster | None = None,
    progress: Progress | None = None,
) -> Results:
    """Search for the smallest model of a word, and write the run folder.

    Parameters
    ----------
    settings : SearchSettings
    out : Path
        The run folder: new, empty, or this search's own, which then goes on.
    jobs : int > 0, optional
        Worker processes; default: the cores. It does not change any result.
    cluster : "ray", optional
        Where the trials run, if not in processes of this machine.
    progress : Progress, optional
        Is told what is happening.

    Returns
    -------
    results : Results
        What results.json holds.

    Raises
    ------
    UsageError
        A setting, the data or the folder is wrong; nothing was written.
    MissingExtraError
        Optuna, TFLite Micro, TensorFlow or Ray is not installed.
    StapesError
        The work failed, or nothing fits the budget; what was finished is kept.
    """
    progress = progress or Progress()
    jobs = jobs or os.cpu_count() or 1
    _require(cluster)
    settings = available(settings, progress)
    techniques = _techniques(settings)
    folder = SearchFolder(out, settings)
    folder.check()
    root = settings.data or synthetic_folder(settings, jobs, progress)
    corpus = load_corpus(root, settings)
    clips = search_data.prepare(corpus, settings, progress)
    with folder.open(digest(clips.chosen)):
        folder.trials.mkdir(exist_ok=True)
        search_data.gather_all(clips, settings, folder.work)
        data = describe(corpus, settings, clips.chosen, clips.copies, clips.skipped)
        results = _begun(settings, folder, data, progress)
        with (
            open_study(folder.study, settings, techniques) as study,
            _engine(settings, folder, jobs, cluster) as engine,
        ):
            trials = run_trials(study, settings, engine, folder.trials, progress)
        results.search = _found(trials, settings, clips.used["validation"])
        try:
            _ship(results, settings, folder, jobs, progress)
            _measure(results, clips.chosen["test"], settings, folder, jobs, progress)
        except BrokenExecutor:
            raise StapesError(
                f"A worker process died (out of memory?); {folder.log} may say why. The same "
                "command goes on from here."
            ) from None
        results_file.write(results, folder.results)
        write_files(results, folder.path)
        folder.finish()
    return results


def available(settings: SearchSettings, progress: Progress | None = None) -> SearchSettings:
    """The settings without frontends that need an extra which is not installed."""
    installed = []
    for frontend in settings.frontends:
        try:
            frontend.require()
            installed.append(frontend)
        except MissingExtraError as error:
            if frontend is settings.frontends[-1] and not installed:
                raise
            if progress:
                extra = f"install stapes[{error.extra}]"
                progress.note(f"Left out: the frontend {frontend.kind} ({extra}).")
    return settings.model_copy(update={"frontends": tuple(installed)})


def _require(cluster: Cluster | None) -> None:
    backend.require()
    if importlib.util.find_spec("optuna") is None:
        raise MissingExtraError("A search", "search")
    if not tflm.available():
        raise MissingExtraError("Measuring an arena", "micro")
    if cluster == "ray":
        clusters.require()


def _techniques(settings: SearchSettings) -> list[str]:
    if settings.model is not None:
        raise UsageError("--model: a search trains its models itself; leave it out.")
    missing = [name for name, each in TECHNIQUES.items() if each.missing]
    return chains(settings.techniques, missing)


@contextlib.contextmanager
def _engine(
    settings: SearchSettings, folder: SearchFolder, jobs: int, cluster: Cluster | None
) -> Iterator[Engine]:
    if cluster == "ray":
        with clusters.on_ray(settings, folder.work, jobs) as ray:
            yield ray
    else:
        with Local(settings, folder.work, folder.log, jobs) as processes:
            yield processes


def _begun(
    settings: SearchSettings, folder: SearchFolder, data: Data, progress: Progress
) -> Results:
    """The results with the baseline alone, trained if it is not there; and its scores."""
    where = folder.work / settings.frontend.kind
    with pool(1, send_output_to, (folder.log.resolve(),)) as executor:
        baseline = _finished(folder)
        is_new = baseline is None
        if baseline is None:
            baseline = train_baseline(settings, where, folder.baseline, executor, progress)
            baseline.sha256 = sha256(folder.baseline)
        results = Results(
            word=settings.word,
            seed=settings.seed,
            preset=settings.preset,
            versions=versions(),
            data=data,
            baseline=baseline,
            variants=[],
            settings=folder.said["settings"],
        )
        if is_new:
            # What an earlier end of this search found stays until there is more.
            results_file.write(results, folder.results)
        progress.begin("Hearing what the baseline says of the training clips")
        executor.submit(shipping.teach, where, folder.baseline, folder.work).result()
        progress.end()
    return results


def _finished(folder: SearchFolder) -> Baseline | None:
    """The baseline of an earlier try, if it is whole."""
    if not folder.results.is_file() or not folder.baseline.is_file():
        return None
    try:
        found = results_file.read(folder.results)
    except StapesError as error:
        log.warning("%s", error)
        return None
    return found.baseline if sha256(folder.baseline) == found.baseline.sha256 else None


def _found(trials: list[Trial], settings: SearchSettings, validation: Chosen) -> Search:
    mark_front(trials)
    chosen = best(trials, settings.budget)
    return Search(
        metric=settings.metric,
        objectives=list(OBJECTIVES),
        budget=dict(settings.budget.items()),
        validation_words=validation.positives,
        validation_others=validation.negatives,
        validation_copies=settings.validation_copies,
        trials=trials,
        best=None if chosen is None else chosen.number,
    )


def _ship(
    results: Results,
    settings: SearchSettings,
    folder: SearchFolder,
    jobs: int,
    progress: Progress,
) -> None:
    """Make the rows: float32, the best model, and those of the front, measured on test clips."""
    search = results.search
    assert search is not None
    chosen = next((trial for trial in search.trials if trial.number == search.best), None)
    front = [trial for trial in thin_front(search.trials, settings.front) if trial is not chosen]
    for trial in search.trials:
        trial.variant = None
    named = {"best": chosen} if chosen else {}
    named |= {f"trial_{trial.number}": trial for trial in front}
    progress.begin("Measuring the models that were found on the test clips")
    for left in folder.models.glob("*.tflite"):
        left.unlink()  # Of an earlier end of this search.
    with pool(min(jobs, 1 + len(named)), send_output_to, (folder.log.resolve(),)) as executor:
        where = folder.work / settings.frontend.kind
        baseline = executor.submit(
            steps.make_variant, "float32", settings, where, folder.baseline, folder.models
        )
        futures = {
            name: executor.submit(shipping.ship, name, trial, settings, folder.path, folder.work)
            for name, trial in named.items()
        }
        results.variants = [baseline.result(), *(each.result() for each in futures.values())]
    results.baseline.accuracy = results.variants[0].accuracy
    for name, trial in named.items():
        trial.variant = name
    progress.end(f"{len(results.variants)} models")


def _measure(
    results: Results,
    test: Chosen,
    settings: SearchSettings,
    folder: SearchFolder,
    jobs: int,
    progress: Progress,
) -> None:
    assert results.search is not None
    results.clips = [
        TestClip(name=clip.name, label=clip.label, word=bool(y))
        for clip, y in zip(test.clips, test.y, strict=True)
    ]
    frontends = {
        trial.variant: str(trial.candidate["frontend"])
        for trial in results.search.trials
        if trial.variant
    }

    def clips(row: VariantResult) -> NDArray[np.float32]:
        kind = frontends.get(row.name, settings.frontend.kind)
        return np.asarray(steps.load_features(folder.work / kind, "test").x)

    measuring.try_targets(results, clips, settings, folder, jobs, progress)
    measuring.time_models(results, folder, progress)
    compare(results, settings.false_positive_percent, settings.seed)
    keep_sound(results, test.clips, settings)
    results.recommendation = shipping.recommend(results, settings)
