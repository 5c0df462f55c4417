"""Training sound for a detector in a stream: words and other speech in rooms and noise.

A word of a clip is heard at a random level and speed, in a room, between random parts of recordings
without the word, over noise. Other sound passes through the same rooms, noise and levels: only the
word may tell the two apart.

Conventions: samples are float32, mono, at `RATE`. Only `rng` is random.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from stapes.audio.levels import SPEECH_DB, active_power, block_powers, gain_to, power
from stapes.audio.read import resample
from stapes.data.augmentation import Colour, impulse_response
from stapes.data.sound.continuous import cyclic
from stapes.data.sound.tape import Tape

RATE = 16_000
"""Samples a second."""

COLOURS: tuple[Colour, ...] = ("white", "pink", "brown")
"""Of noise that is made, as its pieces are named."""

_HOP = 160
"""Samples of one gain."""

Samples = NDArray[np.float32]


@dataclass(frozen=True)
class Ranges:
    """What is drawn evenly, (lowest, highest), and the probability of each change."""

    speed: tuple[float, float] = (0.87, 1.15)
    room_probability: float = 0.5
    rt60_seconds: tuple[float, float] = (0.1, 0.6)
    direct_to_reverberant_db: tuple[float, float] = (0.0, 15.0)
    word_db: tuple[float, float] = (-6.0, 6.0)
    """Of a word over other speech."""
    background_db: tuple[float, float] = (-12.0, 3.0)
    gap_seconds: tuple[float, float] = (1.0, 2.5)
    """Sound between two words."""
    silence_probability: float = 0.3
    """Of a gap without speech."""
    noise_probability: float = 0.85
    snr_db: tuple[float, float] = (-3.0, 20.0)
    noise_seconds: tuple[float, float] = (3.0, 10.0)
    """Of one noise at one level."""
    gain_db: tuple[float, float] = (-18.0, 8.0)
    """Of the whole, which drifts."""
    drift_seconds: float = 20.0
    restart_before_word: float = 0.2
    """Probability that the device is switched on at the gap before a word."""
    restart_before_recording: float = 0.5
    """The same at the begin of a recording without the word."""


RANGES = Ranges()
MADE_NOISE = replace(RANGES, noise_probability=0.6, snr_db=(0.0, 30.0))
"""Noise that is made is steady, and covers more of a word than recorded noise of its level."""


@dataclass(frozen=True)
class Sources:
    """Decoded sound of one split, on tapes of speech at one level.

    words, others : clips with the word, and without
    background : recordings without the word
    noise : noise and music
    rooms : impulse responses of energy 1; empty: rooms are made
    captured : captures without the word, if there are any
    """

    words: Tape
    others: Tape
    background: Tape
    noise: Tape
    rooms: tuple[Samples, ...] = ()
    captured: Tape | None = None

    @property
    def made_noise(self) -> bool:
        """Whether the noise is made: recorded noise has the names of files."""
        return all(piece.name in COLOURS for piece in self.noise.pieces)

    @property
    def ranges(self) -> Ranges:
        """What is drawn for training sound."""
        return MADE_NOISE if self.made_noise else RANGES

    @property
    def steady(self) -> Ranges:
        """The same for a device that stays on."""
        return replace(self.ranges, restart_before_word=0.0, restart_before_recording=0.0)


@dataclass(frozen=True)
class Mixed:
    """Training sound.

    samples : np.ndarray [shape=(samples,)]
    marks : np.ndarray [shape=(words, 3)]
        Where each clip begins and ends [samples], and its index on the tape.
    starts : list of int
        Where a device is switched on again [samples]: it adapts to what it gets, so the frames of
        its first seconds differ.
    """

    samples: Samples
    marks: NDArray[np.int64]
    starts: list[int]


def words_in_sound(sources: Sources, rng: np.random.Generator, ranges: Ranges = RANGES) -> Mixed:
    """Every word once, in random order, between other sound."""
    tape = sources.words.open()
    parts: list[Samples] = []
    marks, starts = [], []
    at = 0
    for number in rng.permutation(len(sources.words.pieces)):
        piece = sources.words.pieces[number]
        if rng.random() < ranges.restart_before_word:
            starts.append(at)
        gap = _gap(sources, rng, ranges)
        clip = _changed(tape[piece.begin : piece.begin + piece.samples], sources, rng, ranges)
        clip = clip * _amplitude(rng.uniform(*ranges.word_db))
        parts += [gap, clip]
        at += len(gap)
        marks.append((at, at + len(clip), number))
        at += len(clip)
    parts.append(_gap(sources, rng, ranges))
    samples = _recorded(np.concatenate(parts), sources, rng, ranges)
    return Mixed(samples, np.array(marks, np.int64), starts)


def others_in_sound(sources: Sources, rng: np.random.Generator, ranges: Ranges = RANGES) -> Mixed:
    """The clips of `others`, each as `words_in_sound` has a word."""
    return words_in_sound(
        Sources(sources.others, sources.others, sources.background, sources.noise, sources.rooms),
        rng,
        ranges,
    )


def changed_background(
    sources: Sources, rng: np.random.Generator, ranges: Ranges = RANGES
) -> Mixed:
    """All recordings, in random order, each in another room and at another speed."""
    tape = sources.background.open()
    parts: list[Samples] = []
    starts = []
    at = 0
    for number in rng.permutation(len(sources.background.pieces)):
        piece = sources.background.pieces[number]
        if rng.random() < ranges.restart_before_recording:
            starts.append(at)
        part = _changed(tape[piece.begin : piece.begin + piece.samples], sources, rng, ranges)
        parts.append(part * _amplitude(rng.uniform(*ranges.background_db)))
        at += len(part)
    samples = _recorded(np.concatenate(parts), sources, rng, ranges)
    return Mixed(samples, np.zeros((0, 3), np.int64), starts)


def _gap(sources: Sources, rng: np.random.Generator, ranges: Ranges) -> Samples:
    count = round(rng.uniform(*ranges.gap_seconds) * RATE)
    if rng.random() < ranges.silence_probability or not sources.background.samples:
        return np.zeros(count, np.float32)
    begin = int(rng.integers(sources.background.samples))
    return cyclic(sources.background.open(), begin, count) * _amplitude(
        rng.uniform(*ranges.background_db)
    )


def _changed(y: Samples, sources: Sources, rng: np.random.Generator, ranges: Ranges) -> Samples:
    """Another speed, and perhaps a room; the level of speech stays."""
    y = resample(np.asarray(y), RATE, round(RATE / rng.uniform(*ranges.speed)))
    if rng.random() < ranges.room_probability:
        y = _in_room(y, _room(sources, rng, ranges))
    level = active_power(block_powers(y, RATE))
    return (y * gain_to(level, power(SPEECH_DB))).astype(np.float32)


def _room(sources: Sources, rng: np.random.Generator, ranges: Ranges) -> Samples:
    if sources.rooms:
        return sources.rooms[int(rng.integers(len(sources.rooms)))]
    made = impulse_response(
        rng.uniform(*ranges.rt60_seconds), rng.uniform(*ranges.direct_to_reverberant_db), RATE, rng
    )
    return made.astype(np.float32)


def _in_room(y: Samples, room: Samples) -> Samples:
    """Longer than `y` by at most a quarter of a second: what follows covers the rest."""
    from scipy import fft  # Commands that make no sound start faster.

    length = fft.next_fast_len(len(y) + len(room) - 1, real=True)
    wet = fft.irfft(fft.rfft(y, length) * fft.rfft(room, length), length)
    return np.asarray(wet[: len(y) + min(len(room), RATE // 4)], np.float32)


def _recorded(y: Samples, sources: Sources, rng: np.random.Generator, ranges: Ranges) -> Samples:
    """Noise in stretches, a level that drifts, and a microphone that clips; changes `y`."""
    noise = sources.noise.open()
    begin = 0
    while begin < len(y):
        count = min(round(rng.uniform(*ranges.noise_seconds) * RATE), len(y) - begin)
        if rng.random() < ranges.noise_probability and len(noise):
            snr = rng.uniform(*ranges.snr_db)
            part = cyclic(noise, int(rng.integers(len(noise))), count)
            y[begin : begin + count] += part * _amplitude(-snr)
        begin += count
    # One gain for each hop: a gain for each sample would take more memory than the sound.
    hops, knot = -(-len(y) // _HOP), ranges.drift_seconds * RATE / _HOP
    knots = np.arange(0, hops + 2 * knot, knot)
    drift = np.interp(np.arange(hops), knots, rng.uniform(*ranges.gain_db, len(knots)))
    y *= np.repeat((10.0 ** (drift / 20.0)).astype(np.float32), _HOP)[: len(y)]
    drifted: Samples = np.clip(y, -1.0, 1.0, out=y)
    return drifted


def _amplitude(db: float) -> np.float32:
    return np.float32(10.0 ** (db / 20.0))
