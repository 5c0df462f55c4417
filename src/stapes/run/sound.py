"""The continuous sound of a run: checked at the start, gathered before anything is trained."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from stapes.audio.levels import SPEECH_DB, power
from stapes.data.clip import SPLITS, Clip, Skipped
from stapes.data.corpus import Corpus
from stapes.data.features import Chosen
from stapes.data.layouts import sound_files
from stapes.data.sound.continuous import Sound, gather_sound, whole
from stapes.data.sound.tape import Tape
from stapes.data.stream.gathering import noise_files
from stapes.data.stream.mixing import RATE
from stapes.errors import UsageError
from stapes.frontends.frontend import Frontend
from stapes.frontends.registry import STREAMS
from stapes.frontends.stream import SHORTEST_WINDOW
from stapes.run.captures import learned
from stapes.run.job import Job
from stapes.run.settings import RunSettings
from stapes.system.files import sha256


@dataclass(frozen=True)
class TestSound:
    """The continuous sound that a run is tested in.

    windows : for models of windows, at the rate of their frontend; None if none is measured
    streams : for detectors in a stream, at 16 kHz; None if there is none
    clips : the test clips at 16 kHz, in the order of `Results.clips`; None as `streams`
    """

    __test__ = False  # Pytest must not collect it.

    windows: Sound | None
    streams: Sound | None
    clips: Tape | None

    @property
    def any(self) -> Sound | None:
        """One of both, which hold the same sound."""
        return self.windows or self.streams

    def digest(self, settings: RunSettings) -> str:
        """SHA-256 of all that detection depends on, except the models."""
        total = hashlib.sha256(settings.detection.model_dump_json().encode())
        for sound in filter(None, (self.windows, self.streams)):
            for tape in (sound.background, sound.words, sound.noise):
                total.update(sha256(tape.path).encode())
        if self.clips is not None:
            total.update(sha256(self.clips.path).encode())
        return total.hexdigest()


def check(settings: RunSettings) -> None:
    """Raise UsageError if a folder of sound is missing, or has no sound file."""
    folders = {
        "--continuous": settings.continuous,
        "--noise": settings.noise,
        "--rooms": settings.rooms,
    }
    for option, folder in folders.items():
        if folder is not None and not sound_files(folder, option)[0]:
            raise UsageError(f"{option} {folder}: no sound file is in it.")


def gather(
    job: Job,
    corpus: Corpus,
    chosen: dict[str, Chosen],
    unusable: list[Skipped],
    *,
    windows: bool,
    streams: bool,
    spoken: Sequence[Path] = (),
) -> TestSound:
    """Decode the sound of a run's detection into the work folder.

    Parameters
    ----------
    chosen : dict of str to Chosen
        The clips that are used; the words are the test split's.
    unusable : list of Skipped
        Clips of the corpus that cannot be used.
    windows, streams : bool
        Whether models of windows, and detectors in a stream, are measured.
    spoken : sequence of Path
        Recordings of test sentences; used without `--continuous`.

    Raises
    ------
    UsageError
        A folder is missing, or nothing in it can be used.
    """
    settings, progress = job.settings, job.progress
    folder = job.folder.work / "sound"
    shutil.rmtree(folder, ignore_errors=True)
    left_out = {clip.file for clip in unusable}
    test = chosen["test"]
    # All of them, not only as many as there are words: false accepts need hours.
    negatives = [clip for clip in corpus.negatives("test") if clip.name not in left_out]
    positives = [clip for clip, y in zip(test.clips, test.y, strict=True) if y]
    known = _known(settings, corpus, chosen, streams)

    def gathered(frontend: Frontend, name: str, shortest: int) -> Sound:
        (folder / name).mkdir(parents=True)
        return gather_sound(
            folder / name,
            frontend,
            continuous=settings.continuous,
            negatives=negatives,
            positives=positives,
            noise=settings.noise,
            known=known,
            seed=settings.seed,
            spoken=spoken,
            shortest=shortest,
            progress=progress,
        )

    if not windows and not streams:
        return TestSound(None, None, None)
    progress.begin("Gathering continuous sound")
    detection, frontend = settings.detection, settings.frontend
    smoothed = (detection.smoothing - 1) * detection.hop_frames * frontend.hop_length
    of_windows = gathered(frontend, "windows", frontend.window + smoothed) if windows else None
    # Windows of recordings are as long for both.
    seconds = max(SHORTEST_WINDOW, frontend.window_seconds)
    stream = STREAMS[settings.stream.frontend].with_window(seconds)
    of_streams = gathered(stream, "streams", 2 * RATE) if streams else None
    clips_file = folder / "streams" / "clips.f32"
    clips = _clips(clips_file, test.clips, frontend.window_seconds) if streams else None
    sound = TestSound(of_windows, of_streams, clips)
    assert sound.any is not None
    minutes = sound.any.background.seconds / 60
    progress.end(f"{minutes:.1f} minutes without the word, {len(sound.any.words.pieces)} words")
    return sound


def _known(
    settings: RunSettings, corpus: Corpus, chosen: dict[str, Chosen], streams: bool
) -> dict[str, list[Clip]]:
    """Sound that is no test sound, by the reason."""
    trained = [clip for split in ("train", "validation") for clip in chosen[split].clips]
    if streams:
        # They train on all of it, and on a part of the noise.
        trained += [clip for split in ("train", "validation") for clip in corpus.negatives(split)]
        for split in ("train", "validation"):
            trained += [
                Clip(path.name, path, "noise") for path in noise_files(settings.noise, split)
            ]
    trained += learned(corpus.captures, settings.continuous)
    return {
        "its sound was trained on": trained,
        "it says the word": [clip for split in SPLITS for clip in corpus.positives(split)],
    }


def _clips(path: Path, clips: list[Clip], window_seconds: float) -> Tape:
    tape = Tape(path, RATE)
    for clip in clips:
        # Its features were computed, so it can be decoded.
        tape.append(clip.name, iter([whole(clip, RATE, window_seconds)]), power=power(SPEECH_DB))
    return tape
