"""What tells the word's clips from others without the word: a rate, a level, a microphone.

Where another recorder made each label, a model learns the recorder. So the properties of the clips
are compared, and a plain classifier of these alone is trained: where it beats chance, a model can
do the same.
"""

from __future__ import annotations

from dataclasses import astuple, dataclass, fields
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from stapes.audio.levels import active_power, block_powers
from stapes.contracts.evaluation import Shortcut, Shortcuts

FEWEST = 10
"""Clips of each class that are needed to compare them."""
_TELLING = 0.9
"""Part of the pairs of a word and another clip that one property orders alike."""
_LEAST_POWER = 1e-12
_LOSSY = ("MP3", "OGG")
_FOLDS = 5
_STEPS = 300
_RATE = 0.3
_DECAY = 0.02
_ROLLOFF = 0.99


@dataclass(frozen=True)
class Properties:
    """Of a clip: what no word changes much, except the length."""

    rate: float
    """Hz, of the file."""
    bandwidth: float
    """Hz, below which 99 % of the energy of its difference is."""
    level: float
    """dB, of the active blocks."""
    floor: float
    """dB, of the quietest tenth."""
    peak: float
    """dB."""
    offset: float
    """dB, of the mean."""
    seconds: float
    compressed: float
    """1 for a lossy format."""


TITLES = {
    "rate": "the sample rate [Hz]",
    "bandwidth": "the bandwidth [Hz]",
    "level": "the level [dB]",
    "floor": "the noise floor [dB]",
    "peak": "the peak [dB]",
    "offset": "the mean of the samples [dB]",
    "seconds": "the length [s]",
    "compressed": "a lossy format [1 if so]",
}


def properties(path: Path, y: NDArray[np.float32], rate: int) -> Properties:
    """The properties of a clip, from its window [shape=(samples,)] and its header."""
    powers = block_powers(y, rate)
    # The difference makes up for the fall of speech towards high frequencies.
    spectrum = np.square(np.abs(np.fft.rfft(np.diff(y.astype(np.float64), prepend=0.0))))
    energy = np.cumsum(spectrum)
    place = int(np.searchsorted(energy, _ROLLOFF * energy[-1])) if energy[-1] > 0 else 0
    header = _header(path)
    return Properties(
        rate=float(rate),
        bandwidth=place * rate / len(y),
        level=_db(active_power(powers)),
        floor=_db(float(np.quantile(powers, 0.1))),
        peak=_db(float(np.abs(y).max()) ** 2),
        offset=_db(float(y.mean()) ** 2),
        seconds=len(y) / rate if header is None else header.seconds,
        compressed=0.0 if header is None else header.compressed,
    )


def by_header(words: list[Path], others: list[Path]) -> list[str]:
    """What the headers of files alone tell the word by, a sentence each."""
    headers = [[h for path in paths if (h := _header(path))] for paths in (words, others)]
    result = shortcuts(*headers)
    if result is None:
        return []
    return [
        f"Nearly all clips of the word differ from others in {part.what}: {part.word:,.6g}, and "
        f"{part.other:,.6g} for others. A model may learn that in place of the word: record both "
        "kinds of clips alike."
        for part in result.properties
    ]


def _header(path: Path) -> Properties | None:
    try:
        info = soundfile.info(path)
    except (soundfile.LibsndfileError, OSError, TypeError):
        return None
    compressed = float(info.format in _LOSSY)
    return Properties(float(info.samplerate), 0, 0, 0, 0, 0, info.duration, compressed)


def shortcuts(words: list[Properties], others: list[Properties]) -> Shortcuts | None:
    """What tells the two apart; None if either has fewer than `FEWEST` clips.

    The classifier is a logistic regression on the properties and their squares, tested on clips
    that it did not see (five folds).
    """
    if min(len(words), len(others)) < FEWEST:
        return None
    x = np.array([astuple(part) for part in (*words, *others)])
    y = np.repeat([1.0, 0.0], [len(words), len(others)])
    right, total = _right(x, y)
    names = [field.name for field in fields(Properties)]
    found = []
    for column, name in enumerate(names):
        one, two = x[: len(words), column], x[len(words) :, column]
        # A share of pairs: the area under the ROC curve (Mann and Whitney 1947).
        share = float(((one[:, None] > two) + 0.5 * (one[:, None] == two)).mean())
        if max(share, 1 - share) >= _TELLING:
            found.append(
                Shortcut(
                    what=TITLES[name],
                    word=float(np.median(one)),
                    other=float(np.median(two)),
                    told_apart=max(share, 1 - share),
                )
            )
    found.sort(key=lambda part: -part.told_apart)
    chance = 0.5 + 1.64 * float(np.sqrt(0.25 / (2 * min(len(words), len(others)))))
    return Shortcuts(balanced_accuracy=right / total, chance=chance, properties=found)


def _right(x: NDArray[np.float64], y: NDArray[np.float64]) -> tuple[float, float]:
    """The balanced accuracy on clips that a fold did not see, as a fraction."""
    fold = np.empty(len(y), np.int64)
    rng = np.random.default_rng(0)
    for label in (0.0, 1.0):
        places = np.flatnonzero(y == label)
        fold[rng.permutation(places)] = np.arange(len(places)) % _FOLDS
    decided = np.empty(len(y), bool)
    for number in range(_FOLDS):
        seen = fold != number
        decided[~seen] = _decisions(x[seen], y[seen], x[~seen])
    parts = [float((decided[y == label] == bool(label)).mean()) for label in (0.0, 1.0)]
    return sum(parts), float(len(parts))


def _decisions(
    x: NDArray[np.float64], y: NDArray[np.float64], new: NDArray[np.float64]
) -> NDArray[np.bool_]:
    mean, scale = x.mean(axis=0), x.std(axis=0) + 1e-9
    one, two = (np.clip((part - mean) / scale, -5.0, 5.0) for part in (x, new))
    one, two = (np.hstack([part, np.square(part), np.ones((len(part), 1))]) for part in (one, two))
    weight = np.where(y > 0, 0.5 / y.sum(), 0.5 / (len(y) - y.sum()))
    w = np.zeros(one.shape[1])
    for _ in range(_STEPS):
        p = 1.0 / (1.0 + np.exp(-np.clip(one @ w, -30.0, 30.0)))
        w -= _RATE * (one.T @ (weight * (p - y)) + _DECAY * w)
    return np.asarray(two @ w > 0)


def _db(value: float) -> float:
    return float(10 * np.log10(max(value, _LEAST_POWER)))
