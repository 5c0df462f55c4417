"""Detection in continuous sound, for every variant of a run.

The features of every window are computed once for each level of noise. Each variant scores them in
a worker process. The run's work folder keeps the scores, so that a run that was killed continues.
Scores of other sound are deleted.
"""

from __future__ import annotations

import json
from concurrent.futures import BrokenExecutor, Executor, Future, as_completed
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from stapes.contracts.measurements import Detection, DetectionSetup, SkippedFile
from stapes.contracts.results import Results, VariantResult
from stapes.data.sound.continuous import SPOKEN, Sound
from stapes.data.sound.sliding import Plan, plan, write_features
from stapes.data.stream.frames import HOP
from stapes.data.stream.mixing import RATE
from stapes.errors import ModelError, StapesError
from stapes.measure.accuracy import word_scores
from stapes.measure.continuous import condition_name, detection_in_sound
from stapes.run.job import Job
from stapes.run.settings import RunSettings
from stapes.run.sound import TestSound
from stapes.run.steps import unpacked_file
from stapes.system.files import atomic_path, write_text
from stapes.system.isolation import SECONDS, Child, Killed, Lost
from stapes.system.progress import Progress
from stapes.targets.batches import score
from stapes.techniques.registry import TECHNIQUES
from stapes.tflite.read.verify import verify

_SECONDS_A_WINDOW = 0.1
"""The longest that a user's model may need for a window; a wake-word model needs a hundredth."""

_child = Child()
"""Where a user's models run: one process for all that this worker scores."""


def detect(job: Job, results: Results, sound: Sound, executor: Executor) -> None:
    """Score every model of windows in every condition, and fill `detection` of the rows.

    A variant that no interpreter runs keeps None, and detectors in a stream are not among them.
    """
    settings = job.settings
    rows = [
        row
        for row in results.variants
        if row.detection is None and row.scores and row.stream is None
    ]
    for snr_db in (None, *settings.detection.snr_db) if rows else ():
        _score(job, rows, sound, snr_db, executor)
    if rows:
        _count(job, rows, results, sound, executor)


def score_file(
    model: Path, features: Path, target: Path, positive: int, seconds: float | None
) -> None:
    """Write a variant's score of the word for every window, in a worker process.

    With a limit of `seconds`, the model runs in a child: a user's model may loop for some inputs.

    Raises
    ------
    ModelError
        No interpreter runs it, or a score is not a number.
    """
    content = model.read_bytes()
    verify(content)
    try:
        outputs = (
            _outputs(content, features)
            if seconds is None
            else _child.run(seconds, _outputs, content, features)
        )
    except Lost as lost:
        raise ModelError(str(lost)) from None
    scores = word_scores(outputs, positive)
    if not np.isfinite(scores).all():
        raise ModelError(f"{model.name} gives scores that are not numbers.")
    with atomic_path(target) as temporary, temporary.open("wb") as file:
        np.save(file, scores.astype(np.float32), allow_pickle=False)


def _outputs(content: bytes, features: Path) -> NDArray[np.float32]:
    return score(content, np.load(features, mmap_mode="r", allow_pickle=False))


def _score(
    job: Job, rows: list[VariantResult], sound: Sound, snr_db: float | None, executor: Executor
) -> None:
    settings, work, progress = job.settings, job.folder.work, job.progress
    missing = [row for row in rows if not _scores_file(work, row, snr_db).is_file()]
    if not missing:
        return
    condition = "as it is" if snr_db is None else f"with noise at {condition_name(snr_db)}"
    progress.begin(f"Listening to continuous sound {condition}")
    path = work / "sound" / "features.npy"
    windows = _plan(sound, settings, snr_db)
    write_features(
        sound,
        windows,
        settings.frontend,
        path,
        snr_db=snr_db,
        seed=settings.seed,
        progress=progress,
    )
    # The slowest first, so that none is left alone at the end.
    slow = {name for name, technique in TECHNIQUES.items() if technique.slow}
    missing.sort(key=lambda row: (row.name not in slow, -row.bytes))
    seconds = None if settings.model is None else SECONDS + _SECONDS_A_WINDOW * windows.rows
    waiting = {
        executor.submit(
            score_file,
            scored_file(row, work, job.folder.models),
            path,
            _scores_file(work, row, snr_db),
            settings.positive,
            seconds,
        ): row
        for row in missing
    }
    collect(waiting, rows, progress)
    path.unlink()
    progress.end(f"{windows.rows:,} windows, {len(missing)} models")


def collect(
    waiting: dict[Future[None], VariantResult], rows: list[VariantResult], progress: Progress
) -> None:
    """Wait for the scores of every variant; one that fails leaves `rows`, with a note."""
    for done, future in enumerate(as_completed(waiting), 1):
        row = waiting[future]
        try:
            future.result()
        except (BrokenExecutor, Killed):
            raise
        except StapesError as error:
            # A variant that fails must not stop the others.
            row.notes = [*row.notes, f"not measured in continuous sound: {str(error).rstrip('.')}"]
            rows.remove(row)
        progress.update(done, len(waiting), "models")


def scored_file(row: VariantResult, work: Path, models: Path) -> Path:
    """The shipped file, or the file from before its look-up tables."""
    unpacked = unpacked_file(work, row.name)
    return unpacked if unpacked.is_file() else models / Path(row.file).name


def _count(
    job: Job, rows: list[VariantResult], results: Results, sound: Sound, executor: Executor
) -> None:
    """Fill `detection` of each row from its scores, each in a worker process."""
    settings, work, progress = job.settings, job.folder.work, job.progress
    progress.begin("Counting false accepts and misses")
    conditions = (None, *settings.detection.snr_db)
    plans = {snr_db: _plan(sound, settings, snr_db) for snr_db in conditions}
    y = np.array([clip.word for clip in results.clips], np.uint8)
    floats = results.float32
    float_file = _scores_file(work, floats, None) if floats else None
    waiting = {
        executor.submit(
            count_file,
            {snr_db: _scores_file(work, row, snr_db) for snr_db in conditions},
            float_file if row is not floats and float_file and float_file.is_file() else None,
            plans,
            settings,
            np.array(row.scores),
            y,
        ): row
        for row in rows
    }
    for done, future in enumerate(as_completed(waiting), 1):
        waiting[future].detection = future.result()
        progress.update(done, len(waiting), waiting[future].name)
    progress.end()


def count_file(
    files: dict[float | None, Path],
    float_file: Path | None,
    plans: dict[float | None, Plan],
    settings: RunSettings,
    clip_scores: NDArray[np.floating],
    y: NDArray[np.integer],
) -> Detection:
    """Detection from a variant's scores, in a worker process; `float_file` has float32's."""
    return detection_in_sound(
        {snr_db: np.load(path, allow_pickle=False) for snr_db, path in files.items()},
        plans,
        settings.detection,
        hop_seconds=_hop_seconds(settings),
        seed=settings.seed,
        clip_scores=clip_scores,
        clip_is_word=y,
        float32=None if float_file is None else np.load(float_file, allow_pickle=False),
    )


def _plan(sound: Sound, settings: RunSettings, snr_db: float | None) -> Plan:
    options = settings.detection
    return plan(
        sound,
        settings.frontend,
        hop=options.hop_frames,
        smoothing=options.smoothing,
        tolerance_seconds=options.tolerance_seconds,
        most_seconds=None if snr_db is None else 3600 * options.noise_hours,
    )


def setup(tested: TestSound, settings: RunSettings, digest: str) -> DetectionSetup:
    """How detection was measured; hop and hours are those of models of windows, if there are any.

    `digest` is that of the sound and the settings.
    """
    sound = tested.any
    assert sound is not None
    options = settings.detection
    hop_ms, seconds = 1000 * settings.stream.stride * HOP / RATE, sound.background.seconds
    if tested.windows is not None:
        hop_ms, seconds = 1000 * _hop_seconds(settings), _plan(sound, settings, None).seconds
    return DetectionSetup(
        sha256=digest,
        source=sound.source,
        files=len(sound.background.pieces),
        hours=seconds / 3600,
        spoken_hours=_spoken_seconds(sound) / 3600,
        words_seconds=sound.words.seconds,
        hop_ms=hop_ms,
        noise=sound.noise_source if options.snr_db else "",
        **options.model_dump(include=set(DetectionSetup.model_fields)),
        skipped=[SkippedFile(file=clip.file, reason=clip.reason) for clip in sound.skipped],
    )


def _spoken_seconds(sound: Sound) -> float:
    """The length of synthetic sentences."""
    spoken = zip(sound.recordings, sound.sources, strict=True)
    samples = sum(length for (_, length), source in spoken if source == SPOKEN)
    return samples / sound.background.sample_rate


def forget_other_sound(results: Results, signature: str, work: Path) -> None:
    """Delete what was measured in other sound: a folder may have changed since.

    A float row is measured again where another row must be compared with it and its scores are
    gone: those of a finished run are deleted.
    """
    path = work / "sound.json"
    if not path.is_file() or json.loads(path.read_text("utf-8")) != signature:
        for scores in (work / "scores").glob("*.npy"):
            scores.unlink()
        write_text(path, json.dumps(signature))
    if results.detection is None or results.detection.sha256 != signature:
        for row in results.variants:
            row.detection = None
    for row in [row for row in results.variants if row.detection is None]:
        floats = results.float_of(row)
        if floats is not None and not _scores_file(work, floats, None).is_file():
            floats.detection = None


def _scores_file(work: Path, row: VariantResult, snr_db: float | None) -> Path:
    """The file of a variant's scores; its name has the model's hash, so no other model's fits."""
    (work / "scores").mkdir(exist_ok=True)
    return work / "scores" / f"{row.name}-{row.sha256[:12]}@{condition_name(snr_db)}.npy"


def _hop_seconds(settings: RunSettings) -> float:
    frontend = settings.frontend
    return settings.detection.hop_frames * frontend.hop_length / frontend.sample_rate
