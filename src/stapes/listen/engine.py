"""What a model of any kind gives in a stream of sound: a step, with its score and the decision."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from stapes.errors import ModelError

RATE = 16_000
"""Of the sound [Hz]."""


@dataclass(frozen=True)
class Step:
    """A new score, or a decision that came after one.

    seconds : from the start of the stream to the end of the sound that it depends on
    score : from 0 to 1; of a microWakeWord model, the mean of its last outputs
    detected : whether the word is detected now
    deaf : whether the device could not detect, after a start or a detection
    """

    seconds: float
    score: float
    detected: bool
    deaf: bool

    def after(self, seconds: float) -> Step:
        """The same, so many seconds later."""
        return replace(self, seconds=self.seconds + seconds)


def finite(score: float) -> float:
    """A score, if it is a number; else ModelError."""
    if not math.isfinite(score):
        raise ModelError("it gives scores that are not numbers: train it again.")
    return score


class Engine(Protocol):
    """A model in a stream of sound.

    threshold : a score above it is a detection, unless the device is deaf
    step_seconds : from one score to the next
    """

    @property
    def threshold(self) -> float: ...

    @property
    def step_seconds(self) -> float: ...

    def process(self, samples: NDArray[np.int16]) -> list[Step]:
        """The steps that end in a chunk of any length [samples], mono at `RATE`."""

    def reset(self) -> None:
        """Begin again as after a start."""
