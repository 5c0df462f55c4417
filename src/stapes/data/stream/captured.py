"""Captures of a device or of `stapes listen`, as training sound of a detector in a stream.

A capture with the word becomes a clip of it: the sidecar says when the score was highest, and the
word is just before. One without is sound without the word.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from stapes.audio.levels import SPEECH_DB, power
from stapes.audio.read import decode, resample
from stapes.data.captures import Labelled
from stapes.data.clip import Skipped
from stapes.data.sound.continuous import append_file
from stapes.data.sound.tape import Tape
from stapes.data.stream.mixing import RATE, Sources
from stapes.errors import AudioError

_BEFORE_SECONDS, _AFTER_SECONDS = 0.6, 0.15
"""Around a word that ends with the highest score: scores are high for half a second after it."""


def with_captures(
    sources: Sources,
    captures: Sequence[Labelled],
    word_seconds: float,
    path: Path,
    skipped: list[Skipped],
) -> tuple[Sources, int]:
    """Add captures to the sound of a split.

    Parameters
    ----------
    sources : Sources
        Its tape of words gets those of the captures, after its own.
    word_seconds : float
        The length of the word.
    path : Path
        Of a new tape, `Sources.captured`.
    skipped : list of Skipped
        Gets what cannot be used.

    Returns
    -------
    sources : Sources
    words : int
        Captures with the word that were added.
    """
    if not captures:
        return sources, 0
    known = len(sources.words.pieces)
    captured = Tape(path, RATE)
    for labelled in captures:
        name = f"captures/{labelled.name}"
        if not labelled.word:
            append_file(captured, name, labelled.path, skipped)
            continue
        try:
            word = word_of(labelled, word_seconds)
            sources.words.append(name, iter([word]), power=power(SPEECH_DB))
        except AudioError as error:
            skipped.append(Skipped(name, error.reason))
    words = len(sources.words.pieces) - known
    return replace(sources, captured=captured if captured.pieces else None), words


def word_of(labelled: Labelled, word_seconds: float) -> NDArray[np.float32]:
    """The part of a capture that holds the word [samples], at `RATE`.

    Raises
    ------
    AudioError
        It cannot be decoded, or ends before the highest score.
    """
    y, rate = decode(labelled.path)
    y = resample(y, rate, RATE)
    highest = labelled.capture.seconds
    if highest > len(y) / RATE:
        raise AudioError(labelled.path, f"ends before its highest score, at {highest:.2f} s")
    begin = max(0.0, highest - word_seconds - _BEFORE_SECONDS)
    return y[round(begin * RATE) : round((highest + _AFTER_SECONDS) * RATE)]
