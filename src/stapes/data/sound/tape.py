"""Sound of many files one after the other in one file on disk, at one rate and one level.

Hours of sound are read again for every level of noise: a tape is decoded and resampled once, and
needs no memory.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from stapes.audio import read
from stapes.audio.levels import active_power, block_powers, gain_to
from stapes.data.layouts import recording_seconds
from stapes.errors import AudioError

PIECE_SECONDS = 300.0
"""Sound that is decoded, resampled and levelled at a time."""

Level = Callable[[NDArray[np.float64]], float]


@dataclass(frozen=True)
class Piece:
    """The samples of one file on a tape, from `begin` on."""

    name: str
    begin: int
    samples: int


class Tape:
    """Samples on disk at a rate [Hz], and the files they come from; `path` is overwritten."""

    def __init__(self, path: Path, sample_rate: int) -> None:
        self.path = path
        self.sample_rate = sample_rate
        self.pieces: list[Piece] = []
        path.write_bytes(b"")

    @classmethod
    def written(cls, path: Path, sample_rate: int, pieces: list[Piece]) -> Tape:
        """A tape that is on disk already, or some pieces or parts of pieces of it."""
        tape = cls.__new__(cls)
        tape.path, tape.sample_rate, tape.pieces = path, sample_rate, pieces
        return tape

    @property
    def samples(self) -> int:
        """Their number."""
        return self.path.stat().st_size // 4

    @property
    def seconds(self) -> float:
        """The length."""
        return self.samples / self.sample_rate

    def open(self) -> NDArray[np.float32]:
        """The samples [shape=(samples,)], memory-mapped; of an empty tape, none."""
        if not self.samples:
            return np.zeros(0, np.float32)
        return np.memmap(self.path, np.float32, "r")

    def append(
        self,
        name: str,
        sound: Iterator[NDArray[np.float32]],
        *,
        power: float,
        level: Level = active_power,
        shortest: int = 1,
    ) -> None:
        """Add one file's sound at a power; all of it or, on an error, nothing.

        Parameters
        ----------
        sound : iterator of np.ndarray [shape=(samples,)]
            At the tape's rate.
        power : float > 0
            The mean square that `level` of the blocks' powers becomes.
        level : callable
            From the powers of all blocks of 50 ms to one power.
        shortest : int > 0 [samples]

        Raises
        ------
        AudioError
            It is shorter than that, silent, or has samples that are no numbers.
        """
        begin = self.samples
        try:
            powers = self._write(name, sound, begin, shortest)
            self._scale(begin, gain_to(level(powers), power))
        except BaseException:
            with self.path.open("r+b") as file:
                file.truncate(4 * begin)
            raise
        self.pieces.append(Piece(name, begin, self.samples - begin))

    def _write(
        self, name: str, sound: Iterator[NDArray[np.float32]], begin: int, shortest: int
    ) -> NDArray[np.float64]:
        powers = [np.zeros(0)]
        with self.path.open("ab") as file:
            for y in sound:
                if len(y):
                    powers.append(block_powers(y, self.sample_rate))
                    file.write(np.ascontiguousarray(y, np.float32).tobytes())
        written = self.samples - begin
        if written < shortest:
            seconds = f"{written / self.sample_rate:.2f} s"
            raise AudioError(
                name, f"too short ({seconds}; at least {shortest / self.sample_rate:.2f} s)"
            )
        joined = np.concatenate(powers)
        if not np.isfinite(joined).all():
            raise AudioError(name, "holds samples that are not finite numbers")
        if not joined.any():
            raise AudioError(name, "silent (every sample is zero)")
        return joined

    def _scale(self, begin: int, gain: float) -> None:
        samples = np.memmap(self.path, np.float32, "r+")
        step = round(PIECE_SECONDS * self.sample_rate)
        for first in range(begin, len(samples), step):
            samples[first : first + step] *= np.float32(gain)
        samples.flush()


def decoded(path: Path, sample_rate: int) -> Iterator[NDArray[np.float32]]:
    """The sound of a file of any length, piece by piece, mono, at a rate.

    Raises
    ------
    AudioError
        It does not decode, or is longer than 24 hours.
    """
    seconds = recording_seconds(path)
    if seconds <= PIECE_SECONDS:
        y, rate = read.decode(path)
        yield read.resample(y, rate, sample_rate)
        return
    start = 0.0
    while start < seconds:
        y, rate = read.decode_part(path, start, PIECE_SECONDS)
        yield read.resample(y, rate, sample_rate)
        start += PIECE_SECONDS
