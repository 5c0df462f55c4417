"""Frames of training sound on disk: what the device's frontend gives a detector in a stream.

A file holds the frames of one stretch of sound [shape=(frames, 40)], int8, as ESPHome quantizes
them. For sound with words, a second file holds where each clip begins and ends.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from stapes.data.stream import mixing
from stapes.data.stream.mixing import Sources
from stapes.frontends.numerics.micro import frames, quantized
from stapes.system.files import atomic_path

HOP = 160
"""Samples from frame to frame."""


@dataclass(frozen=True)
class Words:
    """Sound with words.

    x : np.ndarray [shape=(frames, 40)], int8
    marks : np.ndarray [shape=(words, 3)], begin and end of each clip [frames], and its index
    """

    x: NDArray[np.int8]
    marks: NDArray[np.int64]


def frames_of(y: NDArray[np.float32]) -> NDArray[np.int8]:
    """The quantized frames of a recording [samples] -> [frames, 40], from power-on."""
    return quantized(frames(y, HOP))


def write_words(sources: Sources, seed: list[int], path: Path) -> None:
    """Every word once in other sound: `path` gets the frames, and a .marks.npy beside it."""
    y, marks = mixing.words_in_sound(sources, np.random.default_rng(seed))
    marks[:, :2] //= HOP
    _save(path.with_suffix(".marks.npy"), marks)
    _save(path, frames_of(y))


def write_others(sources: Sources, seed: list[int], path: Path) -> None:
    """The clips without the word in other sound."""
    _save(path, frames_of(mixing.others_in_sound(sources, np.random.default_rng(seed))))


def write_background(sources: Sources, seed: list[int] | None, path: Path) -> None:
    """The recordings without the word, changed by a seed or, without one, as they are."""
    if seed is None:
        y = np.asarray(sources.background.open())
    else:
        y = mixing.changed_background(sources, np.random.default_rng(seed))
    _save(path, frames_of(y))


def write_noise(sources: Sources, path: Path) -> None:
    """The noise alone."""
    _save(path, frames_of(np.asarray(sources.noise.open()) * np.float32(0.3)))


def read_words(path: Path) -> Words:
    """What `write_words` wrote, memory-mapped."""
    return Words(read_frames(path), np.load(path.with_suffix(".marks.npy"), allow_pickle=False))


def read_frames(path: Path) -> NDArray[np.int8]:
    """The frames of a file, memory-mapped."""
    x: NDArray[np.int8] = np.load(path, mmap_mode="r", allow_pickle=False)
    return x


def word_frames(sources: Sources) -> int:
    """The length of the word's stretch [frames]: as long as 95 of 100 clips need.

    A clip's stretch is the shortest that holds 90 % of its energy above the noise floor.
    """
    tape = sources.words.open()
    lengths = [
        _active(np.asarray(tape[piece.begin : piece.begin + piece.samples]))
        for piece in sources.words.pieces
    ]
    return int(np.ceil(np.quantile(lengths, 0.95)))


def _active(y: NDArray[np.float32]) -> int:
    """The shortest stretch [frames] with 90 % of the energy above the floor."""
    count = len(y) // HOP
    energy = np.square(y[: count * HOP], dtype=np.float64).reshape(count, HOP).sum(axis=1)
    energy = np.maximum(energy - np.quantile(energy, 0.2), 0.0)
    total = np.concatenate([[0.0], np.cumsum(energy)])
    ends = np.searchsorted(total, total[:-1] + 0.9 * total[-1])
    reached = ends <= count
    spans = (ends - np.arange(count))[reached]
    return int(spans.min()) if len(spans) else count


def _save(path: Path, array: NDArray[np.generic]) -> None:
    with atomic_path(path) as temporary, temporary.open("wb") as file:
        np.save(file, array, allow_pickle=False)
