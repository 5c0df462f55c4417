"""The newest seconds of a stream: its samples, and each model's scores."""

from __future__ import annotations

from collections import deque

import numpy as np
from numpy.typing import NDArray

from stapes.listen.engine import RATE

BEFORE_SECONDS, AFTER_SECONDS = 3.0, 1.0
"""Around an event. In the second after a detection, its highest score may come."""

_SAMPLES = round((BEFORE_SECONDS + AFTER_SECONDS + 4.0) * RATE)
"""At least so many are remembered: a near miss is known up to three seconds after it."""


class History:
    """Samples, counted from the start of the stream, and scores by model."""

    def __init__(self) -> None:
        self._chunks: deque[NDArray[np.int16]] = deque()
        self.begin = self.end = 0
        self._scores: dict[str, deque[tuple[float, float]]] = {}

    @property
    def seconds(self) -> float:
        """Of the whole stream."""
        return self.end / RATE

    def add(self, chunk: NDArray[np.int16]) -> None:
        """Remember a chunk, and forget old ones."""
        self._chunks.append(chunk)
        self.end += len(chunk)
        while self.end - self.begin - len(self._chunks[0]) >= _SAMPLES:
            self.begin += len(self._chunks.popleft())

    def score(self, model: str, seconds: float, score: float) -> None:
        """Remember a score of a model."""
        scores = self._scores.setdefault(model, deque())
        scores.append((seconds, score))
        while scores[0][0] < self.begin / RATE:
            scores.popleft()

    def samples(self, begin: int, end: int) -> NDArray[np.int16]:
        """Those from one to another place in the stream, as far as they are remembered."""
        joined = np.concatenate([np.zeros(0, np.int16), *self._chunks])
        return joined[max(0, begin - self.begin) : max(0, end - self.begin)]

    def scores(self, model: str, begin: float, end: float) -> list[tuple[float, float]]:
        """Time and score of a model's steps after `begin` and until `end` [s]."""
        return [pair for pair in self._scores.get(model, ()) if begin < pair[0] <= end + 1e-9]
