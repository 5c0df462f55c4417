"""The outputs of a streaming model in one condition, and the cutoffs to try on them.

A cutoff `q` of an integer model stands for the threshold `(q + 0.5) / 255`. That is the
`probability_cutoff` of ESPHome's manifest. The device compares with its product with 255, cut off
to an integer; `255 * (q / 255)` may be just below `q`. A float model's cutoff is the threshold.

A cutoff is tried only if at least 95 % of the outputs in sound without the word are below it. At
lower ones a device is deaf for much of the time, so few false accepts would mean nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from stapes.measure.detection import between, peaks, smooth
from stapes.measure.device import HIGHEST
from stapes.measure.device_rule import Numbers

_BELOW = 0.95
_MOST_PEAKS = 1000


def comparable(outputs: Numbers) -> Numbers:
    """Outputs of a streaming file as they are counted: uint8 and floats as they are.

    Outputs of 16 bits, whose scale is 1 / 32,768, become floats in [0, 1].

    Examples
    --------
    >>> comparable(np.array([-5, 16_384], np.int16))
    array([0. , 0.5])
    """
    return np.clip(outputs / 32_768, 0.0, 1.0) if outputs.dtype == np.int16 else outputs


@dataclass(frozen=True)
class StreamOutputs:
    """The outputs of a streaming model in one condition, from a reset in each piece of sound.

    recordings : sequence of np.ndarray [shape=(steps,)]
        In sound without the word; uint8, or float in [0, 1].
    sources : sequence of str
        Of each recording, e.g. its top folder.
    words : sequence of np.ndarray [shape=(steps,)]
        In sound around each embedded word. It should begin two seconds before the word's clip: a
        device is deaf in the first.
    clips : np.ndarray [shape=(words, 2)] [s]
        When each word's clip begins and ends. Output `k` comes at `(k + 1) * step_seconds`; where
        frames overlap, it comes later, and the times of clips are so much earlier here.

    Raises
    ------
    ValueError
        The numbers of recordings and sources or of words and clips differ, or outputs are neither
        all uint8 nor all float.
    """

    recordings: Sequence[Numbers]
    sources: Sequence[str]
    words: Sequence[Numbers]
    clips: NDArray[np.floating]

    def __post_init__(self) -> None:
        if len(self.sources) != len(self.recordings) or len(self.clips) != len(self.words):
            raise ValueError("not one source for each recording and one clip for each word")
        kinds = {outputs.dtype.kind for outputs in (*self.recordings, *self.words)}
        if kinds not in ({"u"}, {"f"}):
            raise ValueError(f"outputs are neither all uint8 nor all float: {sorted(kinds)}")

    @cached_property
    def whole(self) -> bool:
        """Whether the outputs are integers."""
        return all(outputs.dtype.kind == "u" for outputs in (*self.recordings, *self.words))

    def cutoff(self, threshold: float) -> float:
        """The cutoff that a threshold stands for."""
        return int(threshold * HIGHEST) if self.whole else threshold

    def cutoffs(self, sliding_window: int) -> Numbers:
        """The cutoffs to try, ascending [shape=(t,)].

        They are all integers from the lowest that is tried to 254. For a float model, they are
        between the highest means of `sliding_window` outputs, with and without the word.
        """
        sound = np.concatenate([np.zeros(0), *self.recordings])
        if self.whole:
            below = np.cumsum(np.bincount(sound.astype(np.intp), minlength=HIGHEST + 1))
            lowest = int(np.searchsorted(below, _BELOW * len(sound))) + 1
            return np.arange(min(lowest, HIGHEST - 1), HIGHEST)
        means = [smooth(np.asarray(part, np.float64), sliding_window) for part in self.recordings]
        highest = np.sort(np.concatenate([np.zeros(0), *(peaks(part) for part in means)]))
        of_words = [smooth(np.asarray(part, np.float64), sliding_window) for part in self.words]
        best = [part.max() for part in of_words if len(part)]
        values: NDArray[np.float64] = between(np.unique([*highest[-_MOST_PEAKS:], *best]))
        floor = np.quantile(sound, _BELOW) if len(sound) else 0.0
        tried: NDArray[np.float64] = values[(values > floor) | (values == values[-1])]
        return tried
