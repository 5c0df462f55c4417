"""What is wrong with the sound of a microphone or a pipe, if anything."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from stapes.listen.engine import RATE

_SECONDS = 3
_LOUD = 0.4
"""Root mean square of noise at full scale is 0.58, of loud speech 0.2."""

_NONE = 32_767, -32_768
"""The lowest and the highest of no samples."""


class Health:
    """Looks at the sound every three seconds; each message is given once."""

    def __init__(self, source: str) -> None:
        self._source = source[0].upper() + source[1:]
        self._messages: set[str] = set()
        self._lowest, self._highest = _NONE
        self._squares, self._count = 0.0, 0

    def take(self, samples: NDArray[np.int16]) -> str | None:
        """A message about the newest three seconds, if they are over."""
        if len(samples):
            self._lowest = min(self._lowest, int(samples.min()))
            self._highest = max(self._highest, int(samples.max()))
            self._squares += float(np.square(samples.astype(np.float64)).sum())
            self._count += len(samples)
        if self._count < _SECONDS * RATE:
            return None
        message = self._message()
        self._lowest, self._highest = _NONE
        self._squares, self._count = 0.0, 0
        if message is None or message in self._messages:
            return None
        self._messages.add(message)
        return message

    def _message(self) -> str | None:
        if self._lowest == self._highest:
            return (
                f"{self._source} gives silence, {_SECONDS} seconds of one sample: is it muted, "
                "or is another microphone meant (--device)?"
            )
        if (self._squares / self._count) ** 0.5 > _LOUD * 32_768:
            return (
                f"{self._source} is as loud as noise at full scale: is it int16, little-endian, "
                "mono, 16 kHz (arecord -f S16_LE -r 16000 -c 1 -t raw)?"
            )
        return None
