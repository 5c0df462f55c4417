"""The highest scores of each model, with their sound, for a page."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Sequence

from stapes.audio.write import mp3_base64
from stapes.contracts.listening import Heard
from stapes.listen.engine import RATE
from stapes.listen.keeping import Clip
from stapes.listen.wake_word import WakeWord

MOST = 10
"""Of each model."""
LOWEST = 0.1
"""The part of the threshold below which a score is not among them."""


class Highest:
    """Keeps the highest few of all that it is offered."""

    def __init__(self, words: Sequence[WakeWord]) -> None:
        # A heap by model; numbers decide among equals: the earlier is kept.
        self._heaps: dict[str, list[tuple[float, int, Heard, Clip]]] = {
            word.name: [] for word in words
        }
        self._numbers = itertools.count(0, -1)

    def takes(self, heard: Heard) -> bool:
        """Whether an event is among the highest so far."""
        heap = self._heaps[heard.model]
        return len(heap) < MOST or heard.peak > heap[0][0]

    def add(self, heard: Heard, clip: Clip) -> None:
        """Keep an event that `takes` takes, in place of the lowest."""
        heap = self._heaps[heard.model]
        heapq.heappush(heap, (heard.peak, next(self._numbers), heard, clip))
        if len(heap) > MOST:
            heapq.heappop(heap)

    def encoded(self) -> list[Heard]:
        """All of them with their sound, by model, the highest first."""
        return [
            heard.model_copy(update={"sound": mp3_base64(clip.floats, RATE)})
            for heap in self._heaps.values()
            for _, _, heard, clip in sorted(heap, key=lambda entry: entry[:2], reverse=True)
        ]
