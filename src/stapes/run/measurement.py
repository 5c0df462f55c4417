"""Measure a run's variants when all are made: in continuous sound and on the targets.

Earlier measurements of the same run stay. Latencies come last and one by one, when nothing else
runs.
"""

from __future__ import annotations

import contextlib
import queue
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from stapes.contracts.measurements import TargetResult
from stapes.contracts.results import Results, VariantResult
from stapes.data.features import Chosen
from stapes.data.sound.continuous import Sound
from stapes.measure.on_targets import latency_of, targets_of
from stapes.run import detection
from stapes.run.conclusion import conclude
from stapes.run.feature_files import load_features
from stapes.run.folder import RunFolder
from stapes.run.job import Job
from stapes.run.record import Record, clips_of
from stapes.system.isolation import Child
from stapes.targets.registry import TARGETS


def measure_all(job: Job, record: Record, test: Chosen, sound: Sound) -> None:
    """Measure every variant, compare them, and save the record after each step.

    `test` are the test clips, and detection is measured in `sound`.
    """
    record.results.clips = clips_of(test)
    _measure_detection(job, record.results, sound)
    record.save()
    x = np.asarray(load_features(job.folder.features, "test").x)
    try_targets(job, record, lambda row: x)
    record.save()
    time_models(job, record)
    conclude(record.results, test.clips, job.settings)
    record.save()


def _measure_detection(job: Job, results: Results, sound: Sound) -> None:
    if not sound.recordings or not sound.words.pieces:
        job.progress.note(
            "Detection is not measured, because there is too little sound without the word. Name a "
            "folder of recordings with --continuous."
        )
        return
    digest = detection.digest(sound, job.settings)
    same = results.detection and results.detection.sha256 == digest
    if same and all(row.detection or not row.scores for row in results.variants):
        return
    with job.workers(len(results.variants)) as executor:
        detection.detect(job, results, sound, executor)


def try_targets(
    job: Job, record: Record, clips: Callable[[VariantResult], NDArray[np.float32]]
) -> None:
    """Try every variant on every target, some at a time, each in its own child.

    `clips` returns the test clips' features for a variant: variants may differ in their frontend.
    """
    rows, progress = record.results.variants, job.progress
    missing = [row for row in rows if any(_untried(row, name) for name in TARGETS)]
    if not missing:
        return
    progress.begin("Trying the targets")
    workers = min(job.jobs, len(missing))
    children: queue.SimpleQueue[Child] = queue.SimpleQueue()

    def try_all(row: VariantResult) -> dict[str, TargetResult]:
        child = children.get()
        try:
            return targets_of(
                _content(row, job.folder), clips(row), job.settings.positive, child=child
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
            progress.update(done, len(waiting), waiting[future].name)
    counts = {name: sum(row.targets[name].runs for row in rows) for name in TARGETS}
    progress.end(", ".join(f"{counts[name]} in {TARGETS[name].title}" for name in TARGETS))


def _untried(row: VariantResult, name: str) -> bool:
    """Whether a target must be tried: its extra may have been installed since."""
    result = row.targets.get(name)
    return result is None or (not result.tried and TARGETS[name].missing is None)


def time_models(job: Job, record: Record) -> None:
    """Time an inference of each variant that LiteRT runs, one after the other."""
    missing = [
        row
        for row in record.results.variants
        if row.targets["litert"].runs and row.targets["litert"].latency_us_p50 is None
    ]
    if not missing:
        return
    progress = job.progress
    progress.begin("Timing each model alone")
    with Child() as child:
        for done, row in enumerate(missing):
            progress.update(done, len(missing), row.name)
            litert = row.targets["litert"]
            row.targets["litert"] = latency_of(_content(row, job.folder), litert, child=child)
            record.save()
    progress.end(f"{len(missing)} models")


def _content(row: VariantResult, folder: RunFolder) -> bytes:
    return (folder.models / Path(row.file).name).read_bytes()
