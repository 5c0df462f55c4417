"""The plan of a synthetic corpus: who speaks what, in which split.

A speaker is a voice: an espeak-ng variant (the throat) with an accent. Voices of one variant are
similar, so all of them are in one split.
"""

from __future__ import annotations

import itertools
import re
import unicodedata
from collections import Counter
from dataclasses import dataclass

import numpy as np

from stapes.data.slug import slug
from stapes.data.sources import espeak

SPLITS = ("train", "val", "test")
# Three, one and one of every five variants; the first three are one of each.
_SPLIT_PATTERN = ("train", "val", "test", "train", "train")

# The words of Speech Commands, and words similar to "house" or "computer".
OTHER_WORDS = (
    *("backward", "bed", "bird", "cat", "dog", "down", "eight", "five", "follow", "forward"),
    *("four", "go", "happy", "house", "learn", "left", "marvin", "nine", "no", "off"),
    *("on", "one", "right", "seven", "sheila", "six", "stop", "three", "tree", "two"),
    *("up", "visual", "wow", "yes", "zero"),
    *("mouse", "horse", "how", "hose", "out", "home", "computer", "commuter", "compute"),
)
# How often each of the words nearest to a phrase is among the other words.
_NEAR_REPEATS = 3


@dataclass(frozen=True)
class Clip:
    """One file of the plan; `text` is spoken."""

    file: str
    label: str
    text: str


@dataclass(frozen=True)
class Voice:
    """One speaker, its split and its clips, which its index in the plan seeds."""

    index: int
    accent: str
    variant: str
    split: str
    clips: tuple[Clip, ...]

    @property
    def speaker(self) -> str:
        return speaker_of(self.accent, self.variant)


def label_of(word: str) -> str:
    """The label, and folder, of a word: "Hey Computer!" is "hey_computer"."""
    return slug(unicodedata.normalize("NFKC", word))


def other_words(word: str) -> list[str]:
    """The words next to `word`, the nearest first and more often.

    A part of a phrase, or the phrase with another word in it, must not wake: "hey" and "hey seven"
    teach a model to need all of "hey computer".
    """
    parts = [part for part in re.split(r"[\s_-]+", word) if label_of(part)]
    near = []
    if len(parts) > 1:
        swapped = itertools.cycle(("seven", "follow", "house", "right"))
        near = parts + [
            " ".join([*parts[:at], next(swapped), *parts[at + 1 :]]) for at in range(len(parts))
        ]
    labels = {label_of(word)}
    others = []
    for other in itertools.chain(near, OTHER_WORDS):
        if label_of(other) not in labels:
            labels.add(label_of(other))
            others += [other] * (_NEAR_REPEATS if other in near else 1)
    return others


def plan(word: str, others: list[str], voices: int, takes: int, seed: int) -> list[Voice]:
    """Draw who speaks what: the whole corpus except the sound.

    Each split repeats `others` in its own order, those that are there more than once first. The
    parameters are those of `make_corpus`.
    """
    rng = np.random.default_rng(seed)
    drawn = drawn_voices(rng)
    often = Counter(others)
    rows = {
        split: itertools.cycle(sorted(rng.permutation(others).tolist(), key=lambda w: often[w] < 2))
        for split in SPLITS
    }
    planned = []
    for index, (accent, variant, split) in enumerate(drawn[:voices]):
        texts = [word] * takes + list(itertools.islice(rows[split], takes))
        clips = _clips(speaker_of(accent, variant), texts)
        planned.append(Voice(index, accent, variant, split, clips))
    return planned


def drawn_voices(rng: np.random.Generator) -> list[tuple[str, str, str]]:
    """All voices in random order: accent, variant and split."""
    variants = rng.permutation(espeak.variants()).tolist()
    accents = [rng.permutation(espeak.accents()).tolist() for _ in variants]
    # Every variant once before any has a second accent.
    pairs = itertools.product(range(len(accents[0])), range(len(variants)))
    return [
        (accents[at][turn], variants[at], _SPLIT_PATTERN[at % len(_SPLIT_PATTERN)])
        for turn, at in pairs
    ]


def _clips(speaker: str, texts: list[str]) -> tuple[Clip, ...]:
    takes: Counter[str] = Counter()
    clips = []
    for text in texts:
        label = label_of(text)
        clips.append(Clip(f"{label}/{speaker}_nohash_{takes[label]}.wav", label, text))
        takes[label] += 1
    return tuple(clips)


def speaker_of(accent: str, variant: str) -> str:
    """The name of a voice in names of files."""
    return f"{accent}-{variant}".lower().replace(" ", "-")
