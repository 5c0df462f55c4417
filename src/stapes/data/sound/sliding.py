"""Features of every window that detection scores, at one level of noise, in one file on disk.

The windows of each recording come first, then those around each embedded word. Every level of noise
has the same windows: the same moments, and the same parts of the noise.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.lib.format import open_memmap
from numpy.typing import NDArray

from stapes.audio.levels import gain_to, power
from stapes.data.extraction import chunked, in_threads
from stapes.data.sound.continuous import Sound, cyclic, embed
from stapes.frontends.frontend import Frontend
from stapes.system.files import reserve
from stapes.system.progress import SILENT, Progress

_SECTION = 256
"""Windows of a recording that are computed at once."""

_TOGETHER = 4
"""Stretches that a thread computes at a time."""


@dataclass(frozen=True)
class Plan:
    """The windows that are scored.

    recordings : begin [samples of the background], first row and number of rows, of each
    words : first row and number of rows around each embedded word
    before, after : background on each side of a word [samples]
    hop : from one window to the next [frames]
    seconds : of the background in which a detection can happen: a hop for each average
    """

    recordings: list[tuple[int, int, int]]
    words: list[tuple[int, int]]
    before: int
    after: int
    hop: int
    seconds: float

    @property
    def rows(self) -> int:
        """The number of windows."""
        return sum(part[-1] for part in (*self.recordings, *self.words))


def plan(
    sound: Sound,
    settings: Frontend,
    *,
    hop: int,
    smoothing: int,
    tolerance_seconds: float,
    most_seconds: float | None = None,
) -> Plan:
    """Choose the windows.

    Parameters
    ----------
    hop : int > 0 [frames]
    smoothing : int > 0
        Scores in an average. The windows of the first average at a word end where its clip begins.
    tolerance_seconds : float >= 0
        Time after its clip in which a word can be detected.
    most_seconds : float, optional
        Of the background; the rest is omitted.
    """
    step = hop * settings.hop_length
    left = sound.background.samples
    if most_seconds is not None:
        # At least one average is needed to detect.
        shortest = settings.window + (smoothing - 1) * step
        left = min(left, max(shortest, round(most_seconds * settings.sample_rate)))
    recordings, row, averages = [], 0, 0
    for begin, samples in sound.recordings:
        used = min(samples, left)
        left -= used
        count = settings.windows_in(used, hop)
        if count >= smoothing:
            recordings.append((begin, row, count))
            row += count
            averages += count - smoothing + 1
    before = settings.window + (smoothing - 1) * step
    after = round(tolerance_seconds * settings.sample_rate)
    words = []
    for piece in sound.words.pieces:
        count = settings.windows_in(before + piece.samples + after, hop)
        words.append((row, count))
        row += count
    return Plan(recordings, words, before, after, hop, averages * step / settings.sample_rate)


def write_features(
    sound: Sound,
    windows: Plan,
    settings: Frontend,
    path: Path,
    *,
    snr_db: float | None,
    seed: int,
    progress: Progress = SILENT,
) -> None:
    """Compute the features of every window into a .npy file [shape=(rows, frames, bins, 1)].

    Parameters
    ----------
    path : Path
        Overwritten; memory-map it to read it.
    snr_db : float, optional
        Level of speech over that of noise; by default there is no noise.
    seed : int
        Draws the moments of the words and of the noise.
    """
    x = open_memmap(path, mode="w+", dtype=np.float32, shape=(windows.rows, *settings.shape))
    reserve(path)
    stretches = _stretches(sound, windows, settings, seed)
    gain = np.float32(0.0 if snr_db is None else gain_to(1.0, power(-snr_db)))

    def features(group: list[_Stretch]) -> list[NDArray[np.float32]]:
        return [
            settings.sliding(_samples(sound, part, gain), windows.hop)[part.lead :][: part.rows]
            for part in group
        ]

    for group, results in in_threads(chunked(stretches, _TOGETHER), features):
        for part, rows in zip(group, results, strict=True):
            x[part.row : part.row + part.rows] = rows
        progress.update(group[-1].row + group[-1].rows, windows.rows, "features")
    x.flush()


@dataclass(frozen=True)
class _Stretch:
    """Sound that is cut into windows.

    row, rows : of its windows' features
    lead : windows before these, to warm up a frontend with a state
    begin, samples : of the background
    noise : where its noise begins on the tape of noise
    word, before, after, seed : of an embedded word instead, see `embed`
    """

    row: int
    rows: int
    lead: int
    begin: int
    samples: int
    noise: int
    word: int | None = None
    before: int = 0
    after: int = 0
    seed: int = 0


def _stretches(sound: Sound, windows: Plan, settings: Frontend, seed: int) -> Iterator[_Stretch]:
    step = windows.hop * settings.hop_length
    rng = np.random.default_rng([seed, 5])
    length = sound.noise.samples
    warm_up = -(-settings.warm_up // step)
    for begin, row, count in windows.recordings:
        noise = int(rng.integers(length))
        for first in range(0, count, _SECTION):
            rows = min(_SECTION, count - first)
            # A recording begins like a device at power-on.
            lead = min(first, warm_up)
            samples = (lead + rows - 1) * step + settings.window
            at = (first - lead) * step
            yield _Stretch(row + first, rows, lead, begin + at, samples, noise + at)
    for word, (row, rows) in enumerate(windows.words):
        noise = int(rng.integers(length))
        lead = warm_up * step
        before = windows.before + lead
        yield _Stretch(row, rows, warm_up, 0, 0, noise - lead, word, before, windows.after, seed)


def _samples(sound: Sound, part: _Stretch, gain: np.float32) -> NDArray[np.float32]:
    if part.word is None:
        y = np.asarray(sound.background.open()[part.begin : part.begin + part.samples])
    else:
        rng = np.random.default_rng([part.seed, 3, part.word])
        y = embed(sound, part.word, part.before, part.after, rng)
    if gain:
        y = y + gain * cyclic(sound.noise.open(), part.noise, len(y))
    return y
