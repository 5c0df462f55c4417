"""Crops of sound that a detector in a stream is trained on, drawn by how wrong the model is now.

A crop is a receptive field and some seconds [shape=(frames, bins)]. Its label has one number for
each output: 1 where the word may be detected, 0 where nothing is asked, -1 where a score would be a
false accept. A crop of a word asks nothing before the word: what is there may hold speech.

Negatives are all windows of all recordings. `Crops.rescore` draws those more often that the model
takes for the word (online hard example mining: Shrivastava et al. 2016, arXiv:1604.03540).
Once the model knows where words end, some negatives hold the first half of a word. Captures of a
device (`Captured`) are a part of each batch.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stapes.data.stream.frames import Words
from stapes.frontends.numerics.stream import real
from stapes.models.settings import StreamSettings

Frames = NDArray[np.int8]
Scores = Callable[[Frames], NDArray[np.float32]]
"""From frames [n, bins] to scores from 0 to 1 [steps]."""

_EARLIEST = 25
"""Frames from a clip's begin to the first output that may detect its word."""
_LATEST = 40
"""Frames from a clip's end to the last such output."""
_BEFORE, _AFTER = 8, 30
"""The same around the word's end, where it is known."""
_HOP = 75
"""Frames from one negative window to the next."""
_JITTER = 40
_FLOOR = 0.005
"""Added to a window's score: windows that the model finds easy are drawn too."""
_MOST_CAPTURED, _CAPTURED_EACH = 0.1, 0.005
"""The part of a batch that all captures have, and that one has, at least."""
_LONGEST = 0.98
"""The part of the clips whose words a crop holds whole."""


@dataclass(frozen=True)
class Captured:
    """How much of the training sound is captures of a device, which are drawn often.

    words : clips of the word, the last of all
    others : captures without the word
    recordings : the last of all sound without the word, which hold these
    """

    words: int = 0
    others: int = 0
    recordings: int = 0


class Crops:
    """Draws batches of crops; the same seed, epoch and number give the same batch.

    Parameters
    ----------
    words : sequence of Words
    others : sequence of np.ndarray [shape=(frames, bins)], int8
        Sound without the word.
    field, stride : int [frames]
        Of the model.
    halves : callable, optional
        From where each word ends to sound with the first halves of the words, which is sound
        without the word. It is called once.
    captured : Captured, optional
    """

    def __init__(
        self,
        words: Sequence[Words],
        others: Sequence[Frames],
        *,
        field: int,
        stride: int,
        settings: StreamSettings,
        seed: int,
        halves: Callable[[NDArray[np.float64]], Frames] | None = None,
        captured: Captured | None = None,
    ) -> None:
        self._words, self._field, self._stride = words, field, stride
        self._settings, self._seed = settings, seed
        self._make_halves = halves if round(settings.parts * settings.others) else None
        self._halves: Frames | None = None
        marks = [(tape, *mark) for tape, part in enumerate(words) for mark in part.marks.tolist()]
        self._marks = np.array(marks, np.int64)
        spans = self._marks[:, 2] - self._marks[:, 1]
        span = int(np.quantile(spans, _LONGEST)) + _LATEST + 20
        self.outputs = span // stride + 1
        self.frames = field + (self.outputs - 1) * stride
        # A stretch that is too short for a crop is repeated.
        self._others = [_at_least(x, self.frames + 1) for x in others]
        self._starts = np.array(
            [
                (number, start)
                for number, x in enumerate(self._others)
                for start in range(0, len(x) - self.frames, _HOP)
            ],
            np.int64,
        )
        self.weights = np.ones(len(self._starts))
        self.ends = np.full(int(self._marks[:, 3].max()) + 1, -1.0)
        """Where each word ends in its clip, as a part of its length; -1 where it is not known."""
        self._captured = captured or Captured()
        first_word = len(self.ends) - self._captured.words
        self._captured_marks = np.flatnonzero(self._marks[:, 3] >= first_word)
        first = len(self._others) - self._captured.recordings
        self._is_captured = self._starts[:, 0] >= first

    def copied(self) -> Crops:
        """These crops for another training, which changes nothing here."""
        other = copy.copy(self)
        other.ends = self.ends.copy()
        return other

    def rescore(self, scores: Scores) -> float:
        """Draw negatives by the model's scores from now on; returns the mean of the highest ones.

        One pass over the whole recordings.
        """
        tops = np.zeros(len(self._starts))
        begin = 0
        for number, x in enumerate(self._others):
            steps = scores(x)
            starts = self._starts[self._starts[:, 0] == number, 1] // self._stride
            windows = np.minimum(starts[:, None] + np.arange(self.outputs), len(steps) - 1)
            tops[begin : begin + len(starts)] = steps[windows].max(axis=1)
            begin += len(starts)
        self.weights = tops + _FLOOR
        return float(tops.mean())

    def find(self, scores: Scores) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Where the model finds the end of each word, and its score there.

        Returns
        -------
        ends : np.ndarray [shape=(clips,)]
            As `ends` has them: the median over the copies of a clip.
        highest : np.ndarray [shape=(clips,)]
            The median of the scores there; 0 where the end is not known.
        """
        found: dict[int, list[tuple[float, float]]] = {}
        for tape, begin, end, clip in self._marks.tolist():
            first = max(0, begin - self._field)
            steps = scores(self._words[tape].x[first : end + _LATEST + 5])
            ends = first + self._field - 1 + self._stride * np.arange(len(steps))
            allowed = (ends > begin + _EARLIEST) & (ends < end + _LATEST)
            if allowed.any():
                best = int(np.argmax(np.where(allowed, steps, -1.0)))
                part = (ends[best] - begin) / max(1, end - begin)
                found.setdefault(clip, []).append((part, float(steps[best])))
        places = np.tile([-1.0, 0.0], (len(self.ends), 1))
        for clip, pairs in found.items():
            places[clip] = np.median(pairs, axis=0)
        return places[:, 0], places[:, 1]

    def locate(self, scores: Scores) -> None:
        """Keep where the model finds the end of each word."""
        ends, _ = self.find(scores)
        self.ends = np.where(ends >= 0, ends, self.ends)

    def batch(
        self, epoch: int, number: int, *, mask: bool = True
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Features [n, frames, bins] and labels [n, outputs]: the words first."""
        rng = np.random.default_rng([self._seed, 8, epoch, number])
        chosen = self._chosen_words(rng)
        pairs = [self._word(self._marks[index], rng) for index in chosen]
        odds = self._odds()
        halves = self._halves_of_words()
        count = 0 if halves is None else round(self._settings.parts * self._settings.others)
        starts = self._starts[rng.choice(len(odds), self._settings.others - count, p=odds)]
        pairs += [self._other(number, start, rng) for number, start in starts.tolist()]
        if halves is not None:
            pairs += [self._half(halves, rng) for _ in range(count)]
        x = real(np.stack([x for x, _ in pairs]))
        if mask:
            self._mask(x, rng)
        return x, np.stack([y for _, y in pairs])

    def _chosen_words(self, rng: np.random.Generator) -> NDArray[np.int64]:
        """The marks of a batch, a part of them captured words."""
        chosen = rng.integers(len(self._marks), size=self._settings.words)
        if self._captured.words:
            often = rng.random(len(chosen)) < _share(self._captured.words)
            chosen[often] = rng.choice(self._captured_marks, int(often.sum()))
        return chosen

    def _odds(self) -> NDArray[np.float64]:
        """How probable each negative is; captures have a part of it at least."""
        odds: NDArray[np.float64] = self.weights / self.weights.sum()
        captured, share = self._is_captured, _share(self._captured.others)
        if captured.any() and odds[captured].sum() < share:
            odds[captured] *= share / odds[captured].sum()
            odds[~captured] *= (1 - share) / odds[~captured].sum()
        return odds

    def _word(
        self, mark: NDArray[np.int64], rng: np.random.Generator
    ) -> tuple[Frames, NDArray[np.float32]]:
        tape, begin, end, clip = mark.tolist()
        x = self._words[tape].x
        start = end + _LATEST + 5 - self.frames - int(rng.integers(30))
        centre = begin + self.ends[clip] * (end - begin)
        if self.ends[clip] >= 0:
            # A long clip may begin with its word.
            start = min(start, int(centre) - _BEFORE - self._field + 1)
        start = max(0, min(start, len(x) - self.frames))
        ends = start + self._field - 1 + self._stride * np.arange(self.outputs)
        if self.ends[clip] >= 0:
            allowed = (ends > centre - _BEFORE) & (ends < centre + _AFTER)
        else:
            allowed = (ends > begin + _EARLIEST) & (ends < end + _LATEST)
        return _at_least(x[start : start + self.frames], self.frames), allowed.astype(np.float32)

    def _other(
        self, number: int, start: int, rng: np.random.Generator
    ) -> tuple[Frames, NDArray[np.float32]]:
        x = self._others[number]
        start = int(np.clip(start + rng.integers(-_JITTER, _JITTER), 0, len(x) - self.frames))
        return x[start : start + self.frames], np.full(self.outputs, -1.0, np.float32)

    def _half(self, halves: Frames, rng: np.random.Generator) -> tuple[Frames, NDArray[np.float32]]:
        start = int(rng.integers(len(halves) - self.frames + 1))
        return halves[start : start + self.frames], np.full(self.outputs, -1.0, np.float32)

    def _halves_of_words(self) -> Frames | None:
        """Sound with the first halves of words, once it is known where words end."""
        if self._halves is None and self._make_halves and (self.ends >= 0).any():
            self._halves = _at_least(self._make_halves(self.ends), self.frames)
        return self._halves

    def _mask(self, x: NDArray[np.float32], rng: np.random.Generator) -> None:
        """SpecAugment's bands of bins, one a crop (Park et al. 2019, arXiv:1904.08779)."""
        bins = x.shape[2]
        for row in x:
            width = int(rng.integers(self._settings.frequency_mask + 1))
            begin = int(rng.integers(bins - width + 1))
            row[:, begin : begin + width] = 0.0


def _share(captures: int) -> float:
    """The part of a batch that is captures: a few must not crowd out the others."""
    return min(_MOST_CAPTURED, _CAPTURED_EACH * captures)


def _at_least(x: Frames, frames: int) -> Frames:
    return x if len(x) >= frames else np.resize(x, (frames, x.shape[1]))
