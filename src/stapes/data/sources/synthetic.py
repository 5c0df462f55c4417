"""A corpus of synthetic speech: any word and other words, spoken by many voices.

`make_corpus` writes clips like those of a recorded corpus: `<label>/<speaker>_nohash_<n>.wav`, one
second or more, 16 bit, 22,050 Hz, each in its own room and noise. It lists them in `train.csv`,
`val.csv` and `test.csv` (file, label, speaker). The same word, voices, takes and seed make the same
bytes with any number of processes. `synthetic_plan` draws who speaks what.
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
# Raise it when the same settings make other clips.
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
    """Make a corpus of `word` and as many clips of other words; returns `out`.

    Parameters
    ----------
    word : str
        The wake word, or a phrase of up to 60 characters.
    out : Path
        The new folder; if it holds this very corpus already, nothing is done.
    voices : int >= 3
        Number of speakers, about 60 % of them for training.
    seed : int >= 0
        Of the choice of voices, the order of the words, and the augmentation of each clip.
    takes : int > 0
        Clips of `word` by each voice, and as many of other words.
    jobs : int > 0
        Processes; by default the cores.

    Raises
    ------
    UsageError
        An argument is wrong, `word` cannot be spoken, or `out` has other content.
    MissingExtraError
        espeakng-loader is not installed.
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
        # Only one process at a time is here, so its number makes the name unique.
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
    """`word` with single spaces, or a UsageError where an argument is wrong."""
    word = " ".join(word.split())
    if not any(map(str.isalpha, word)):
        raise UsageError(f"The word {word!r} has no letters: give a word that can be spoken.")
    if len(word) > _LONGEST_WORD:
        raise UsageError(
            f"The word has {len(word)} characters: give one of at most {_LONGEST_WORD}."
        )
    available = len(espeak.accents()) * len(espeak.variants())
    if not 3 <= voices <= available:
        raise UsageError(
            f"--voices {voices}: choose from 3, one for each split, to {available}, all that "
            "espeak-ng has."
        )
    for name, value, least in (("takes", takes, 1), ("seed", seed, 0), ("jobs", jobs, 1)):
        if value is not None and value < least:
            raise UsageError(f"--{name} {value}: choose {least} or more.")
    return word


def _describe(word: str, voices: int, takes: int, seed: int) -> str:
    """The content of corpus.yaml: everything that the clips depend on."""
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
        "augmentation": asdict(_RANGES),
    }
    return yaml.safe_dump(settings, sort_keys=False, allow_unicode=True, default_flow_style=None)


def alone_at(place: Path, seconds: float = -1) -> filelock.BaseFileLock:
    """A lock of a folder, in the cache; `filelock.Timeout` after `seconds`, if not negative."""
    locks = files.cache_folder() / "locks"
    locks.mkdir(parents=True, exist_ok=True)
    return filelock.FileLock(locks / hashlib.sha256(bytes(place)).hexdigest(), timeout=seconds)


def _remove_leftovers(place: Path) -> None:
    """Delete the temporary folders of killed runs for this folder."""
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
    folder: Path, word: str, voices: int, takes: int, seed: int, jobs: int, progress: Progress
) -> None:
    """Write the clips and their lists."""
    with workers.pool(min(jobs, voices)) as executor:
        try:
            others = executor.submit(_sayable, word, other_words(word)).result()
            speakers = plan(word, others, voices, takes, seed)
            for label in {clip.label for voice in speakers for clip in voice.clips}:
                (folder / label).mkdir()
            tasks = [executor.submit(_record, voice, folder, seed) for voice in speakers]
            done = 0
            for task in as_completed(tasks):
                done += task.result()
                progress.update(done, 2 * takes * voices)
        except BrokenExecutor:
            raise StapesError(
                "A process that made speech was killed (out of memory?): use fewer --jobs."
            ) from None
    for split in SPLITS:
        rows = sorted(
            (clip.file, clip.label, voice.speaker)
            for voice in speakers
            if voice.split == split
            for clip in voice.clips
        )
        with (folder / f"{split}.csv").open("w", encoding="utf-8", newline="") as file:
            csv.writer(file, lineterminator="\n").writerows([("file", "label", "speaker"), *rows])


def _sayable(word: str, others: list[str]) -> list[str]:
    """The `others` that have sound, and another sound than `word` (in a worker)."""

    def spoken(text: str) -> bytes:
        y = espeak.speak(text, "en", "m3")
        return y.tobytes() if y.any() else b""

    sound = spoken(word)
    if not sound:
        raise UsageError(f"espeak-ng cannot say {word!r}: spell it in English letters.")
    return [other for other in others if spoken(other) not in (sound, b"")]


def _record(voice: Voice, folder: Path, seed: int) -> int:
    """Make the clips of one voice (in a worker); returns their number."""
    for number, clip in enumerate(voice.clips):
        branch = np.random.SeedSequence(seed, spawn_key=(voice.index, number))
        rng = np.random.default_rng(branch)
        speech = espeak.speak(
            clip.text,
            voice.accent,
            voice.variant,
            rate=int(rng.integers(*_RATES, endpoint=True)),
            pitch=int(rng.integers(*_PITCHES, endpoint=True)),
            pitch_range=int(rng.integers(*_PITCH_RANGES, endpoint=True)),
        )
        y = augment(_placed(speech, rng), espeak.SAMPLE_RATE, rng, _RANGES)
        samples = np.round(y * 32767).astype(np.int16)
        soundfile.write(folder / clip.file, samples, espeak.SAMPLE_RATE, subtype="PCM_16")
    return len(voice.clips)


def _placed(speech: npt.NDArray[np.int16], rng: np.random.Generator) -> npt.NDArray[np.float32]:
    """The speech at a random place of a second or more, where no shift cuts the word."""
    margin = round(max(map(abs, _RANGES.shift_seconds)) * espeak.SAMPLE_RATE)
    y = np.zeros(max(espeak.SAMPLE_RATE, len(speech) + 2 * margin), dtype=np.float32)
    start = rng.integers(margin, len(y) - margin - len(speech), endpoint=True)
    y[start : start + len(speech)] = speech / np.float32(32768)
    return y
