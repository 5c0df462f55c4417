"""A corpus of synthetic speech: any word and other words, spoken by many voices.

`make_corpus` writes clips like those of a recorded corpus: `<label>/<speaker>_nohash_<n>.wav`, one
second or more, 16 bit, 22,050 Hz, each in its own room and noise. It lists them in `train.csv`,
`val.csv` and `test.csv` (file, label, speaker). The same word, voices, takes and seed make the same
bytes with any number of processes. `synthetic_plan` draws who speaks what.
"""

from __future__ import annotations

import csv
import os
from concurrent.futures import as_completed
from dataclasses import asdict
from pathlib import Path

import numpy as np
import numpy.typing as npt
import yaml

from stapes.audio.write import write_sound
from stapes.data.augmentation import Ranges, augment
from stapes.data.sources import espeak
from stapes.data.sources.synthetic_plan import SPLITS, Voice, label_of, other_words, plan
from stapes.data.sources.whole_folder import make_whole, speaking
from stapes.errors import UsageError
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
    progress.begin(f'Speaking "{word}" and other words (synthetic speech)')
    description = _describe(word, voices, takes, seed)

    def fill(folder: Path) -> None:
        _fill(folder, word, voices, takes, seed, jobs or os.cpu_count() or 1, progress)

    return make_whole(out, description, fill, progress)


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


def _fill(
    folder: Path, word: str, voices: int, takes: int, seed: int, jobs: int, progress: Progress
) -> None:
    """Write the clips and their lists."""
    with speaking(min(jobs, voices)) as executor:
        others = executor.submit(_sayable, word, other_words(word)).result()
        speakers = plan(word, others, voices, takes, seed)
        for label in {clip.label for voice in speakers for clip in voice.clips}:
            (folder / label).mkdir()
        tasks = [executor.submit(_record, voice, folder, seed) for voice in speakers]
        done = 0
        for task in as_completed(tasks):
            done += task.result()
            progress.update(done, 2 * takes * voices)
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
        write_sound(folder / clip.file, samples, espeak.SAMPLE_RATE)
    return len(voice.clips)


def _placed(speech: npt.NDArray[np.int16], rng: np.random.Generator) -> npt.NDArray[np.float32]:
    """The speech at a random place of a second or more, where no shift cuts the word."""
    margin = round(max(map(abs, _RANGES.shift_seconds)) * espeak.SAMPLE_RATE)
    y = np.zeros(max(espeak.SAMPLE_RATE, len(speech) + 2 * margin), dtype=np.float32)
    start = rng.integers(margin, len(y) - margin - len(speech), endpoint=True)
    y[start : start + len(speech)] = speech / np.float32(32768)
    return y
