"""A search of detectors in a stream: the same steps as `search.pipeline`, on hours of sound.

The sound to train on and to validate with is prepared once, and all trials share it. The detector
that a run trains is the reference. The best model and a few of the front are measured in test
sound, as a run measures its rows: that sound chose nothing.
"""

from __future__ import annotations

from stapes.contracts.results import Data, Results, Search, Trial
from stapes.contracts.streams import Streams, StreamSound
from stapes.data.features import Chosen
from stapes.errors import UsageError
from stapes.frontends.registry import STREAMS
from stapes.report.writing import write_files
from stapes.run import record as records
from stapes.run import sound, stream_sound, stream_steps
from stapes.run.conclusion import FALSE_POSITIVE_PERCENT, compare, keep_sound
from stapes.run.making import train_stream_alone
from stapes.run.measurement import measure_rows, require_all
from stapes.run.preparation import (
    FEWEST,
    choose_clips,
    describe,
    digest,
    feature_cache,
    load_corpus,
    require_enough,
    synthetic_folder,
)
from stapes.run.record import Record
from stapes.run.sound import TestSound
from stapes.run.spoken import spoken_sentences
from stapes.run.stream_validation import Validation
from stapes.run.window import windowed
from stapes.search import shipping
from stapes.search.data import FEWEST_TO_VALIDATE
from stapes.search.engines import Local
from stapes.search.front import OBJECTIVES, best, mark_front
from stapes.search.job import SearchJob
from stapes.search.study import open_study
from stapes.search.trials import run_trials
from stapes.system.files import sha256


def search_streams(job: SearchJob, techniques: list[str]) -> Results:
    """Search with checked techniques; the errors are those of `pipeline.search`."""
    if job.cluster:
        raise UsageError(
            f"--cluster {job.cluster}: detectors in a stream are searched on this machine alone; "
            "omit it."
        )
    STREAMS[job.settings.stream.frontend].require()
    sound.check(job.settings)
    job = windowed(job)
    settings, folder = job.settings, job.folder
    folder.check()
    corpus = load_corpus(settings.data or synthetic_folder(job), settings)
    with feature_cache(settings) as cache:
        chosen, skipped = choose_clips(corpus, settings, cache, job.progress)
    require_enough(chosen, settings, {**FEWEST, "validation": FEWEST_TO_VALIDATE})
    with folder.open(digest(chosen)):
        folder.trials.mkdir(exist_ok=True)
        # Before hours of training, so that the user sees an error at once.
        measured = {"windows": False, "streams": True}
        spoken = spoken_sentences(job, corpus, **measured)
        tests = spoken.get("test", [])
        test_sound = sound.gather(job, corpus, chosen, skipped, **measured, spoken=tests)
        trained_on = stream_sound.prepare(job, corpus, chosen, skipped, spoken)
        data = describe(corpus, settings, chosen, 0, skipped)
        # The same workers for all steps: each imports TensorFlow, which takes seconds.
        local = Local(settings, folder.work, folder.log, job.jobs)
        with job.explained(), local:
            record = _begin(job, data, trained_on, local)
            with open_study(folder.study, settings, techniques) as study:
                trials = run_trials(job, study, local)
            record.results.search = _summary(job, record.results, trials)
            shipping.ship_all(job, record.results, local)
        killed = _measure(job, record, chosen["test"], test_sound)
        write_files(record.results, folder.path)
        require_all(killed, job)
        folder.finish()
    return record.results


def _begin(job: SearchJob, data: Data, trained_on: StreamSound, local: Local) -> Record:
    """The record with the reference, which is trained if it is missing."""
    folder = job.folder
    earlier = records.earlier(folder)
    if earlier is not None and earlier.streams is not None:
        baseline, streams = earlier.baseline, earlier.streams
    else:
        baseline = train_stream_alone(job, local.executor(), trained_on)
        streams = Streams(baseline=stream_steps.description(folder.work), sound=trained_on)
    baseline.sha256 = sha256(folder.baseline)
    record = records.begin(job, data, baseline)
    record.results.streams = streams
    if earlier is None:
        # Otherwise the earlier results stay until there are more.
        record.save()
    return record


def _summary(job: SearchJob, results: Results, trials: list[Trial]) -> Search:
    settings = job.settings
    assert results.streams is not None
    mark_front(trials)
    best_trial = best(trials, settings.budget)
    folder = stream_sound.folder_of(job.folder.work)
    reference = results.streams.baseline
    field, stride = reference.receptive_field, reference.stride
    validation = Validation(folder, settings, field, stride)
    return Search(
        metric=settings.metric,
        objectives=list(OBJECTIVES),
        budget=dict(settings.budget.items()),
        validation_words=validation.words,
        validation_others=0,
        validation_copies=0,
        validation_hours=validation.hours,
        trials=trials,
        best=None if best_trial is None else best_trial.number,
    )


def _measure(job: SearchJob, record: Record, test: Chosen, test_sound: TestSound) -> list[str]:
    settings, results = job.settings, record.results
    killed = measure_rows(job, record, test, test_sound)
    compare(results, FALSE_POSITIVE_PERCENT, settings.seed)
    keep_sound(results, test.clips, settings)
    results.recommendation = shipping.recommend_stream(results, settings)
    record.save()
    return killed
