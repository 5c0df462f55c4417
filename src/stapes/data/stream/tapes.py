"""The tapes of a split, described in its folder, so that another process can open them."""

from __future__ import annotations

import json
from dataclasses import astuple
from pathlib import Path

import numpy as np

from stapes.data.sound.tape import Piece, Tape
from stapes.data.stream.mixing import RATE, Sources
from stapes.system.files import atomic_path, write_text

_TAPES, _ROOMS = "tapes.json", "rooms.npz"


def describe(sources: Sources, folder: Path) -> None:
    """Write what `described` reads; the tapes are in the same folder."""
    tapes = {
        "words": sources.words,
        "others": sources.others,
        "background": sources.background,
        "noise": sources.noise,
    }
    description = {
        name: {"file": tape.path.name, "pieces": [astuple(piece) for piece in tape.pieces]}
        for name, tape in tapes.items()
    }
    with atomic_path(folder / _ROOMS) as temporary, temporary.open("wb") as file:
        np.savez(file, *sources.rooms)
    write_text(folder / _TAPES, json.dumps(description))


def described(folder: Path) -> Sources:
    """The sources of a split, whose tapes are on disk."""
    description = json.loads((folder / _TAPES).read_text("utf-8"))
    tapes = {
        name: Tape.written(folder / tape["file"], RATE, [Piece(*piece) for piece in tape["pieces"]])
        for name, tape in description.items()
    }
    with np.load(folder / _ROOMS, allow_pickle=False) as file:
        rooms = tuple(file[f"arr_{number}"] for number in range(len(file.files)))
    return Sources(**tapes, rooms=rooms)
