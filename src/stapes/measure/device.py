"""When a device detects, in one frame after the other, at one cutoff.

This is the loop of ESPHome 2026.6.5, `micro_wake_word/streaming_model.cpp`. `device_rule` describes
the rule, and applies it to whole recordings at many cutoffs.
"""

from __future__ import annotations

from collections import deque

HIGHEST = 255
"""Of an integer output."""
DEAF_FRAMES = 100
"""Frames below the cutoff after which a device can detect."""


class Device:
    """A device that is switched on, and its ring of outputs.

    Parameters
    ----------
    cutoff : float
        In the unit of the outputs.
    sliding_window : int > 0
        Outputs in the ring.
    deaf_frames : int > 0
        Frames below the cutoff after which it can detect.

    Attributes
    ----------
    mean : float
        Of the ring after the newest output. A detection zeroes the ring, which the next mean shows.
    deaf : bool
        Whether it cannot detect yet.

    Examples
    --------
    >>> device = Device(200)
    >>> [frame for frame in range(300) if device.take(250 if frame % 3 == 2 else None)]
    []
    >>> device = Device(200)
    >>> heard = [device.take(0) for _ in range(100)] + [device.take(250) for _ in range(9)]
    >>> heard.index(True)
    104
    """

    def __init__(
        self, cutoff: float, sliding_window: int = 5, deaf_frames: int = DEAF_FRAMES
    ) -> None:
        self.cutoff, self._deaf_frames = cutoff, deaf_frames
        self._ring: deque[float] = deque(maxlen=sliding_window)
        self.mean = 0.0
        self._start()

    @property
    def deaf(self) -> bool:
        """Whether it cannot detect yet."""
        return self._left > 0

    def take(self, output: float | None = None) -> bool:
        """Take a frame, and the output that came with it; returns whether the device detects."""
        ring = self._ring
        if output is not None:
            ring.append(output)
            self._untested = True
            self.mean = sum(ring) / len(ring)
        if ring[-1] < self.cutoff and self._left:
            self._left -= 1
        if self._left or not self._untested:
            return False
        self._untested = False
        # As the device compares: the sum, and strictly.
        detected = sum(ring) > self.cutoff * len(ring)
        if detected:
            self._start()
        return detected

    def _start(self) -> None:
        size = self._ring.maxlen or 0
        self._ring.extend([0] * size)
        self._left, self._untested = self._deaf_frames, False
