"""Features of every window that detection scores, for one level of noise, in one file on disk.

The windows of each recording come first, then those around each embedded word. They are the same
windows at every level of noise: the same moments, the same stretches of noise.
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
"""Windows of a recording that are worked on in one go."""

_TOGETHER = 4
"""Stretches that a thread takes at a time."""


@dataclass(frozen=True)
class Plan:
    """Which windows are scored.

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
        """How many windows there are."""
        return sum(each[2] for each in self.recordings) + sum(count for _, count in self.words)


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
    sound : Sound
    settings : Frontend
    hop : int > 0 [frames]
    smoothing : int > 0
        Scores that are averaged: the first average at a word is that of windows which end where the
        word's clip begins.
    tolerance_seconds : float >= 0
        So long after its clip a word can be detected.
    most_seconds : float, optional
        Of the background; what is beyond is left out.
    """
    step = hop * settings.hop_length
    left = sound.background.samples
    if most_seconds is not None:
        # At the least, so much that there is an average to detect by.
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
    chosen: Plan,
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
    sound, chosen, settings
        As for `plan`.
    path : Path
        Written anew; memory-map it to read it.
    snr_db : float, optional
        Speech's level over the noise's; without one, no noise.
    seed : int
        Draws the moments of the words and of the noise.
    progress : Progress, optional
        Is updated with the windows done.
    """
    x = open_memmap(path, mode="w+", dtype=np.float32, shape=(chosen.rows, *settings.shape))
    reserve(path)
    stretches = _stretches(sound, chosen, settings, seed)
    gain = np.float32(0.0 if snr_db is None else gain_to(1.0, power(-snr_db)))

    def features(group: list[_Stretch]) -> list[NDArray[np.float32]]:
        return [
            settings.sliding(_heard(sound, each, gain), chosen.hop)[each.lead :][: each.rows]
            for each in group
        ]

    for group, found in in_threads(chunked(stretches, _TOGETHER), features):
        for each, rows in zip(group, found, strict=True):
            x[each.row : each.row + each.rows] = rows
        progress.update(group[-1].row + group[-1].rows, chosen.rows, "features")
    x.flush()


@dataclass(frozen=True)
class _Stretch:
    """Sound that is cut into windows.

    row, rows : where its windows' features go
    lead : windows before these, which a frontend with a state is warmed up with
    begin, samples : of the background; or, for a word, what to put around it
    noise : where its noise begins on the tape of noise
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


def _stretches(sound: Sound, chosen: Plan, settings: Frontend, seed: int) -> Iterator[_Stretch]:
    step = chosen.hop * settings.hop_length
    rng = np.random.default_rng([seed, 5])
    length = sound.noise.samples
    warm_up = -(-settings.warm_up // step)
    for begin, row, count in chosen.recordings:
        noise = int(rng.integers(length))
        for first in range(0, count, _SECTION):
            rows = min(_SECTION, count - first)
            # A recording begins as a device does that is switched on.
            lead = min(first, warm_up)
            samples = (lead + rows - 1) * step + settings.window
            at = (first - lead) * step
            yield _Stretch(row + first, rows, lead, begin + at, samples, noise + at)
    for word, (row, rows) in enumerate(chosen.words):
        noise = int(rng.integers(length))
        lead = warm_up * step
        before = chosen.before + lead
        yield _Stretch(row, rows, warm_up, 0, 0, noise - lead, word, before, chosen.after, seed)


def _heard(sound: Sound, each: _Stretch, gain: np.float32) -> NDArray[np.float32]:
    if each.word is None:
        y = np.asarray(sound.background.open()[each.begin : each.begin + each.samples])
    else:
        rng = np.random.default_rng([each.seed, 3, each.word])
        y = embed(sound, each.word, each.before, each.after, rng)
    if gain:
        y = y + gain * cyclic(sound.noise.open(), each.noise, len(y))
    return y
