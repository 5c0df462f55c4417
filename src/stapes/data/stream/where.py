"""Where a detector in a stream finds the word in each training clip: where.csv of a run folder.

A score below one half means that the word was not found: there is a detector's threshold.
"""

from __future__ import annotations

import csv
import io
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from stapes.contracts.evaluation import Place, Where
from stapes.data.sound.tape import Tape
from stapes.data.stream.mixing import RATE
from stapes.data.word_length import stretch
from stapes.errors import UsageError
from stapes.system.files import write_text

FILE = "where.csv"
FOUND = 0.5
"""The lowest score of a word that was found."""

_DECIMALS, _SCORE_DECIMALS = 2, 4


def places(words: Tape, ends: NDArray[np.float64], scores: NDArray[np.float64]) -> list[Place]:
    """Where the word of each clip is.

    Parameters
    ----------
    words : Tape
        Of the clips.
    ends : np.ndarray [shape=(clips,)]
        Where the word ends, as a part of its clip; -1 where it is not known. The word's length is
        by its energy.
    scores : np.ndarray [shape=(clips,)]
    """
    tape = words.open()
    found = []
    for piece, end, score in zip(words.pieces, ends.tolist(), scores.tolist(), strict=True):
        place = Place(clip=piece.name, score=round(score, _SCORE_DECIMALS))
        if end >= 0:
            y = np.asarray(tape[piece.begin : piece.begin + piece.samples])
            # A detector may be sure only after the end of its clip.
            last = min(1.0, end) * piece.samples
            first = max(0.0, last - stretch(y, RATE)[1])
            place.begin_seconds = round(first / RATE, _DECIMALS)
            place.end_seconds = round(last / RATE, _DECIMALS)
        found.append(place)
    return found


def not_found(listed: list[Place]) -> int:
    """The number of clips whose word was not found."""
    return sum(place.score < FOUND for place in listed)


def write(listed: list[Place], path: Path) -> None:
    """Write the places as a CSV file."""
    text = io.StringIO()
    rows = csv.DictWriter(text, list(Place.model_fields), lineterminator="\n")
    rows.writeheader()
    rows.writerows(place.model_dump() for place in listed)
    write_text(path, text.getvalue())


def read(run: Path, clips: set[str], data: Path) -> Where:
    """The places that a run wrote, those of low scores first.

    Parameters
    ----------
    run : Path
        Its folder.
    clips : set of str
        The names of the clips in `data`.

    Raises
    ------
    UsageError
        There is no such file, it is broken, or it is of other clips.
    """
    try:
        text = (run / FILE).read_text("utf-8")
    except (OSError, UnicodeDecodeError):
        raise UsageError(
            f"--where {run}: has no {FILE}; name the folder of a run with detectors in a stream."
        ) from None
    try:
        listed = [
            Place.model_validate({name: value or None for name, value in row.items()})
            for row in csv.DictReader(io.StringIO(text, newline=""))
        ]
    except (ValueError, csv.Error):
        raise UsageError(f"--where {run}: its {FILE} is broken; run the run again.") from None
    if not clips & {place.clip for place in listed}:
        raise UsageError(f"--where {run}: its clips are not in {data}; name the data of that run.")
    ends = [
        place.end_seconds
        for place in listed
        if place.score >= FOUND and place.end_seconds is not None
    ]
    return Where(
        run=str(run),
        not_found=not_found(listed),
        median_end_seconds=round(float(np.median(ends)), _DECIMALS) if ends else None,
        clips=sorted(listed, key=lambda place: place.score),
    )
