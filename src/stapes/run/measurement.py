"""Measure a run's variants when all are made: in continuous sound and on the targets.

Earlier measurements of the same run stay. Latencies come last and one by one, when nothing else
runs.
"""

from __future__ import annotations

import contextlib
import functools
import queue
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from stapes.contracts.measurements import TargetResult
from stapes.contracts.results import Results, VariantResult
from stapes.contracts.streams import StreamForm
from stapes.data.features import Chosen
from stapes.data.stream.mixing import RATE
from stapes.errors import StapesError
from stapes.frontends.numerics.stream import BINS, real
from stapes.frontends.registry import STREAMS
from stapes.measure.on_targets import KILLED, latency_of, targets_of
from stapes.run import before, detection, stream_detection
from stapes.run.conclusion import conclude
from stapes.run.feature_files import load_features
from stapes.run.folder import RunFolder
from stapes.run.job import Job
from stapes.run.record import Record, clips_of
from stapes.run.sound import TestSound
from stapes.system.isolation import Child, Killed
from stapes.targets.registry import TARGETS

_COMPARED_SECONDS = 3600.0
"""Of sound without the word, in which every interpreter is compared with LiteRT, step by step."""


def measure_all(job: Job, record: Record, test: Chosen, sound: TestSound) -> list[str]:
    """Measure every variant, compare them, and save the record after each step.

    `test` are the test clips, and detection is measured in `sound`. Returns what `require_all`
    takes.
    """
    killed = measure_rows(job, record, test, sound)
    results = record.results
    conclude(results, test.clips, job.settings)
    heard = None
    if sound.streams is not None and sound.clips is not None:
        heard = stream_detection.Heard(sound.streams, sound.clips)
    results.before = before.compare(job, results, heard)
    record.save()
    return killed


def require_all(killed: list[str], job: Job) -> None:
    """Raise StapesError if a measurement is missing because its process was killed.

    The results are written before, without it. The same command measures it.
    """
    if killed:
        raise StapesError(
            f"Not measured: {'; '.join(killed)}. A process was killed each time, perhaps for lack "
            f"of memory. All else is kept: the same command measures them in {job.folder.path}."
        )


def measure_rows(job: Job, record: Record, test: Chosen, sound: TestSound) -> list[str]:
    """Measure every variant, and save the record after each step; see `measure_all`."""
    record.results.clips = clips_of(test)
    _measure_detection(job, record.results, sound)
    record.save()
    x = np.zeros(0, np.float32)
    if any(row.stream is None for row in record.results.variants):
        x = np.asarray(load_features(job.folder.features, "test").x)
    frames = _stream_frames(job, sound)
    clips = functools.partial(_clips, x, frames)
    return [*try_targets(job, record, clips), *time_models(job, record)]


def _clips(
    x: NDArray[np.float32], frames: NDArray[np.float32], row: VariantResult
) -> NDArray[np.float32]:
    return x if row.stream is None else _steps(frames, row.stream)


def _measure_detection(job: Job, results: Results, sound: TestSound) -> None:
    if sound.any is None:
        return
    if not sound.any.recordings or not sound.any.words.pieces:
        job.progress.note(
            "Detection is not measured, because there is too little sound without the word. Name a "
            "folder of recordings with --continuous."
        )
        return
    digest = sound.digest(job.settings)
    detection.forget_other_sound(results, digest, job.folder.work)
    wanted = [row for row in results.variants if row.detection is None and _is_measured(row, sound)]
    if results.detection is not None and not wanted:
        return
    with job.workers(len(results.variants)) as executor:
        if sound.windows is not None:
            detection.detect(job, results, sound.windows, executor)
        if sound.streams is not None and sound.clips is not None:
            heard = stream_detection.Heard(sound.streams, sound.clips)
            stream_detection.detect(job, results, heard, executor)
    results.detection = detection.setup(sound, job.settings, digest)


def _is_measured(row: VariantResult, sound: TestSound) -> bool:
    """Whether the sound is for this row. A model of windows that nothing runs has no scores."""
    if row.stream is not None:
        return sound.streams is not None
    return sound.windows is not None and bool(row.scores)


def _stream_frames(job: Job, sound: TestSound) -> NDArray[np.float32]:
    """An hour of the sound at most, as features [frames, 40], to compare interpreters with."""
    if sound.streams is None or not sound.streams.background.samples:
        return np.zeros((0, BINS), np.float32)
    samples = sound.streams.background.open()[: round(_COMPARED_SECONDS * RATE)]
    # From a word too, where scores are high.
    words = sound.streams.words.open()[: round(_COMPARED_SECONDS * RATE) // 10]
    frontend = STREAMS[job.settings.stream.frontend]
    return real(frontend.stream(np.concatenate([samples, words])))


def _steps(frames: NDArray[np.float32], form: StreamForm) -> NDArray[np.float32]:
    """The inputs of a detector in a stream [shape=(steps, stride, 40)]."""
    steps = len(frames) // form.stride
    return frames[: steps * form.stride].reshape(steps, form.stride, -1)


def try_targets(
    job: Job, record: Record, clips: Callable[[VariantResult], NDArray[np.float32]]
) -> list[str]:
    """Try every variant on every target, some at a time, each in its own child.

    A variant whose child was killed is tried again alone: others may have taken the memory.

    `clips` returns the test clips' features for a variant: variants may differ in their frontend.

    Returns
    -------
    killed : list of str
        The variants whose child was killed again, and the targets.
    """
    rows, progress = record.results.variants, job.progress
    if not _missing(rows):
        return []
    progress.begin("Trying the targets")
    _try(job, record, clips, _missing(rows), job.jobs)
    if again := _missing(rows):
        _try(job, record, clips, again, 1)
    counts = {name: sum(row.targets[name].runs for row in rows) for name in TARGETS}
    progress.end(", ".join(f"{counts[name]} in {TARGETS[name].title}" for name in TARGETS))
    return [
        f"{row.name} ({', '.join(TARGETS[name].title for name in names)})"
        for row in _missing(rows)
        if (names := [name for name in TARGETS if row.targets[name].reason == KILLED])
    ]


def _missing(rows: list[VariantResult]) -> list[VariantResult]:
    return [row for row in rows if any(_untried(row, name) for name in TARGETS)]


def _try(
    job: Job,
    record: Record,
    clips: Callable[[VariantResult], NDArray[np.float32]],
    missing: list[VariantResult],
    workers: int,
) -> None:
    workers = min(workers, len(missing))
    children: queue.SimpleQueue[Child] = queue.SimpleQueue()

    def try_all(row: VariantResult) -> dict[str, TargetResult]:
        child = children.get()
        try:
            return targets_of(
                _content(row, job.folder),
                clips(row),
                job.settings.positive,
                child=child,
                frontend=None if row.stream is None else row.stream.frontend,
            )
        finally:
            children.put(child)

    with contextlib.ExitStack() as stack:
        threads = stack.enter_context(ThreadPoolExecutor(workers))
        stack.callback(threads.shutdown, wait=False, cancel_futures=True)
        # The children end first: a thread that waits for a hanging child would block Ctrl-C.
        for _ in range(workers):
            children.put(stack.enter_context(Child()))
        waiting = {threads.submit(try_all, row): row for row in missing}
        for done, future in enumerate(as_completed(waiting), 1):
            waiting[future].targets = future.result()
            record.save()
            job.progress.update(done, len(waiting), waiting[future].name)


def _untried(row: VariantResult, name: str) -> bool:
    """Whether a target must be tried: its extra may have been installed since."""
    result = row.targets.get(name)
    return result is None or (not result.tried and TARGETS[name].missing is None)


def time_models(job: Job, record: Record) -> list[str]:
    """Time an inference of each variant that LiteRT runs, one after the other.

    Returns
    -------
    killed : list of str
        The variants whose process was killed; they are not timed.
    """
    missing = [
        row
        for row in record.results.variants
        if row.targets["litert"].runs and row.targets["litert"].latency_us_p50 is None
    ]
    if not missing:
        return []
    killed, progress = [], job.progress
    progress.begin("Timing each model alone")
    with Child() as child:
        for done, row in enumerate(missing):
            progress.update(done, len(missing), row.name)
            litert = row.targets["litert"]
            try:
                row.targets["litert"] = latency_of(_content(row, job.folder), litert, child=child)
            except Killed:
                killed.append(f"{row.name} (latency)")
            record.save()
    progress.end(f"{len(missing) - len(killed)} models")
    return killed


def _content(row: VariantResult, folder: RunFolder) -> bytes:
    return (folder.models / Path(row.file).name).read_bytes()
