"""The models of a run: the baseline, the stages that techniques share, and the variants.

Each is made in a worker process as soon as what it needs is there. A technique that fails does not
stop the others.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Executor, Future, wait
from dataclasses import dataclass
from pathlib import Path

from stapes.contracts.results import Baseline, Data, VariantResult
from stapes.contracts.streams import Streams, StreamSound
from stapes.report.terminal.tables import line
from stapes.run import record as records
from stapes.run import steps, stream_steps
from stapes.run.job import Job
from stapes.run.record import Record
from stapes.system.files import sha256, write_bytes
from stapes.techniques.registry import STAGES, TECHNIQUES, is_stream, stages_of

log = logging.getLogger("stapes")

_STAGE = "stage "
_STREAM = "stage stream"
_POLL_SECONDS = 0.5


@dataclass(frozen=True)
class Adopted:
    """The user's model as a baseline: its description, the converted file, and the user's hash."""

    baseline: Baseline
    file: Path
    sha256: str
    """Of the user's file."""


def make_models(
    job: Job,
    names: list[str],
    data: Data,
    adopted: Adopted | None,
    stream_sound: Callable[[], StreamSound],
) -> tuple[Record, dict[str, str]]:
    """Make the baselines and every variant that is missing.

    Parameters
    ----------
    stream_sound : callable
        Makes the training sound of detectors in a stream. It is called if one is missing.

    Returns
    -------
    record : Record
    failed : dict of str to str
        The reason by the technique's name.
    """
    record = records.resume(job, data)
    done = {row.name for row in record.results.variants} if record else set()
    missing = [name for name in names if name not in done]
    if record and not missing:
        return record, {}
    if adopted:
        write_bytes(job.folder.baseline, adopted.file.read_bytes())
    sound = stream_sound() if any(is_stream(name) for name in missing) else None
    with job.workers(len(missing) + 1) as executor:
        if record is None:
            if adopted:
                baseline = adopted.baseline
            elif job.folder.streams_only:
                assert sound is not None
                baseline = train_stream_alone(job, executor, sound)
            else:
                baseline = train_baseline(job, executor)
            baseline.sha256 = sha256(job.folder.baseline)
            record = records.begin(job, data, baseline)
            record.save()
        return record, _make_variants(job, missing, record, executor, sound)


def train_baseline(job: Job, executor: Executor) -> Baseline:
    """Train the baseline on the features in the work folder, in a worker process."""
    settings, folder, progress = job.settings, job.folder, job.progress
    progress.begin("Training the baseline")
    progress.update(0, settings.train.epochs)
    future = executor.submit(steps.train_baseline, settings, folder.features, folder.baseline)
    while wait([future], timeout=0.2).not_done:
        state = steps.training_progress(folder.features)
        if state:
            progress.update(*state)
    baseline = future.result()
    epoch = baseline.kept_epoch or len(baseline.history["loss"])
    metrics = ", ".join(
        f"{name} {values[epoch - 1]:.3f}" for name, values in baseline.history.items()
    )
    log.info("baseline: epoch %d kept: %s", epoch, metrics)
    progress.end(f"{baseline.parameters:,} parameters, epoch {epoch} kept; {metrics}")
    return baseline


def _make_variants(
    job: Job,
    missing: list[str],
    record: Record,
    executor: Executor,
    sound: StreamSound | None = None,
) -> dict[str, str]:
    """Make the stages and variants that are missing, and return the failures with their reasons."""
    progress = job.progress
    progress.begin("Making and measuring models")
    waiting = _needs(job, missing)
    if sound is not None and _STREAM not in waiting:
        _describe(job, record, sound)
    pending: dict[Future[VariantResult | None], str] = {}
    failed: dict[str, str] = {}
    total = len(waiting)
    while waiting or pending:
        unfinished = {*waiting, *pending.values()}
        ready = [name for name, needs in waiting.items() if needs not in unfinished]
        # What takes longest begins first, so that no worker is left alone with it.
        for name in sorted(ready, key=_trains, reverse=True):
            del waiting[name]
            pending[_submit(job, name, executor, sound)] = name
        progress.update(total - len(waiting) - len(pending), total, _under_way(job, pending))
        for future in wait(pending, timeout=_POLL_SECONDS, return_when=FIRST_COMPLETED).done:
            name = pending.pop(future)
            try:
                row = future.result()
            except BrokenExecutor:
                raise
            except Exception as error:
                log.info("%s failed: %s", name, error)
                failed[name] = (str(error).splitlines() or [type(error).__name__])[0]
                waiting = {other: needs for other, needs in waiting.items() if needs not in failed}
                continue
            log.info("%s is done", name)
            if row is not None:
                record.add(row)
                progress.note(line(row))
            elif name == _STREAM and sound is not None:
                _describe(job, record, sound)
    progress.end(f"{len(record.results.variants)} models")
    return failed


def _needs(job: Job, missing: list[str]) -> dict[str, str]:
    """The missing models, each with what it needs; a stage's name begins with `stage `."""
    work, baseline = job.folder.work, job.folder.baseline
    needs = {
        _STAGE + name: _STAGE + STAGES[name].needs
        for name in stages_of(missing)
        if not steps.stage_file(work, name, baseline).is_file()
    }
    if any(is_stream(name) for name in missing) and not stream_steps.is_trained(
        work, job.folder.stream
    ):
        # The longest, so it comes first.
        needs = {_STREAM: "", **needs}
    rows = {name: _STAGE + TECHNIQUES[name].needs for name in missing}
    if _STREAM in needs:
        # A crash may leave a stage of a training that is done again; its rows read the training.
        again = {name for name, stage in rows.items() if is_stream(name) and stage not in needs}
        rows |= dict.fromkeys(again, _STREAM)
    return needs | rows


def _trains(name: str) -> bool:
    """Whether a model is trained for it; of stages, always."""
    return name.startswith(_STAGE) or TECHNIQUES[name].trains


def _submit(
    job: Job, name: str, executor: Executor, sound: StreamSound | None
) -> Future[VariantResult | None]:
    files = (job.folder.work, job.folder.baseline)
    if name == _STREAM:
        assert sound is not None
        return executor.submit(
            steps.train_stream, job.settings, job.folder.work, job.folder.stream, sound.word_frames
        )
    if name.startswith(_STAGE):
        stage = name.removeprefix(_STAGE)
        return executor.submit(steps.make_stage, stage, job.settings, *files)
    return executor.submit(steps.make_variant, name, job.settings, *files, job.folder.models)


def train_stream_alone(job: Job, executor: Executor, sound: StreamSound) -> Baseline:
    """Train the detector in a stream where there is no window model; it is the only baseline."""
    folder, progress = job.folder, job.progress
    if not stream_steps.is_trained(folder.work, folder.stream):
        progress.begin("Training the detector in a stream")
        progress.update(0, job.settings.stream.epochs)
        future = executor.submit(
            steps.train_stream, job.settings, folder.work, folder.stream, sound.word_frames
        )
        while wait([future], timeout=_POLL_SECONDS).not_done:
            state = stream_steps.progress(folder.work)
            if state:
                progress.update(*state)
        future.result()
    trained = stream_steps.description(folder.work)
    progress.end(f"{trained.parameters:,} parameters, epoch {trained.kept_epoch} kept")
    return Baseline(
        parameters=trained.parameters,
        macs=trained.macs,
        history=trained.history,
        kept_epoch=trained.kept_epoch,
    )


def _describe(job: Job, record: Record, sound: StreamSound) -> None:
    record.results.streams = Streams(
        baseline=stream_steps.description(job.folder.work), sound=sound
    )
    record.save()


def _under_way(job: Job, pending: dict[Future[VariantResult | None], str]) -> str:
    """The names of what is being made; the detector in a stream with its epoch."""
    names = list(pending.values())
    state = stream_steps.progress(job.folder.work) if _STREAM in names else None
    if state is not None:
        epoch, epochs, detail = state
        names[names.index(_STREAM)] = f"{_STREAM} (epoch {epoch} of {epochs}, {detail})"
    return ", ".join(names)
