"""What is measured of a run's variants when all are made: in continuous sound, on the targets.

What an earlier try measured is kept. Latencies come last and one by one, when nothing else runs.
"""

from __future__ import annotations

import contextlib
import queue
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from stapes.contracts import results as results_file
from stapes.contracts.measurements import TargetResult, TestClip
from stapes.contracts.results import Results, VariantResult
from stapes.data.features import Chosen
from stapes.data.sound.continuous import Sound
from stapes.measure.on_targets import latency_of, targets_of
from stapes.run import detection as detecting
from stapes.run import steps
from stapes.run.conclusion import conclude
from stapes.run.folder import RunFolder
from stapes.run.settings import RunSettings
from stapes.system.files import send_output_to
from stapes.system.isolation import Child
from stapes.system.progress import Progress
from stapes.system.workers import pool
from stapes.targets.registry import TARGETS


def measure_all(
    results: Results,
    test: Chosen,
    sound: Sound,
    settings: RunSettings,
    folder: RunFolder,
    *,
    jobs: int,
    progress: Progress,
) -> None:
    """Measure every variant, draw the conclusions, and write results.json after each step.

    Parameters
    ----------
    results : Results
        Of the variants that were made; what is measured is filled in.
    test : Chosen
        The test clips.
    sound : Sound
        What detection is measured in.
    settings : RunSettings
    folder : RunFolder
    jobs : int > 0
        Worker processes.
    progress : Progress

    """
    results.settings = folder.said["settings"]
    results.clips = [
        TestClip(name=clip.name, label=clip.label, word=bool(y))
        for clip, y in zip(test.clips, test.y, strict=True)
    ]
    _detection(results, sound, settings, folder, jobs, progress)
    results_file.write(results, folder.results)
    x = np.asarray(steps.load_features(folder.work, "test").x)
    try_targets(results, lambda row: x, settings, folder, jobs, progress)
    results_file.write(results, folder.results)
    time_models(results, folder, progress)
    results_file.write(results, folder.results)
    conclude(results, test.clips, settings)
    results_file.write(results, folder.results)


def _detection(
    results: Results,
    sound: Sound,
    settings: RunSettings,
    folder: RunFolder,
    jobs: int,
    progress: Progress,
) -> None:
    if not sound.recordings or not sound.words.pieces:
        progress.note(
            "Detection is not measured: there is too little sound without the word for one "
            "detection; name a folder of recordings with --continuous."
        )
        return
    same = results.detection and results.detection.sha256 == detecting.digest(sound, settings)
    if same and all(each.detection or not each.scores for each in results.variants):
        return
    workers = max(1, min(jobs, len(results.variants)))
    with pool(workers, send_output_to, (folder.log.resolve(),)) as executor:
        detecting.detect(results, sound, settings, folder.work, folder.models, executor, progress)


def try_targets(
    results: Results,
    clips: Callable[[VariantResult], NDArray[np.float32]],
    settings: RunSettings,
    folder: RunFolder,
    jobs: int,
    progress: Progress,
) -> None:
    """Try every variant on every target, some at a time, each in a child of its own.

    `clips` gives the test clips' features for a variant: not all need have one frontend.
    """
    missing = [row for row in results.variants if any(_untried(row, name) for name in TARGETS)]
    if not missing:
        return
    progress.begin("Trying the targets")
    workers = max(1, min(jobs, len(missing)))
    free: queue.SimpleQueue[Child] = queue.SimpleQueue()

    def tried(row: VariantResult) -> dict[str, TargetResult]:
        made = free.get()
        try:
            return targets_of(_content(row, folder), clips(row), settings.positive, made=made)
        finally:
            free.put(made)

    with contextlib.ExitStack() as stack:
        threads = stack.enter_context(ThreadPoolExecutor(workers))
        stack.callback(threads.shutdown, wait=False, cancel_futures=True)
        # Left first: a thread that waits for a child which hangs would hold Ctrl-C up.
        for _ in range(workers):
            free.put(stack.enter_context(Child()))
        waiting = {threads.submit(tried, row): row for row in missing}
        for done, future in enumerate(as_completed(waiting), 1):
            waiting[future].targets = future.result()
            results_file.write(results, folder.results)
            progress.update(done, len(waiting), waiting[future].name)
    progress.end(", ".join(_runs_on(results)))


def _untried(row: VariantResult, name: str) -> bool:
    """Whether a target is still to be tried: what it needs may have been installed since."""
    found = row.targets.get(name)
    return found is None or (not found.tried and TARGETS[name].missing is None)


def time_models(results: Results, folder: RunFolder, progress: Progress) -> None:
    """Time an inference of each variant that LiteRT runs, one after the other."""
    missing = [
        row
        for row in results.variants
        if row.targets["litert"].runs and row.targets["litert"].latency_us_p50 is None
    ]
    if not missing:
        return
    progress.begin("Timing each model alone")
    with Child() as made:
        for done, row in enumerate(missing):
            progress.update(done, len(missing), row.name)
            litert = row.targets["litert"]
            row.targets["litert"] = latency_of(_content(row, folder), litert, made=made)
            results_file.write(results, folder.results)
    progress.end(f"{len(missing)} models")


def _runs_on(results: Results) -> list[str]:
    """How many variants run on each target, in words."""
    return [
        f"{sum(row.targets[name].runs for row in results.variants)} in {target.title}"
        for name, target in TARGETS.items()
    ]


def _content(row: VariantResult, folder: RunFolder) -> bytes:
    return (folder.models / Path(row.file).name).read_bytes()
