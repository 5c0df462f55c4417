"""Detection by the detectors in a stream of a run, as the device decides, of the files that ship.

The frames of all sound are computed once for each level of noise. Each variant hears them in a
worker process, step by step. The run's work folder keeps the outputs, so that a run that was
killed continues.
"""

from __future__ import annotations

from concurrent.futures import Executor, as_completed
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stapes.contracts.measurements import Detection
from stapes.contracts.results import Results, VariantResult
from stapes.data.sound.continuous import Sound
from stapes.data.sound.tape import Tape
from stapes.data.stream import hearing as sounds
from stapes.data.stream.frames import HOP
from stapes.data.stream.hearing import Hearing
from stapes.data.stream.mixing import RATE
from stapes.frontends.registry import STREAMS
from stapes.measure.accuracy import accuracy
from stapes.measure.continuous import condition_name
from stapes.measure.detection import smooth
from stapes.measure.device import HIGHEST
from stapes.measure.stream import detection_in_stream
from stapes.measure.stream_outputs import StreamOutputs, comparable
from stapes.measure.variant import confusion
from stapes.run.detection import collect, scored_file
from stapes.run.job import Job
from stapes.run.settings import RunSettings
from stapes.system.files import atomic_path
from stapes.targets.streams import device_outputs
from stapes.techniques.registry import FLOATS

_DECIMALS = 6


@dataclass(frozen=True)
class Heard:
    """The sound of a test.

    sound : at 16 kHz
    clips : the test clips, in the order of `Results.clips`
    """

    sound: Sound
    clips: Tape


def detect(job: Job, results: Results, heard: Heard, executor: Executor) -> None:
    """Hear every detector in every condition, and fill `detection` and the figures of its clips."""
    rows = [row for row in results.variants if row.stream is not None and row.detection is None]
    if not rows:
        return
    conditions = (None, *job.settings.detection.snr_db)
    words = sum(clip.word for clip in results.clips)
    plans = {snr_db: plan_of(job.settings, heard, snr_db, words) for snr_db in conditions}
    for snr_db in conditions:
        _hear(job, rows, heard, plans[snr_db], snr_db, executor)
    _count(job, rows, results, plans, executor)


def outputs_file(model: Path, frames: Path, parts: NDArray[np.int64], target: Path) -> None:
    """Write a variant's outputs of every part, one after the other, in a worker process."""
    content = model.read_bytes()
    x = np.load(frames, mmap_mode="r", allow_pickle=False)
    heard = [
        device_outputs(content, np.asarray(x[first : first + count])) for first, count in parts
    ]
    with atomic_path(target) as temporary, temporary.open("wb") as file:
        np.save(file, np.concatenate(heard), allow_pickle=False)


def count_file(
    files: dict[float | None, Path],
    float_file: Path | None,
    plans: dict[float | None, Hearing],
    settings: RunSettings,
    stride: int,
    y: NDArray[np.integer],
) -> tuple[Detection, NDArray[np.float64]]:
    """Detection from a variant's outputs, and its scores of the clips, in a worker process."""
    words = int(y.sum())
    heard = {snr_db: outputs_of(path, plans[snr_db], stride) for snr_db, path in files.items()}
    scores = _clip_scores(heard[None], settings, stride * HOP / RATE)
    floats = None if float_file is None else outputs_of(float_file, plans[None], stride)
    detection = detection_in_stream(
        {snr_db: words_of(part, words) for snr_db, part in heard.items()},
        settings.detection,
        step_seconds=stride * HOP / RATE,
        stride=stride,
        seed=settings.seed,
        clip_scores=scores,
        clip_is_word=y,
        float32=None if floats is None else words_of(floats, words),
    )
    return detection, scores


def _hear(
    job: Job,
    rows: list[VariantResult],
    heard: Heard,
    plan: Hearing,
    snr_db: float | None,
    executor: Executor,
) -> None:
    work, progress = job.folder.work, job.progress
    missing = [row for row in rows if not _file(work, row, snr_db).is_file()]
    if not missing:
        return
    condition = "as it is" if snr_db is None else f"with noise at {condition_name(snr_db)}"
    progress.begin(f"Streaming continuous sound {condition}")
    path = work / "stream-frames.npy"
    seed = job.settings.seed
    sounds.write(heard.sound, heard.clips, plan, path, snr_db=snr_db, seed=seed, progress=progress)
    waiting = {
        executor.submit(
            outputs_file,
            scored_file(row, work, job.folder.models),
            path,
            plan.parts,
            _file(work, row, snr_db),
        ): row
        for row in missing
    }
    collect(waiting, rows, progress)
    path.unlink()
    progress.end(f"{plan.frames * HOP / RATE / 60:.1f} minutes, {len(missing)} models")


def _count(
    job: Job,
    rows: list[VariantResult],
    results: Results,
    plans: dict[float | None, Hearing],
    executor: Executor,
) -> None:
    settings, work, progress = job.settings, job.folder.work, job.progress
    progress.begin("Counting false accepts and misses of detectors in a stream")
    y = np.array([clip.word for clip in results.clips], np.uint8)
    floats = next((row for row in results.variants if row.name == FLOATS["stream"]), None)
    float_file = _file(work, floats, None) if floats else None
    if float_file is not None and not float_file.is_file():
        float_file = None
    waiting = {}
    for row in rows:
        assert row.stream is not None
        files = {snr_db: _file(work, row, snr_db) for snr_db in plans}
        other = None if row is floats else float_file
        stride = row.stream.stride
        waiting[executor.submit(count_file, files, other, plans, settings, stride, y)] = row
    for done, future in enumerate(as_completed(waiting), 1):
        row = waiting[future]
        row.detection, scores = future.result()
        _fill(row, scores, y)
        progress.update(done, len(waiting), row.name)
    progress.end()


def _fill(row: VariantResult, scores: NDArray[np.float64], y: NDArray[np.uint8]) -> None:
    """The row's decisions on the test clips, at the threshold of continuous sound."""
    assert row.detection is not None
    threshold, cutoff = row.detection.threshold, row.detection.chosen.cutoff
    if cutoff is not None:
        # A device compares the mean of integers with the cutoff; the threshold is above it.
        threshold = cutoff / HIGHEST
    decisions = scores > (0.5 if threshold is None else threshold)
    result = accuracy(decisions.astype(np.float64)[:, None], y)
    row.accuracy, row.accuracy_ci95, row.n_test = result.value, result.ci95, result.n
    row.confusion = confusion(result)
    row.scores = [round(float(score), _DECIMALS) for score in scores]
    row.wrong = np.flatnonzero(decisions != y.astype(bool)).tolist()


def outputs_of(path: Path, plan: Hearing, stride: int) -> StreamOutputs:
    """The outputs in a file: of the recordings, and of all clips."""
    return parted(comparable(np.load(path, allow_pickle=False)), plan, stride)


def parted(whole: NDArray[Any], plan: Hearing, stride: int) -> StreamOutputs:
    """The outputs of all parts, one after the other, as those of the recordings and of all clips.

    Parameters
    ----------
    whole : np.ndarray [shape=(outputs,)]
    stride : int > 0 [frames]
        From one output to the next.
    """
    ends = np.cumsum(plan.parts[:, 1] // stride)
    parts = np.split(whole, ends[:-1])
    return StreamOutputs(
        parts[: plan.recordings], plan.sources, parts[plan.recordings :], plan.clips
    )


def words_of(part: StreamOutputs, words: int) -> StreamOutputs:
    """Of the clips, those with the word, which come first."""
    return StreamOutputs(part.recordings, part.sources, part.words[:words], part.clips[:words])


def _clip_scores(part: StreamOutputs, settings: RunSettings, step: float) -> NDArray[np.float64]:
    """The highest mean of each clip's outputs, from its begin to the tolerance after its end."""
    detection = settings.detection
    highest = []
    for values, (begin, end) in zip(part.words, part.clips, strict=True):
        scores = np.asarray(values, np.float64) / (HIGHEST if part.whole else 1)
        means = smooth(scores, detection.sliding_window)
        moments = (np.arange(len(means)) + detection.sliding_window) * step
        inside = (moments >= begin) & (moments <= end + detection.tolerance_seconds)
        highest.append(means[inside].max(initial=0.0))
    return np.array(highest)


def plan_of(
    settings: RunSettings,
    heard: Heard,
    snr_db: float | None,
    words: int,
    frontend: str | None = None,
) -> Hearing:
    """What is heard in a condition; `words` is their number among the clips.

    The frontend is the settings'; `frontend` names another.
    """
    options = settings.detection
    noisy = snr_db is not None
    return sounds.plan(
        heard.sound,
        heard.clips,
        options.tolerance_seconds,
        frontend=STREAMS[frontend or settings.stream.frontend],
        most_seconds=3600 * options.noise_hours if noisy else None,
        most_clips=words if noisy else None,
    )


def _file(work: Path, row: VariantResult, snr_db: float | None) -> Path:
    """The file of a variant's outputs; its name has the model's hash, so no other model's fits."""
    (work / "scores").mkdir(exist_ok=True)
    return work / "scores" / f"{row.name}-{row.sha256[:12]}@{condition_name(snr_db)}.npy"
