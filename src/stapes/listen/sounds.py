"""Where the sound comes from: files and folders, standard input, a microphone.

Each gives int16 samples, mono at 16 kHz, in chunks of any length.
"""

from __future__ import annotations

import os
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import IO, TypeAlias

import numpy as np
from numpy.typing import NDArray

from stapes.errors import AudioError, StapesError, UsageError
from stapes.listen.engine import RATE
from stapes.system.files import sha256

Samples: TypeAlias = NDArray[np.int16]

STANDARD_INPUT = "standard input"
MICROPHONE = "microphone"
CHUNK = RATE // 10
"""Samples of a recording that the models get at a time."""

_STARTS = {b"RIFF": "WAV", b"fLaC": "FLAC", b"OggS": "Ogg", b"ID3": "MP3", b"FORM": "AIFF"}
_BYTES = 2_560
"""Of standard input at a time: 80 ms."""


@dataclass
class Recording:
    """Sound from one start to its end.

    name : of the file in messages; None of a microphone and of standard input
    chunks : of samples
    began : when the first sample was recorded; None if nobody knows
    path : of the file; None as `name`
    """

    name: str | None
    chunks: Iterator[Samples]
    began: datetime | None = None
    path: Path | None = None

    @cached_property
    def sha256(self) -> str | None:
        """Of the file."""
        return None if self.path is None else sha256(self.path)


@dataclass
class Recordings:
    """All sound to listen to.

    source : in words
    single : whether it is one file that was named itself
    names, paths : of the files
    skipped : files of a folder and why they are not used
    """

    source: str
    single: bool
    names: list[str] = field(default_factory=list)
    paths: list[Path] = field(default_factory=list)
    skipped: list[tuple[str, str]] = field(default_factory=list)


def is_model(path: str) -> bool:
    """Whether an argument names a model: by its ending, or as a folder with results.json."""
    return path.endswith((".json", ".tflite")) or Path(path, "results.json").is_file()


def divided(arguments: Sequence[str]) -> tuple[list[str], list[str]]:
    """The models and the sound that arguments name.

    Raises
    ------
    UsageError
        None names a model.
    """
    models = [argument for argument in arguments if is_model(argument)]
    if not models:
        raise UsageError(
            f"{', '.join(arguments) or 'listen'}: name a model first, the folder of a run, a "
            "manifest (.json) or a .tflite."
        )
    return models, [argument for argument in arguments if argument not in models]


def recordings(paths: Sequence[Path]) -> Recordings:
    """The sound files that paths name, and those in folders.

    Raises
    ------
    UsageError
        There is no such file, or no sound file in the folders.
    """
    from stapes.data.layouts import sound_files

    single = len(paths) == 1 and not paths[0].is_dir()
    found = Recordings(", ".join(map(str, paths)), single)
    for path in paths:
        if path.is_dir():
            # With its name, also if it is `.` or `..`.
            files, skipped = sound_files(path if path.name.strip(".") else path.resolve(), "--data")
            found.names += [name for name, _ in files]
            found.paths += [file for _, file in files]
            found.skipped += [(part.file, part.reason) for part in skipped]
        elif path.is_file():
            found.names.append(path.name)
            found.paths.append(path)
        else:
            raise UsageError(f"{path}: there is no such file or folder.")
    if not found.paths:
        raise UsageError(f"{found.source}: there is no sound file in it.")
    if twice := _repeated(list(map(os.path.realpath, found.paths))):
        raise UsageError(f"{twice[0]}: is given twice; name it once.")
    same = _repeated(found.names)
    pairs = zip(found.names, found.paths, strict=True)
    found.names = [_whole(path) if name in same else name for name, path in pairs]
    return found


def _whole(path: Path) -> str:
    """The path from the root on, as a name below a folder."""
    path = path.resolve()
    return path.relative_to(path.anchor).as_posix()


def _repeated(texts: Sequence[str]) -> list[str]:
    return [text for text, count in Counter(texts).items() if count > 1]


def of_file(path: Path) -> Iterator[Samples]:
    """The sound of a file of any length.

    Raises
    ------
    AudioError
        It does not decode, has no samples, or is longer than 24 hours.
    """
    from stapes.data.sound.tape import decoded
    from stapes.frontends.numerics.stream import pcm16

    samples = 0
    for piece in decoded(path, RATE):
        for begin in range(0, len(piece), CHUNK):
            yield pcm16(np.nan_to_num(piece[begin : begin + CHUNK]))
        samples += len(piece)
    if not samples:
        raise AudioError(path, "has no samples")


def of_standard_input(stream: IO[bytes] | None = None) -> Iterator[Samples]:
    """Raw int16, little-endian, until the end; a byte that is no sample at the end is left out.

    Raises
    ------
    StapesError
        It begins as a sound file does, or nothing comes.
    """
    stream = stream or sys.stdin.buffer
    if stream.isatty():
        raise UsageError(
            "Standard input is the terminal: pipe sound into it, e.g. arecord -f S16_LE -r 16000 "
            "-c 1 -t raw | stapes listen MODEL -."
        )
    rest, first = b"", True
    # What has come, without waiting for more.
    while content := os.read(stream.fileno(), _BYTES):
        rest += content
        if first and len(rest) < 4:
            continue
        if first:
            _refuse_files(rest)
        first = False
        whole = len(rest) // 2 * 2
        samples = np.frombuffer(rest[:whole], "<i2")
        rest = rest[whole:]
        yield samples.astype(np.int16)
    if first:
        raise StapesError(
            "Standard input ended before any sound came: check the program before the pipe, e.g. "
            "arecord -f S16_LE -r 16000 -c 1 -t raw."
        )


def _refuse_files(content: bytes) -> None:
    for start, name in _STARTS.items():
        if content.startswith(start):
            raise StapesError(
                f"Standard input is a {name} file: name the file in place of -, or send raw int16 "
                "of 16 kHz, mono (arecord -t raw)."
            )
