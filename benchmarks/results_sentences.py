"""A wake word inside sentences on real telephones: what a detector does in what people say.

`telephone_sentences` and `hours/wuw_corpus_ii_sentences` have an `index.csv` each, with the seconds
of the word in a sentence. They are by the same people as the clips of the word, so the people of
the training and validation clips are left out, of the sentences and of the sound to count in.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from stapes.audio.levels import SPEECH_DB, active_power, block_powers, gain_to, power
from stapes.audio.read import read
from stapes.contracts.results import Results
from stapes.data.corpus import Corpus
from stapes.data.stream.mixing import RATE
from stapes.listen.wake_word import WakeWord
from stapes.measure.intervals import wilson
from stapes.system.text import interval, percent

FOLDERS = ("telephone_sentences", "hours/wuw_corpus_ii_sentences")
_SPEAKER = len("spk000")
_LEAD_SECONDS = 3.0
"""Of another sentence before each: a device is deaf at first."""
_LATE_SECONDS = 0.7
"""After the end of the word, in which a detection is of this word."""


@dataclass(frozen=True)
class Sentence:
    """A recording, and where the word is in it [s]; None where it is not."""

    path: Path
    speaker: str
    word: tuple[float, float] | None


def sentences(speech: Path, word: str) -> list[Sentence]:
    """All of both folders."""
    every = []
    for folder in FOLDERS:
        with (speech / folder / "index.csv").open(encoding="utf-8") as file:
            for row in csv.DictReader(file):
                says = row["word"] == word and row["says_word"] == "1"
                seconds = (float(row["word_start"]), float(row["word_end"])) if says else None
                path = speech / folder / row["file"]
                every.append(Sentence(path, row["file"][:_SPEAKER], seconds))
    return every


def not_test_sound(speech: Path, word: str, corpus: Corpus) -> set[Path]:
    """The sentences with the word, and those of people in the training or validation clips."""
    learned = _learned(corpus)
    return {
        sentence.path
        for sentence in sentences(speech, word)
        if sentence.word is not None or sentence.speaker in learned
    }


def in_sentences(speech: Path, run: Path, results: Results, corpus: Corpus) -> str:
    """A line about the words that the row `stream` misses inside sentences."""
    learned = _learned(corpus)
    every = [s for s in sentences(speech, results.word) if s.speaker not in learned]
    with_word = [sentence for sentence in every if sentence.word is not None]
    before = _samples(next(s.path for s in every if s.word is None))[: round(_LEAD_SECONDS * RATE)]
    detector = WakeWord(run, variant="stream")
    found = sum(_finds(detector, sentence, before) for sentence in with_word)
    misses = len(with_word) - found
    bounds = interval(wilson(misses, len(with_word)))
    people = len({sentence.speaker for sentence in with_word})
    return (
        f"Inside {len(with_word)} sentences of {people} people whom no training saw, `stream` of "
        f"`{results.word}` misses {misses} of the words: "
        f"{percent(misses / len(with_word), 1)} ({bounds} %)."
    )


def _finds(detector: WakeWord, sentence: Sentence, before: np.ndarray) -> bool:
    """Whether a detection is between the word's begin and a moment after its end."""
    assert sentence.word is not None
    detector.reset()
    silence = np.zeros(RATE, np.float32)
    y = np.concatenate([before, _samples(sentence.path), silence])
    begin, end = (_LEAD_SECONDS + seconds for seconds in sentence.word)
    detections = detector.process(y)
    return any(begin <= detection.seconds <= end + _LATE_SECONDS for detection in detections)


def _samples(path: Path) -> np.ndarray:
    """A recording at the level of speech."""
    y = read(path, RATE)
    gain = gain_to(active_power(block_powers(y, RATE)), power(SPEECH_DB))
    return np.asarray(y * np.float32(gain))


def _learned(corpus: Corpus) -> set[str | None]:
    return {clip.speaker for split in ("train", "validation") for clip in corpus.splits[split]}
