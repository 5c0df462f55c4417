"""The continuous sound of a run: checked at the start, gathered before anything is trained."""

from __future__ import annotations

import shutil

from stapes.data.clip import SPLITS, Skipped
from stapes.data.corpus import Corpus
from stapes.data.features import Chosen
from stapes.data.layouts import sound_files
from stapes.data.sound.continuous import Sound, gather_sound
from stapes.errors import UsageError
from stapes.run.job import Job
from stapes.run.settings import RunSettings


def check(settings: RunSettings) -> None:
    """Raise UsageError if a folder of sound is missing, or has no sound file."""
    for option, folder in (("--continuous", settings.continuous), ("--noise", settings.noise)):
        if folder is not None and not sound_files(folder, option)[0]:
            raise UsageError(f"{option} {folder}: no sound file is in it.")


def gather(job: Job, corpus: Corpus, chosen: dict[str, Chosen], unusable: list[Skipped]) -> Sound:
    """Decode the sound of a run's detection into the work folder.

    Parameters
    ----------
    chosen : dict of str to Chosen
        The clips that are used; the words are the test split's.
    unusable : list of Skipped
        Clips of the corpus that cannot be used.

    Raises
    ------
    UsageError
        A folder is missing, or nothing in it can be used.
    """
    settings, progress = job.settings, job.progress
    folder = job.folder.work / "sound"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    left_out = {clip.file for clip in unusable}
    detection, frontend = settings.detection, settings.frontend
    test = chosen["test"]
    smoothed = (detection.smoothing - 1) * detection.hop_frames * frontend.hop_length
    progress.begin("Gathering continuous sound")
    sound = gather_sound(
        folder,
        frontend,
        continuous=settings.continuous,
        # All of them, not only as many as there are words: false accepts need hours.
        negatives=[clip for clip in corpus.negatives("test") if clip.name not in left_out],
        positives=[clip for clip, y in zip(test.clips, test.y, strict=True) if y],
        noise=settings.noise,
        known={
            "its sound was trained on": [
                clip for split in ("train", "validation") for clip in chosen[split].clips
            ],
            "it says the word": [clip for split in SPLITS for clip in corpus.positives(split)],
        },
        seed=settings.seed,
        shortest=frontend.window + smoothed,
        progress=progress,
    )
    minutes = sound.background.seconds / 60
    progress.end(f"{minutes:.1f} minutes without the word, {len(sound.words.pieces)} words")
    return sound
