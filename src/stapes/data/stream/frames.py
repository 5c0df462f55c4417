"""Frames of training sound on disk: what a frontend gives a detector in a stream.

A file holds the frames of one stretch of sound [shape=(frames, 40)], int8, as
`StreamFrontend.stream` computes them. For sound with words, a second file holds where each clip
begins and ends.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from stapes.data.sound.tape import Piece, Tape
from stapes.data.stream import mixing
from stapes.data.stream.mixing import RATE, Mixed, Ranges, Sources
from stapes.data.word_length import needed, stretch
from stapes.frontends.numerics.stream import HOP as HOP
from stapes.frontends.stream import StreamFrontend
from stapes.system.files import atomic_path

_SHORTEST_HALF = RATE // 10
"""Samples; less is no part of a word."""
_MOST_HALVES = 600
_LATE_FRAMES = 2
"""Frames that the first 30 ms of a device lack."""
LATE_SECONDS = 0.02
"""A frame is 30 ms long: frame `f` ends so much later than (f + 1) * 10 ms.

`measure.StreamOutputs` has the output after frame `f` at (f + 1) * 10 ms, so times of clips are so
much earlier there.
"""


@dataclass(frozen=True)
class Words:
    """Sound with words.

    x : np.ndarray [shape=(frames, 40)], int8
    marks : np.ndarray [shape=(words, 3)], begin and end of each clip [frames], and its index
    """

    x: NDArray[np.int8]
    marks: NDArray[np.int64]


def frames_of_mixed(mixed: Mixed, frontend: StreamFrontend) -> NDArray[np.int8]:
    """As many frames as of a recording of that length, but from power-on at each of the starts."""
    y, last = mixed.samples, len(mixed.samples) // HOP - _LATE_FRAMES
    firsts = sorted({start // HOP for start in mixed.starts if 0 < start // HOP < last})
    bounds = [0, *firsts, max(0, last)]
    return np.concatenate(
        [
            frontend.stream(y[first * HOP : (end + _LATE_FRAMES) * HOP])
            for first, end in itertools.pairwise(bounds)
        ]
    )


def write_words(
    sources: Sources, frontend: StreamFrontend, seed: list[int], ranges: Ranges, path: Path
) -> None:
    """Every word once in other sound: `path` gets the frames, and a .marks.npy beside it."""
    mixed = mixing.words_in_sound(sources, np.random.default_rng(seed), ranges)
    marks = mixed.marks.copy()
    marks[:, :2] //= HOP
    _save(path.with_suffix(".marks.npy"), marks)
    _save(path, frames_of_mixed(mixed, frontend))


def write_others(
    sources: Sources, frontend: StreamFrontend, seed: list[int], ranges: Ranges, path: Path
) -> None:
    """The clips without the word in other sound."""
    mixed = mixing.others_in_sound(sources, np.random.default_rng(seed), ranges)
    _save(path, frames_of_mixed(mixed, frontend))


def write_background(
    sources: Sources, frontend: StreamFrontend, seed: list[int] | None, ranges: Ranges, path: Path
) -> None:
    """The recordings without the word, changed by a seed or, without one, as they are."""
    if seed is None:
        _save(path, frontend.stream(np.asarray(sources.background.open())))
    else:
        mixed = mixing.changed_background(sources, np.random.default_rng(seed), ranges)
        _save(path, frames_of_mixed(mixed, frontend))


def write_noise(sources: Sources, frontend: StreamFrontend, path: Path) -> None:
    """The noise alone."""
    _save(path, frontend.stream(np.asarray(sources.noise.open()) * np.float32(0.3)))


def read_words(path: Path) -> Words:
    """What `write_words` wrote, memory-mapped."""
    return Words(read_frames(path), np.load(path.with_suffix(".marks.npy"), allow_pickle=False))


def read_frames(path: Path) -> NDArray[np.int8]:
    """The frames of a file, memory-mapped."""
    x: NDArray[np.int8] = np.load(path, mmap_mode="r", allow_pickle=False)
    return x


def write_halves(
    sources: Sources,
    frontend: StreamFrontend,
    ends: NDArray[np.float64],
    seed: list[int],
    path: Path,
) -> None:
    """The first half of each word in other sound, which has no word.

    Parameters
    ----------
    ends : np.ndarray [shape=(clips,)]
        Where each word ends, as a part of its clip; -1 where it is not known.
    """
    words, rng = sources.words, np.random.default_rng(seed)
    tape = words.open()
    halves = [
        half
        for piece, end in zip(words.pieces, ends.tolist(), strict=True)
        if end >= 0 and (half := _first_half(tape, piece, end)).samples >= _SHORTEST_HALF
    ]
    if len(halves) > _MOST_HALVES:
        halves = [halves[place] for place in rng.permutation(len(halves))[:_MOST_HALVES]]
    halved = replace(sources, words=Tape.written(words.path, words.sample_rate, halves))
    _save(path, frames_of_mixed(mixing.words_in_sound(halved, rng, sources.ranges), frontend))


def word_frames(sources: Sources) -> int:
    """The length of the word [frames]: as long as 95 of 100 clips need."""
    tape = sources.words.open()
    lengths = [
        stretch(np.asarray(tape[piece.begin : piece.begin + piece.samples]), RATE)[1]
        for piece in sources.words.pieces
    ]
    return needed([length / HOP for length in lengths])


def _first_half(tape: NDArray[np.float32], piece: Piece, end: float) -> Piece:
    """A clip until its word is half over, by the earlier of two ends: the given, and by energy."""
    begin, length = stretch(np.asarray(tape[piece.begin : piece.begin + piece.samples]), RATE)
    last = min(end * piece.samples, begin + length)
    return Piece(piece.name, piece.begin, max(0, round(last - length / 2)))


def _save(path: Path, array: NDArray[np.generic]) -> None:
    with atomic_path(path) as temporary, temporary.open("wb") as file:
        np.save(file, array, allow_pickle=False)
