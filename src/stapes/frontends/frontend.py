"""The base of the frontends: settings, and the features that they give of samples.

A frontend is a class in a file of its own, and a line in `frontends.registry`. Importing one loads
no NumPy: the arithmetic is in `frontends.numerics`, which its methods import.
"""

from __future__ import annotations

import importlib.util
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, ClassVar

from pydantic import BaseModel, ConfigDict, Field

from stapes.errors import MissingExtraError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class Frontend(BaseModel, ABC):
    """Samples to features.

    A subclass sets `kind`, its name. It has the rest as a field or a property. Each clip is
    computed on its own, so its features are the same bits in a batch of any size.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    summary: ClassVar[str] = ""
    """Its features in a few words, for help texts."""
    package: ClassVar[str | None] = None
    """The package that computes the features, where not every installation has it."""
    extra: ClassVar[str] = ""
    """The extra of Stapes that installs `package`."""

    kind: str = ""
    sample_rate: int = Field(default=16_000, gt=0, description="Hz")
    window_seconds: float = Field(default=1.0, gt=0, le=60, description="of sound that is used")

    if TYPE_CHECKING:

        @property
        def frames(self) -> int:
            """Frames that the model sees of a window."""

        @property
        def hop_length(self) -> int:
            """From one frame to the next [samples]."""

    @property
    @abstractmethod
    def bins(self) -> int:
        """Features of a frame."""

    @property
    def shape(self) -> tuple[int, int, int]:
        """Shape of one clip's features: (frames, bins, 1)."""
        return (self.frames, self.bins, 1)

    @property
    def window(self) -> int:
        """Length of the window [samples]."""
        return round(self.window_seconds * self.sample_rate)

    @property
    def warm_up(self) -> int:
        """How much sound before a sliding window changes the window's features [samples]."""
        return 0

    def require(self) -> None:
        """Check that what the frontend needs is installed, before any work is done.

        Raises
        ------
        MissingExtraError
            `package` is not installed.
        """
        if self.package and importlib.util.find_spec(self.package.replace("-", "_")) is None:
            raise MissingExtraError(f"The frontend {self.kind}", self.extra)

    def features(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        """Features of a batch of clips of one length.

        Parameters
        ----------
        samples : np.ndarray [shape=(n, samples)]
            Mono, at `sample_rate` Hz, in [-1, 1]. Shorter clips than the window are padded behind,
            longer ones are cut behind.

        Returns
        -------
        features : np.ndarray [shape=(n, frames, bins, 1)]
            float32, finite.

        Raises
        ------
        MissingExtraError
            `package` is not installed.
        ValueError
            `samples` is not two-dimensional or has no sample in it.
        """
        if samples.ndim != 2 or samples.shape[1] == 0:
            raise ValueError(f"samples must be [n, samples], not {samples.shape}")
        self.require()
        return self._features(samples)

    def windows_in(self, samples: int, hop_frames: int) -> int:
        """Number of windows that lie wholly in `samples`, one every `hop_frames` frames."""
        if samples < self.window:
            return 0
        return 1 + (samples - self.window) // (hop_frames * self.hop_length)

    def sliding(self, y: NDArray[np.float32], hop_frames: int) -> NDArray[np.float32]:
        """The features of every window of a stretch of sound.

        What neighbouring windows share is computed once.

        Parameters
        ----------
        y : np.ndarray [shape=(samples,)]
            Mono, at `sample_rate` Hz.
        hop_frames : int > 0 [frames]
            From one window to the next: so many times `hop_length` samples.

        Returns
        -------
        features : np.ndarray [shape=(windows, frames, bins, 1)]
            float32; row `i` is what `features` gives for the window that begins at sample
            `i * hop_frames * hop_length`, to rounding. Where a frontend has state, the state
            continues from window to window, as on a device: the first `warm_up` samples after the
            stretch begins, features also depend on where it begins. No row if `y` is shorter than
            a window.

        Raises
        ------
        MissingExtraError
            `package` is not installed.
        ValueError
            `y` is not one-dimensional, or `hop_frames` is not positive.
        """
        if y.ndim != 1 or hop_frames < 1:
            raise ValueError(f"one stretch of sound and a hop, not {y.shape} and {hop_frames}")
        self.require()
        windows = self.windows_in(len(y), hop_frames)
        if windows:
            return self._sliding(y, hop_frames, windows)
        return self._features(y[None, :0].repeat(0, axis=0))

    @abstractmethod
    def _features(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        """[n, samples] -> [n, frames, bins, 1]; n may be 0."""

    @abstractmethod
    def _sliding(
        self, y: NDArray[np.float32], hop_frames: int, windows: int
    ) -> NDArray[np.float32]:
        """[samples] -> [windows, frames, bins, 1]; there is at least one window."""
