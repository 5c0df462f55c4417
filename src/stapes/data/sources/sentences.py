"""Running speech without the wake word: sentences that espeak-ng speaks.

`make_sentences` writes recordings of about a minute, one a voice, each in its own room and noise:
`<split>/<speaker>_nohash_0.flac`, at 16 kHz. A variant of espeak-ng is in the split that it has in
the corpus of the same seed: no voice is in two splits.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from concurrent.futures import as_completed
from dataclasses import asdict
from itertools import islice
from pathlib import Path

import numpy as np
import numpy.typing as npt
import yaml

from stapes.audio.read import resample
from stapes.audio.write import write_sound
from stapes.data.augmentation import Ranges, augment
from stapes.data.sources import espeak
from stapes.data.sources.sentence_text import has_word, sentences
from stapes.data.sources.synthetic_plan import drawn_voices, speaker_of
from stapes.data.sources.whole_folder import make_whole, speaking
from stapes.errors import UsageError
from stapes.system.progress import SILENT, Progress

SHARES = {"train": 1.0, "validation": 1 / 3, "test": 1.0}
"""The length of each split, as a part of `minutes`."""

_PLANNED = {"train": "train", "val": "validation", "test": "test"}
_RATE = 16_000
_SECONDS_A_VOICE = 60.0
_RATES = (130, 210)  # words per minute
_PITCHES = (30, 70)
_PITCH_RANGES = (30, 80)
_TOGETHER = (1, 6)
"""Sentences in one breath, at one rate and pitch."""
_SENTENCE_SECONDS = 2.5
"""About the length of one."""
_PAUSES = (0.4, 2.0)
"""Silence after them [s]."""
_CHECKED = 50
"""Sentences whose sound is compared with that of the word at a time."""
_RANGES = Ranges()
# Raise it when the same settings make other recordings.
_RECIPE = 1


def make_sentences(
    word: str,
    out: Path,
    *,
    minutes: float,
    seed: int = 0,
    jobs: int | None = None,
    progress: Progress = SILENT,
) -> Path:
    """Make recordings of sentences without `word`; returns `out`.

    Parameters
    ----------
    word : str
        The word or phrase that no sentence contains.
    out : Path
        The new folder; if it holds these very recordings already, nothing is done.
    minutes : float > 0
        Of test sentences, at least; `SHARES` has the other splits.
    seed : int >= 0
        Of the voices' splits, the sentences, and the rooms and noises.
    jobs : int > 0
        Processes; by default the cores.

    Raises
    ------
    UsageError
        `out` has other content, or no sentence is without the word.
    MissingExtraError
        espeakng-loader is not installed.
    """
    progress.begin(f'Speaking sentences without "{word}" (synthetic speech)')
    settings = {
        "synthetic": True,
        "sentences": True,
        "engine": espeak.engine(),
        "recipe": _RECIPE,
        "word": word,
        "minutes": minutes,
        "seed": seed,
        "augmentation": asdict(_RANGES),
    }
    description = yaml.safe_dump(settings, sort_keys=False, allow_unicode=True)

    def fill(folder: Path) -> None:
        planned = plan(minutes, seed)
        for split in SHARES:
            (folder / split).mkdir()
        with speaking(min(jobs or os.cpu_count() or 1, len(planned))) as executor:
            tasks = [
                executor.submit(_record, folder, word, seed, number, *voice)
                for number, voice in enumerate(planned)
            ]
            for done, task in enumerate(as_completed(tasks), 1):
                task.result()
                progress.update(done, len(tasks), "voices")

    return make_whole(Path(out), description, fill, progress)


def sentence_files(folder: Path, split: str) -> list[Path]:
    """The recordings of a split: "train", "validation" or "test"."""
    return sorted((folder / split).glob("*.flac"))


def plan(minutes: float, seed: int) -> list[tuple[str, str, str, float]]:
    """Who speaks: accent, variant, split and seconds of each voice."""
    drawn = drawn_voices(np.random.default_rng(seed))
    planned = []
    for split, share in SHARES.items():
        voices = [voice for voice in drawn if _PLANNED[voice[2]] == split]
        seconds = 60 * minutes * share
        count = min(len(voices), math.ceil(seconds / _SECONDS_A_VOICE))
        planned += [
            (accent, variant, split, seconds / count) for accent, variant, _ in voices[:count]
        ]
    return planned


def _record(
    folder: Path, word: str, seed: int, number: int, accent: str, variant: str, split: str,
    seconds: float,
) -> None:  # fmt: skip
    """Make the recording of a voice (in a worker)."""
    rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(1 << 20, number)))
    texts = _without_sound_of(word, accent, sentences(word, rng))
    wanted, length = round(seconds * _RATE), 0
    parts: list[npt.NDArray[np.float32]] = []
    while length < wanted:
        left = math.ceil((wanted - length) / _RATE / _SENTENCE_SECONDS)
        count = min(left, int(rng.integers(*_TOGETHER, endpoint=True)))
        text = " ".join(islice(texts, count))
        if not text:
            raise UsageError(
                f"No sentence is without {word!r}: give recordings with --negatives and "
                "--continuous."
            )
        speech = espeak.speak(
            text,
            accent,
            variant,
            rate=int(rng.integers(*_RATES, endpoint=True)),
            pitch=int(rng.integers(*_PITCHES, endpoint=True)),
            pitch_range=int(rng.integers(*_PITCH_RANGES, endpoint=True)),
        )
        spoken = resample((speech / 32768).astype(np.float32), espeak.SAMPLE_RATE, _RATE)
        parts += [spoken, np.zeros(round(rng.uniform(*_PAUSES) * _RATE), np.float32)]
        length += len(parts[-2]) + len(parts[-1])
    # Whole seconds, whose Fourier transforms are fast.
    parts.append(np.zeros(-length % _RATE, np.float32))
    y = augment(np.concatenate(parts), _RATE, rng, _RANGES)
    path = folder / split / f"{speaker_of(accent, variant)}_nohash_0.flac"
    write_sound(path, np.round(y * 32767).astype(np.int16), _RATE)


def _without_sound_of(word: str, accent: str, texts: Iterator[str]) -> Iterator[str]:
    """The texts that do not sound as if they had the word: "write" is "right"."""
    while drawn := list(islice(texts, _CHECKED)):
        sound, *spoken = espeak.phonemes([word, *drawn], accent)
        usable = [
            text
            for text, phonemes in zip(drawn, spoken, strict=True)
            if not sound or not has_word(phonemes, sound)
        ]
        if not usable:
            return
        yield from usable
