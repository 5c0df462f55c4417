"""Decode the sound of one split onto tapes, for the training of a detector in a stream."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from stapes.audio.levels import SPEECH_DB, power
from stapes.audio.read import decode, resample
from stapes.data.augmentation import coloured_noise
from stapes.data.clip import Clip, Skipped
from stapes.data.layouts import sound_files
from stapes.data.sound.continuous import append_clips, append_file, mean_power
from stapes.data.sound.tape import Tape
from stapes.data.stream.mixing import COLOURS, RATE, Samples, Sources
from stapes.errors import AudioError

LONGEST_ROOM_SECONDS = 1.0
"""Of an impulse response; its rest is far below the sound that follows."""

_NOISE_PARTS = {"train": (0.0, 0.6), "validation": (0.6, 0.7), "test": (0.7, 1.0)}
_FEWEST_NOISES = 3
"""Recordings of noise: with fewer there is none for each split, and all are the test's."""
_TAKE = re.compile(r"(.+\d)-[A-Z]")
"""Names of files in ESC-50, whose last letter is that of a part of one recording."""

_MADE_NOISE_SECONDS = 30.0


@dataclass(frozen=True)
class Gathering:
    """What a split is made of.

    words, others : clips with the word, and without
    recordings : files without the word
    noise : files of noise; empty: noise is made
    rooms : files of impulse responses; empty: rooms are made
    """

    words: list[Clip]
    others: list[Clip]
    recordings: list[Path]
    noise: list[Path]
    rooms: list[Path]


def gather(folder: Path, parts: Gathering, seed: int) -> tuple[Sources, list[Skipped]]:
    """Decode the sound of a split onto tapes in a folder, which exists.

    Returns
    -------
    sources : Sources
    skipped : list of Skipped
        What cannot be used.
    """
    skipped: list[Skipped] = []
    tapes = {
        name: Tape(folder / f"{name}.f32", RATE)
        for name in ("words", "others", "background", "noise")
    }
    # The window matters to clips that are windows of recordings; there is none here.
    append_clips(tapes["words"], parts.words, 1.0, skipped)
    append_clips(tapes["others"], parts.others, 1.0, skipped)
    for path in parts.recordings:
        append_file(tapes["background"], path.name, path, skipped)
    for path in parts.noise:
        append_file(tapes["noise"], path.name, path, skipped, level=mean_power)
    rooms = tuple(room for path in parts.rooms if (room := _room(path, skipped)) is not None)
    if not tapes["noise"].samples:
        _make_noise(tapes["noise"], seed)
    return Sources(**tapes, rooms=rooms), skipped


def noise_files(folder: Path | None, split: str) -> list[Path]:
    """The files of a folder of noise that a split may use: no recording is in two splits.

    With fewer than three recordings, all are for the test.
    """
    if folder is None:
        return []
    recordings: dict[str, list[Path]] = {}
    for _, path in sound_files(folder, "--noise")[0]:
        take = _TAKE.fullmatch(path.stem)
        recordings.setdefault(take[1] if take else path.name, []).append(path)
    first, last = (round(share * len(recordings)) for share in _NOISE_PARTS[split])
    if len(recordings) < _FEWEST_NOISES:
        first, last = 0, len(recordings) if split == "test" else 0
    ordered = sorted(recordings, key=lambda name: hashlib.sha1(name.encode()).digest())
    return sorted(path for name in ordered[first:last] for path in recordings[name])


def _room(path: Path, skipped: list[Skipped]) -> Samples | None:
    """An impulse response from its loudest sample on, of energy 1."""
    try:
        y, rate = decode(path)
    except AudioError as error:
        skipped.append(Skipped(path.name, error.reason))
        return None
    y = resample(y, rate, RATE)
    begin = int(np.abs(y).argmax()) if len(y) else 0
    y = y[begin : begin + round(LONGEST_ROOM_SECONDS * RATE)]
    energy = float(np.square(y, dtype=np.float64).sum())
    if not energy or not np.isfinite(energy):
        skipped.append(Skipped(path.name, "silent, or not finite: no impulse response"))
        return None
    room: Samples = (y / np.sqrt(energy)).astype(np.float32)
    return room


def _make_noise(tape: Tape, seed: int) -> None:
    rng = np.random.default_rng([seed, 7])
    for colour in COLOURS:
        y = coloured_noise(round(_MADE_NOISE_SECONDS * RATE), colour, RATE, rng)
        tape.append(colour, iter([y.astype(np.float32)]), power=power(SPEECH_DB), level=mean_power)
