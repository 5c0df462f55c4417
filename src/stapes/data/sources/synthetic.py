"""A corpus of synthetic speech: any word, said by many voices, and other words beside it.

`make_corpus` writes clips as a recorded corpus has them: `<label>/<speaker>_nohash_<n>.wav`, one
second or more, 16 bit, 22,050 Hz, each in its own room and noise; and `train.csv`, `val.csv`,
`test.csv` (file, label, speaker). The same word, voices, takes and seed make the same bytes,
whatever the number of processes.

Who says what is drawn in `synthetic_plan`.
"""

from __future__ import annotations

import csv
import hashlib
import os
import re
import shutil
from concurrent.futures import BrokenExecutor, as_completed
from dataclasses import asdict
from pathlib import Path

import filelock
import numpy as np
import numpy.typing as npt
import soundfile
import yaml

from stapes.data.augmentation import Ranges, augment
from stapes.data.sources import espeak
from stapes.data.sources.synthetic_plan import SPLITS, Voice, label_of, other_words, plan
from stapes.errors import StapesError, UsageError
from stapes.system import files, workers
from stapes.system.progress import SILENT, Progress

_LONGEST_WORD = 60  # characters
_RATES = (130, 210)  # words per minute
_PITCHES = (30, 70)  # 50 is the variant's own
_PITCH_RANGES = (30, 80)
_RANGES = Ranges()
# Raise it when the same settings begin to give other clips.
_RECIPE = 1


def make_corpus(
    word: str,
    out: Path,
    *,
    voices: int = 160,
    seed: int = 0,
    takes: int = 7,
    jobs: int | None = None,
    progress: Progress = SILENT,
) -> Path:
    """Make a corpus of `word` and as many clips of other words.

    Parameters
    ----------
    word : str
        the wake word, or a phrase of up to 60 characters
    out : Path
        folder to make; if it holds this very corpus already, nothing is done
    voices : int >= 3
        how many speakers, about 60 % of them for training
    seed : int >= 0
        of the choice of voices, the order of the words, and each clip's manner and place
    takes : int > 0
        how often each voice says `word`, and how many other words it says
    jobs : int > 0
        processes; one for each processor if not given
    progress : Progress
        a step of its own: the clips that are made

    Returns
    -------
    Path
        `out`

    Raises
    ------
    UsageError
        if an argument is wrong, `word` cannot be said, or `out` holds something else
    MissingExtraError
        without espeakng-loader
    """
    word = _checked(word, voices, seed, takes, jobs)
    out = Path(out)
    place = out.resolve()
    progress.begin(f'Speaking "{word}" and other words (synthetic speech)')
    description = _describe(word, voices, takes, seed)
    place.parent.mkdir(parents=True, exist_ok=True)
    with alone_at(place):
        _remove_leftovers(place)
        if _is_there(place, description):
            progress.end(f"{out} is there already")
            return out
        # One process at a time comes here, so the number of the process is name enough.
        folder = place.parent / f".{place.name}-{os.getpid()}.part"
        try:
            folder.mkdir()
            _fill(folder, word, voices, takes, seed, jobs or os.cpu_count() or 1, progress)
            (folder / "corpus.yaml").write_text(description, encoding="utf-8")
            if place.exists():
                place.rmdir()
            folder.rename(place)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
    progress.end(str(out))
    return out


def _checked(word: str, voices: int, seed: int, takes: int, jobs: int | None) -> str:
    """`word` with single spaces, if the call can be carried out."""
    word = " ".join(word.split())
    if not any(map(str.isalpha, word)):
        raise UsageError(f"The word {word!r} has no letters: give a word that can be said.")
    if len(word) > _LONGEST_WORD:
        raise UsageError(
            f"The word has {len(word)} characters: give one of at most {_LONGEST_WORD}."
        )
    available = len(espeak.accents()) * len(espeak.variants())
    if not 3 <= voices <= available:
        raise UsageError(
            f"voices is {voices}: choose from 3, one for each split, to {available}, which is "
            "what espeak-ng has."
        )
    for name, value, least in (("takes", takes, 1), ("seed", seed, 0), ("jobs", jobs, 1)):
        if value is not None and value < least:
            raise UsageError(f"{name} is {value}: choose {least} or more.")
    return word


def _describe(word: str, voices: int, takes: int, seed: int) -> str:
    """The content of corpus.yaml: all that the clips depend on."""
    settings = {
        "synthetic": True,
        "engine": espeak.engine(),
        "recipe": _RECIPE,
        "word": word,
        "label": label_of(word),
        "voices": voices,
        "takes": takes,
        "seed": seed,
        "sample_rate": espeak.SAMPLE_RATE,
        "augmentation": {name: _plain(value) for name, value in asdict(_RANGES).items()},
    }
    return yaml.safe_dump(settings, sort_keys=False, allow_unicode=True, default_flow_style=None)


def _plain(value: float | tuple[float, float]) -> float | list[float]:
    return list(value) if isinstance(value, tuple) else value


def alone_at(place: Path, seconds: float = -1) -> filelock.BaseFileLock:
    """Have other processes that want this folder wait; the lock is not left beside it.

    Who waits for more than `seconds`, where they are not negative, gets `filelock.Timeout`.
    """
    locks = files.cache_folder() / "locks"
    locks.mkdir(parents=True, exist_ok=True)
    return filelock.FileLock(locks / hashlib.sha256(bytes(place)).hexdigest(), timeout=seconds)


def _remove_leftovers(place: Path) -> None:
    """Delete what killed runs for this folder left beside it."""
    leftover = re.compile(rf"\.{re.escape(place.name)}-\d+\.part")
    for folder in place.parent.iterdir():
        if leftover.fullmatch(folder.name):
            shutil.rmtree(folder, ignore_errors=True)


def _is_there(place: Path, description: str) -> bool:
    if not place.exists() or (place.is_dir() and not any(place.iterdir())):
        return False
    settings = place / "corpus.yaml"
    if settings.is_file() and settings.read_text(encoding="utf-8") == description:
        return True
    raise UsageError(f"{place} holds something else: choose another folder, or delete it.")


def _fill(
    folder: Path,
    word: str,
    voices: int,
    takes: int,
    seed: int,
    jobs: int,
    progress: Progress,
) -> None:
    """Write the clips and their lists."""
    with workers.pool(min(jobs, voices)) as executor:
        try:
            others = executor.submit(_sayable, word, other_words(word)).result()
            made = plan(word, others, voices, takes, seed)
            for label in {clip.label for voice in made for clip in voice.clips}:
                (folder / label).mkdir()
            tasks = [executor.submit(_record, voice, folder, seed) for voice in made]
            done = 0
            for task in as_completed(tasks):
                done += task.result()
                progress.update(done, 2 * takes * voices)
        except BrokenExecutor:
            raise StapesError(
                "A process that made speech was killed, for want of memory perhaps: use fewer jobs."
            ) from None
    for split in SPLITS:
        rows = sorted(
            (clip.file, clip.label, voice.speaker)
            for voice in made
            if voice.split == split
            for clip in voice.clips
        )
        with (folder / f"{split}.csv").open("w", encoding="utf-8", newline="") as file:
            csv.writer(file, lineterminator="\n").writerows([("file", "label", "speaker"), *rows])


def _sayable(word: str, others: list[str]) -> list[str]:
    """Those of `others` that can be heard and do not sound as `word` does (in a worker)."""

    def said(text: str) -> bytes:
        sound = espeak.speak(text, "en", "m3")
        return sound.tobytes() if sound.any() else b""

    sound = said(word)
    if not sound:
        raise UsageError(f"espeak-ng cannot say {word!r}: spell it in English letters.")
    return [other for other in others if said(other) not in (sound, b"")]


def _record(voice: Voice, folder: Path, seed: int) -> int:
    """Make the clips of one voice (in a worker); how many."""
    for number, clip in enumerate(voice.clips):
        branch = np.random.SeedSequence(seed, spawn_key=(voice.index, number))
        rng = np.random.default_rng(branch)
        said = espeak.speak(
            clip.text,
            voice.accent,
            voice.variant,
            rate=int(rng.integers(*_RATES, endpoint=True)),
            pitch=int(rng.integers(*_PITCHES, endpoint=True)),
            pitch_range=int(rng.integers(*_PITCH_RANGES, endpoint=True)),
        )
        heard = augment(_placed(said, rng), espeak.SAMPLE_RATE, rng, _RANGES)
        soundfile.write(
            folder / clip.file,
            np.round(heard * 32767).astype(np.int16),
            espeak.SAMPLE_RATE,
            subtype="PCM_16",
        )
    return len(voice.clips)


def _placed(said: npt.NDArray[np.int16], rng: np.random.Generator) -> npt.NDArray[np.float32]:
    """Somewhere in a second or more, so that no shift moves a part of the word out."""
    margin = round(max(map(abs, _RANGES.shift_seconds)) * espeak.SAMPLE_RATE)
    y = np.zeros(max(espeak.SAMPLE_RATE, len(said) + 2 * margin), dtype=np.float32)
    start = rng.integers(margin, len(y) - margin - len(said), endpoint=True)
    y[start : start + len(said)] = said / np.float32(32768)
    return y
