"""The training and validation sound of detectors in a stream, as frames in the work folder.

The words of the training clips are embedded in the recordings of `--negatives`, or in synthetic
sentences, in noise and in rooms, so often that there are `embedded_words`; other sound is changed
until there are `negative_hours`. Recordings and noises of the test are in neither.
"""

from __future__ import annotations

import json
import shutil
import zipfile
from collections.abc import Callable
from concurrent.futures import as_completed
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from stapes.contracts.streams import StreamSound
from stapes.data.clip import Skipped
from stapes.data.corpus import Corpus
from stapes.data.features import Chosen
from stapes.data.layouts import sound_files
from stapes.data.stream import frames, tapes
from stapes.data.stream.captured import with_captures
from stapes.data.stream.gathering import Gathering, gather, noise_files
from stapes.data.stream.mixing import RATE, Sources
from stapes.frontends.registry import STREAMS
from stapes.models.crops import Captured
from stapes.models.settings import StreamSettings
from stapes.run.job import Job
from stapes.system.files import write_text

SPLITS = ("train", "validation")

_READY = "sound.json"
"""Describes the sound, and is written last."""
_MOST_OTHERS = 1500
"""Clips without the word that a split uses."""
_MOST_COPIES = 20
_CAPTURED = "captured"
_CAPTURED_COPIES = 4
"""Of captures without the word, in other rooms and noise."""
_VALIDATION_WORDS = 200
_VALIDATION_HOURS = 1.0


@dataclass(frozen=True)
class StreamFiles:
    """The files of a split's frames; `others` is all sound without the word.

    The last `captured` of them are captures.
    """

    words: list[Path]
    others: list[Path]
    captured: int = 0


def folder_of(job_work: Path) -> Path:
    """Where the sound of detectors in a stream is, within a run's work folder."""
    return job_work / "stream"


def prepare(
    job: Job,
    corpus: Corpus,
    chosen: dict[str, Chosen],
    unusable: list[Skipped],
    spoken: dict[str, list[Path]],
) -> StreamSound:
    """Make the sound if it is not there, and describe it.

    Parameters
    ----------
    chosen : dict of str to Chosen
        The clips that are used, whose words are embedded.
    unusable : list of Skipped
        Clips of the corpus that cannot be used.
    spoken : dict of str to list of Path
        Recordings of sentences for each split; used without `--negatives`.
    """
    folder = folder_of(job.folder.work)
    frontend = job.settings.stream.frontend
    if (sound := _made(folder)) is not None and sound.frontend == frontend:
        return sound
    shutil.rmtree(folder, ignore_errors=True)
    progress = job.progress
    progress.begin("Making training sound for detectors in a stream")
    names = {clip.file for clip in unusable}
    described: dict[str, Any] = {"frontend": frontend, "skipped": []}
    tasks: list[tuple[Callable[..., None], tuple[Any, ...]]] = []
    word_frames = 0
    for number, split in enumerate(SPLITS):
        (folder / split).mkdir(parents=True)
        parts = _parts(job, corpus, chosen[split], split, names)
        if job.settings.negatives is None:
            parts = replace(parts, recordings=spoken.get(split, []))
        sources, skipped = gather(folder / split, parts, job.settings.seed)
        if split == "train":
            word_frames = frames.word_frames(sources)
            sources, described["captured_words"] = with_captures(
                sources,
                corpus.captures,
                word_frames * frames.HOP / RATE,
                folder / split / "captured.f32",
                skipped,
            )
            captured = sources.captured
            described["captured_others"] = 0 if captured is None else len(captured.pieces)
        described["skipped"] += [{"file": clip.file, "reason": clip.reason} for clip in skipped]
        tasks += _tasks(sources, job.settings.stream, folder / split, job.settings.seed, number)
        described[f"{split}_minutes"] = round(_background(sources).background.seconds / 60, 2)
        if split == "train":
            tapes.describe(_background(sources), folder / split)
            described["made_rooms"] = not sources.rooms
            described["made_noise"] = sources.made_noise
            kind = "spoken" if job.settings.negatives is None else "recordings"
            described |= {"recordings": 0, kind: len(parts.recordings)}
    with job.workers(len(tasks)) as executor:
        waiting = [executor.submit(call, *arguments) for call, arguments in tasks]
        for done, future in enumerate(as_completed(waiting), 1):
            future.result()
            progress.update(done, len(tasks), "stretches of sound")
    described["words"], described["hours"] = _amounts(folder)
    sound = StreamSound.model_validate({**described, "word_frames": word_frames})
    write_text(folder / _READY, json.dumps(sound.model_dump(mode="json")))
    progress.end(f"{sound.words:,} words, {sound.hours:.1f} hours without the word")
    return sound


def stream_files(folder: Path, split: str) -> StreamFiles:
    """The files that `prepare` wrote."""
    others = [
        path
        for kind in ("others", "background", "noise", _CAPTURED)
        for path in sorted((folder / split).glob(f"{kind}-*.npy"))
    ]
    words = sorted((folder / split).glob("words-*.npy"))
    words = [path for path in words if ".marks" not in path.suffixes]
    captured = sum(path.name.startswith(f"{_CAPTURED}-") for path in others)
    return StreamFiles(words, others, captured)


def captured_in(folder: Path) -> Captured:
    """The captures among the sound that `prepare` made."""
    sound = StreamSound.model_validate_json((folder / _READY).read_text("utf-8"))
    recordings = stream_files(folder, "train").captured
    return Captured(sound.captured_words, sound.captured_others, recordings)


def _made(folder: Path) -> StreamSound | None:
    """The description of sound that is there; None if it is not whole."""
    try:
        sound = StreamSound.model_validate_json((folder / _READY).read_text("utf-8"))
        tapes.described(folder / "train")
        whole = _amounts(folder) == (sound.words, sound.hours)
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return None
    return sound if whole else None


def _amounts(folder: Path) -> tuple[int, float]:
    """The words and the hours of other sound to train on; every file is opened."""
    parts = {split: stream_files(folder, split) for split in SPLITS}
    words = {split: [frames.read_words(path) for path in parts[split].words] for split in SPLITS}
    others = {split: [frames.read_frames(path) for path in parts[split].others] for split in SPLITS}
    seconds = sum(map(len, others["train"])) * frames.HOP / RATE
    return sum(len(part.marks) for part in words["train"]), round(seconds / 3600, 3)


def _parts(job: Job, corpus: Corpus, chosen: Chosen, split: str, unusable: set[str]) -> Gathering:
    settings = job.settings
    negatives = [clip for clip in corpus.negatives(split) if clip.name not in unusable]
    recordings = dict.fromkeys(clip.path for clip in negatives if clip.label.endswith("/"))
    others = [clip for clip in negatives if not clip.label.endswith("/")]
    if len(others) > _MOST_OTHERS:
        order = np.random.default_rng([settings.seed, 11]).permutation(len(others))
        others = [others[place] for place in sorted(order[:_MOST_OTHERS])]
    rooms = settings.rooms
    return Gathering(
        words=[clip for clip, y in zip(chosen.clips, chosen.y, strict=True) if y],
        others=others,
        recordings=list(recordings),
        noise=noise_files(settings.noise, split),
        rooms=[] if rooms is None else [path for _, path in sound_files(rooms, "--rooms")[0]],
    )


def _tasks(
    sources: Sources, settings: StreamSettings, folder: Path, seed: int, split: int
) -> list[tuple[Callable[..., None], tuple[Any, ...]]]:
    """What workers do for a split: a function and its arguments."""
    training = split == 0
    words = settings.embedded_words if training else min(_VALIDATION_WORDS, settings.embedded_words)
    hours = settings.negative_hours if training else min(_VALIDATION_HOURS, settings.negative_hours)
    sources, frontend = _background(sources), STREAMS[settings.frontend]
    tasks: list[tuple[Callable[..., None], tuple[Any, ...]]] = []
    # In validation sound, a device is on: what it decides in its first second does not count.
    ranges = sources.ranges if training else sources.steady

    def add(call: Callable[..., None], kind: str, number: int, *arguments: Any) -> None:
        path = folder / f"{kind}-{number:02}.npy"
        tasks.append((call, (sources, frontend, *arguments, path)))

    copies = -(-words // max(1, len(sources.words.pieces)))
    for copy in range(min(copies, _MOST_COPIES) if sources.words.pieces else 0):
        add(frames.write_words, "words", copy, [seed, 6, split, copy], ranges)
    if sources.others.pieces:
        for copy in range(2 if training else 1):
            add(frames.write_others, "others", copy, [seed, 9, split, copy], ranges)
    if sources.background.pieces:
        add(frames.write_background, "background", 0, None, ranges)
        copies = int(np.ceil(hours * 3600 / max(1.0, sources.background.seconds))) - 1
        for copy in range(1, 1 + min(copies, _MOST_COPIES)):
            add(frames.write_background, "background", copy, [seed, 10, split, copy], ranges)
    if training:
        add(frames.write_noise, "noise", 0)
    if sources.captured is not None:
        sources = replace(sources, background=sources.captured)
        for copy in range(1 + _CAPTURED_COPIES):
            seeds = [seed, 16, split, copy] if copy else None
            add(frames.write_background, _CAPTURED, copy, seeds, ranges)
    return tasks


def _background(sources: Sources) -> Sources:
    """Where there is no recording, the clips without the word are the background."""
    if sources.background.pieces:
        return sources
    return replace(sources, background=sources.others)
