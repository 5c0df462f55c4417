"""The main job of `stapes search`: from a word and a budget to the best small model.

The steps, in order: choose clips and compute their features of every frontend (into the cache);
train the reference CNN, which teaches the trials and is compared with them; run the trials; measure
the best model for the budget and a few of the front on the test clips, which chose nothing; try the
targets; write results.json, the table and the page. The study and the trials' files stay. So a
search that was killed continues, and a finished one continues with more trials.
"""

from __future__ import annotations

import importlib.util
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from stapes.contracts.results import Data, Results, Search, Trial, VariantResult
from stapes.data.features import Chosen
from stapes.errors import MissingExtraError, UsageError
from stapes.models import backend
from stapes.report.about_words import cut_words
from stapes.report.writing import write_files
from stapes.run import record as records
from stapes.run.conclusion import compare, keep_sound
from stapes.run.feature_files import load_features
from stapes.run.making import train_baseline
from stapes.run.measurement import require_all, time_models, try_targets
from stapes.run.preparation import describe, digest, load_corpus, synthetic_folder
from stapes.run.record import Record
from stapes.run.window import windowed
from stapes.search import data as search_data
from stapes.search import shipping
from stapes.search.cluster import on_ray
from stapes.search.engines import Engine, Local
from stapes.search.front import OBJECTIVES, best, mark_front
from stapes.search.job import Cluster, SearchFolder, SearchJob
from stapes.search.settings import SearchSettings
from stapes.search.space import chains
from stapes.search.streams import search_streams
from stapes.search.study import open_study
from stapes.search.trials import run_trials
from stapes.system.files import sha256
from stapes.targets import tflm
from stapes.techniques.registry import TECHNIQUES


def search(job: SearchJob) -> Results:
    """Search for the best model of a word within a budget, and write the run folder.

    The folder is new, empty, or this search's own, which the search then continues.

    Raises
    ------
    UsageError
        A setting, the data or the folder is wrong; nothing was written.
    MissingExtraError
        Optuna, TFLite Micro, TensorFlow or Ray is not installed.
    StapesError
        The work failed, or nothing fits the budget; what was finished stays.
    """
    if job.settings.captures is not None:
        raise UsageError("--captures: a search does not learn from captures; a run does.")
    if job.settings.in_streams:
        _require(None)
        return search_streams(job, _techniques(job.settings))
    _require(job.cluster)
    job = _available(job)
    settings, folder, progress = job.settings, job.folder, job.progress
    techniques = _techniques(settings)
    if settings.continuous or settings.noise or settings.rooms:
        progress.note(
            "--continuous, --noise and --rooms have no effect: they are of a search of detectors "
            "in a stream, with a --metric like frr@1/h."
        )
    job = windowed(job)
    settings, folder = job.settings, job.folder
    folder.check()
    corpus = load_corpus(settings.data or synthetic_folder(job), settings, job.progress)
    clips = search_data.prepare(corpus, settings, progress)
    with folder.open(digest(clips.chosen)):
        folder.trials.mkdir(exist_ok=True)
        search_data.gather_all(clips, settings, folder.work)
        data = describe(corpus, settings, clips.chosen, clips.copies, clips.skipped)
        for sentence in cut_words(data.word_seconds, settings.frontend.window_seconds):
            progress.note(sentence)
        # The same workers for all steps: each imports TensorFlow, which takes seconds.
        local = Local(settings, folder.work, folder.log, job.jobs)
        with job.explained(), local:
            record = _begin(job, data, local)
            with (
                open_study(folder.study, settings, techniques) as study,
                _engine(job, local) as engine,
            ):
                trials = run_trials(job, study, engine)
            record.results.search = _summary(trials, settings, clips.used["validation"])
            shipping.ship_all(job, record.results, local)
        killed = _measure(job, record, clips.chosen["test"])
        record.save()
        write_files(record.results, folder.path)
        require_all(killed, job)
        folder.finish()
    return record.results


def _available(job: SearchJob) -> SearchJob:
    """The job without frontends whose packages are not installed."""
    installed = []
    for frontend in job.settings.frontends:
        try:
            frontend.require()
            installed.append(frontend)
        except MissingExtraError as error:
            if frontend is job.settings.frontends[-1] and not installed:
                raise
            extra = f"install stapes[{error.extra}]"
            job.progress.note(f"Left out: the frontend {frontend.kind} ({extra}).")
    settings = job.settings.model_copy(update={"frontends": tuple(installed)})
    return replace(job, settings=settings, folder=SearchFolder(job.folder.path, settings))


def _require(cluster: Cluster | None) -> None:
    backend.require()
    if importlib.util.find_spec("optuna") is None:
        raise MissingExtraError("A search", "search")
    tflm.require("Measuring an arena")
    if cluster == "ray" and importlib.util.find_spec("ray") is None:
        raise MissingExtraError("A search on a cluster", "cluster")


def _techniques(settings: SearchSettings) -> list[str]:
    if settings.model is not None:
        raise UsageError("--model: a search trains its models itself; leave it out.")
    missing = [name for name, technique in TECHNIQUES.items() if technique.missing]
    root = "stream" if settings.in_streams else "baseline"
    return chains(settings.techniques, missing, root=root)


def _engine(job: SearchJob, local: Local) -> AbstractContextManager[Engine]:
    if job.cluster == "ray":
        local.close()  # It starts again when it is used.
        return on_ray(job.settings, job.folder.work, job.jobs)
    return nullcontext(local)


def _begin(job: SearchJob, data: Data, local: Local) -> Record:
    """The record with the baseline, which is trained if it is missing; and its scores."""
    folder, progress = job.folder, job.progress
    earlier = records.earlier(folder)
    executor = local.executor()
    baseline = earlier.baseline if earlier else train_baseline(job, executor)
    baseline.sha256 = sha256(folder.baseline)
    record = records.begin(job, data, baseline)
    if earlier is None:
        # Otherwise the earlier results stay until there are more.
        record.save()
    progress.begin("Scoring the training clips by the baseline")
    executor.submit(shipping.teach, folder.features, folder.baseline, folder.work).result()
    progress.end()
    return record


def _summary(trials: list[Trial], settings: SearchSettings, validation: Chosen) -> Search:
    mark_front(trials)
    best_trial = best(trials, settings.budget)
    return Search(
        metric=settings.metric,
        objectives=list(OBJECTIVES),
        budget=dict(settings.budget.items()),
        validation_words=validation.positives,
        validation_others=validation.negatives,
        validation_copies=settings.validation_copies,
        trials=trials,
        best=None if best_trial is None else best_trial.number,
    )


def _measure(job: SearchJob, record: Record, test: Chosen) -> list[str]:
    settings, results = job.settings, record.results
    assert results.search is not None
    results.clips = records.clips_of(test)
    frontends = {
        trial.variant: str(trial.candidate["frontend"])
        for trial in results.search.trials
        if trial.variant
    }

    def clips(row: VariantResult) -> NDArray[np.float32]:
        kind = frontends.get(row.name, settings.frontend.kind)
        return np.asarray(load_features(job.folder.work / kind, "test").x)

    killed = [*try_targets(job, record, clips), *time_models(job, record)]
    compare(results, settings.false_positive_percent, settings.seed)
    keep_sound(results, test.clips, settings)
    results.recommendation = shipping.recommend(results, settings)
    return killed
