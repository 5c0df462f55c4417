"""The main job: from a word to a table of measured models.

The steps, in order: check that the run may have its folder; read the user's model, if there is
one; make or list the corpus; choose clips and compute features (into the cache); make the models
(`making`); measure them in continuous sound and on the targets, and compare them (`measurement`);
write the table and the page.

Nothing is written to the folder before the features are computed. results.json gets a row for each
variant (`record`), and each step's file is whole or absent. So a run that was killed continues, and
its bytes are the same at the end: every step starts from files and the seed. Latencies, and what
depends on them, are never the same twice.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from stapes.contracts.results import Results
from stapes.data.stream.frames import HOP
from stapes.data.stream.mixing import RATE
from stapes.errors import StapesError, UsageError
from stapes.frontends.registry import STREAMS
from stapes.measure.device_rule import DeviceRule
from stapes.models import backend
from stapes.report.about_words import cut_words
from stapes.report.writing import write_files
from stapes.run import before, captures, own_model, sound, stream_sound
from stapes.run.feature_files import gather_splits
from stapes.run.job import Job
from stapes.run.making import Adopted, make_models
from stapes.run.measurement import measure_all, require_all
from stapes.run.preparation import (
    advice,
    choose_clips,
    describe,
    digest,
    feature_cache,
    load_corpus,
    require_enough,
    synthetic_folder,
    training_copies,
    with_copies,
)
from stapes.run.settings import RunSettings
from stapes.run.spoken import spoken_sentences
from stapes.run.window import windowed
from stapes.system.isolation import SECONDS, Killed, Lost, isolated
from stapes.techniques.registry import is_stream
from stapes.techniques.selection import left_out, select


def run(job: Job) -> Results:
    """Train a baseline, apply the techniques, measure every model, and write the run folder.

    The folder is new, empty, or this run's own, which the run then completes.

    Raises
    ------
    UsageError
        A setting, the data or the folder is wrong; nothing was written.
    StapesError
        The work failed, and what was finished stays; or an extra is not installed.
    """
    settings, folder = job.settings, job.folder
    _check(settings)
    # A user who brings a model asks for that model: a detector in a stream must be named.
    options: dict[str, Any] = {
        "from_file": folder.from_file,
        "own": settings.model is not None,
        "frontend": STREAMS[settings.stream.frontend],
    }
    names = select(settings.techniques, **options)
    for sentence in left_out(settings.techniques, **options):
        job.progress.note(sentence)
    settings.frontend.require()
    streams = any(is_stream(name) for name in names)
    captures.check(settings, streams=streams)
    before.check(settings, folder.path)
    if streams:
        _check_rule(settings)
    if streams or not folder.from_file:
        backend.require()
    job = windowed(job)
    settings, folder = job.settings, job.folder
    folder.check()
    if settings.model is None:
        return _run(job, names, None)
    with tempfile.TemporaryDirectory(prefix="stapes-") as scratch:
        return _run(job, names, _adopted(job, Path(scratch) / folder.baseline.name))


def _check(settings: RunSettings) -> None:
    if settings.model is None and settings.positive != 1:
        raise UsageError("--positive: is for a --model of your own; leave it out.")
    if settings.model is None and settings.logits:
        raise UsageError("--logits: is for a --model of your own; leave it out.")
    if settings.model is not None and (settings.architecture, settings.sizes) != (
        RunSettings.model_fields["architecture"].default,
        {},
    ):
        raise UsageError("--architecture: a --model of your own has one already; leave it out.")
    sound.check(settings)


def _check_rule(settings: RunSettings) -> None:
    stride, window = settings.stream.stride, settings.detection.sliding_window
    try:
        DeviceRule(stride * HOP / RATE, stride, window)
    except ValueError as error:
        raise UsageError(f"detection.sliding_window: {error}; choose a smaller one.") from None


def _run(job: Job, names: list[str], adopted: Adopted | None) -> Results:
    settings, folder, progress = job.settings, job.folder, job.progress
    corpus = load_corpus(settings.data or synthetic_folder(job), settings, progress)
    corpus = captures.with_captures(corpus, job)
    with feature_cache(settings) as cache:
        chosen, skipped = choose_clips(corpus, settings, cache, progress)
        require_enough(chosen, settings)
        for sentence in advice(corpus, chosen):
            progress.note(sentence)
        copies = training_copies(chosen, settings)
        used = with_copies(chosen, {"train": copies}, settings, cache, progress)
        with folder.open(digest(chosen, corpus.captures), adopted.sha256 if adopted else None):
            gather_splits(used, cache, folder.features)
            data = describe(corpus, settings, chosen, copies, skipped)
            if not folder.streams_only:
                for sentence in cut_words(data.word_seconds, settings.frontend.window_seconds):
                    progress.note(sentence)
            # Before hours of training, so that the user sees an error at once.
            streams = any(is_stream(name) for name in names)
            windows = settings.detect == "all" and not folder.streams_only
            measured = {"windows": windows, "streams": streams}
            spoken = spoken_sentences(job, corpus, **measured)
            test_sound = sound.gather(
                job, corpus, chosen, skipped, **measured, spoken=spoken.get("test", [])
            )
            record, failed = make_models(
                job,
                names,
                data,
                adopted,
                lambda: stream_sound.prepare(job, corpus, chosen, skipped, spoken),
            )
            killed = measure_all(job, record, chosen["test"], test_sound)
            write_files(record.results, folder.path)
            if failed:
                reasons = "; ".join(f"{name} ({reason})" for name, reason in failed.items())
                raise StapesError(
                    f"Not made: {reasons}. {folder.log} has more; the other models are kept: "
                    f"`stapes report {folder.path}` shows them."
                )
            require_all(killed, job)
            folder.finish()
    return record.results


def _adopted(job: Job, target: Path) -> Adopted:
    """The user's model, read in its own process: it may come from anywhere."""
    settings, progress = job.settings, job.progress
    assert settings.model is not None
    progress.begin(f"Reading {settings.model}")
    try:
        baseline = isolated(SECONDS, own_model.adopt, settings, target)
    except Killed:
        raise Killed(f"The process that read {settings.model}") from None
    except Lost as lost:
        raise own_model.unusable(settings.model, lost) from None
    progress.end(f"{baseline.parameters:,} parameters")
    return Adopted(baseline, target, own_model.digest(settings.model))
