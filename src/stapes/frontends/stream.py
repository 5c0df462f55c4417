"""Frontends of detectors in a stream."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, ClassVar

from stapes.frontends.frontend import Frontend

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from stapes.frontends.numerics.stream import FrameStream

SHORTEST_WINDOW = 0.03
"""Of one frame [s]."""


class StreamFrontend(Frontend):
    """A frontend that also computes the frames of a stream, one after the other.

    A stream has no windows: a frame depends on its own 30 ms, and at most on what was before.
    `numerics.stream` has what all frames of streams have in common.
    """

    in_stream: ClassVar[str] = ""
    """Its frames in a few words, for help texts."""

    @abstractmethod
    def opened(self) -> FrameStream:
        """A stream that begins now, as on a device that is switched on.

        Raises
        ------
        ModuleNotFoundError
            `package` is not installed.
        """

    def stream(self, y: NDArray[np.float32]) -> NDArray[np.int8]:
        """The frames of a recording, from a start.

        Parameters
        ----------
        y : np.ndarray [shape=(samples,)]
            Mono, at 16 kHz, in [-1, 1].

        Returns
        -------
        frames : np.ndarray [shape=(frames, 40)]
            int8; frame `f` is of the samples from `160 f` to `160 f + 480`.

        Raises
        ------
        MissingExtraError
            `package` is not installed.
        """
        from stapes.frontends.numerics.stream import frames

        self.require()
        return frames(self.opened(), y)
