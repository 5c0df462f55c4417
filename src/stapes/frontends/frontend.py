"""The base class of frontends: settings, and features from samples.

A frontend is a class in its own file and a line in `frontends.registry`. To import one does not
import NumPy: its methods import the arithmetic from `frontends.numerics`.
"""

from __future__ import annotations

import importlib.util
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, ClassVar

from pydantic import BaseModel, ConfigDict, Field, model_validator

from stapes.errors import MissingExtraError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from typing_extensions import Self  # typing has it from Python 3.11.

_MOST_FEATURES = 1_000_000
"""Of a window. A device has memory for a few thousand."""

_MOST_VALUES = 1 << 27
"""Of all frames of a window, which overlap: with as many, the transform takes 2 GiB."""

LONGEST = 65_536
"""Of a frame, a transform or a step [samples]."""


class Frontend(BaseModel, ABC):
    """Samples to features.

    A subclass sets `kind`, its name, and has the rest as fields or properties. Each clip is
    computed alone, so its features have the same bits in a batch of any size.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    summary: ClassVar[str] = ""
    """Its features in a few words, for help texts."""
    package: ClassVar[str | None] = None
    """The package that computes the features, if it is optional."""
    extra: ClassVar[str] = ""
    """The extra of Stapes that installs `package`."""

    kind: str = ""
    sample_rate: int = Field(default=16_000, ge=1000, le=384_000, description="Sample rate [Hz].")
    window_seconds: float = Field(
        default=1.0, ge=0.001, le=60, description="Seconds of sound to use."
    )

    @model_validator(mode="after")
    def _is_of_a_device(self) -> Self:
        features = self.frames * self.bins
        if features > _MOST_FEATURES:
            raise ValueError(
                f"a window would have {features:,} features: {_MOST_FEATURES:,} are possible"
            )
        return self

    if TYPE_CHECKING:

        @property
        def frames(self) -> int:
            """Frames of a window."""

        @property
        def hop_length(self) -> int:
            """Step between frames [samples]."""

    @property
    @abstractmethod
    def bins(self) -> int:
        """Features of a frame."""

    @property
    def shape(self) -> tuple[int, int, int]:
        """Shape of a clip's features: (frames, bins, 1)."""
        return (self.frames, self.bins, 1)

    @property
    def window(self) -> int:
        """Length of the window [samples]."""
        return round(self.window_seconds * self.sample_rate)

    @property
    def warm_up(self) -> int:
        """Length of the sound before a window that changes its features [samples]."""
        return 0

    def with_window(self, seconds: float) -> Self:
        """The same features of another window; its frames follow.

        Raises
        ------
        ValidationError
            The frontend has no such window.
        """
        settings = self.model_dump(exclude={"frames"})
        return type(self).model_validate({**settings, "window_seconds": seconds})

    @property
    def missing(self) -> bool:
        """Whether `package` is not installed."""
        package = (self.package or "").replace("-", "_")
        return bool(package) and importlib.util.find_spec(package) is None

    def require(self) -> None:
        """Raise MissingExtraError if `package` is not installed."""
        if self.missing:
            raise MissingExtraError(f"The frontend {self.kind}", self.extra)

    def features(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        """Features of a batch of clips of one length.

        Parameters
        ----------
        samples : np.ndarray [shape=(n, samples)]
            Mono, at `sample_rate` Hz, in [-1, 1]. Clips are padded or cut at their end to the
            length of the window.

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
        """Number of whole windows in `samples`, one every `hop_frames` frames."""
        if samples < self.window:
            return 0
        return 1 + (samples - self.window) // (hop_frames * self.hop_length)

    def sliding(self, y: NDArray[np.float32], hop_frames: int) -> NDArray[np.float32]:
        """The features of every window of a recording; common parts are computed once.

        Parameters
        ----------
        y : np.ndarray [shape=(samples,)]
            Mono, at `sample_rate` Hz.
        hop_frames : int > 0 [frames]
            Step between windows, of `hop_length` samples each.

        Returns
        -------
        features : np.ndarray [shape=(windows, frames, bins, 1)]
            float32; row `i` is equal to the `features` of the window that begins at sample
            `i * hop_frames * hop_length`, to rounding. A frontend's state continues from window to
            window, as on a device. So in the first `warm_up` samples, features also depend on
            where `y` begins. There is no row if `y` is shorter than a window.

        Raises
        ------
        MissingExtraError
            `package` is not installed.
        ValueError
            `y` is not one-dimensional, or `hop_frames` is not positive.
        """
        if y.ndim != 1 or hop_frames < 1:
            raise ValueError(f"y must be [samples], hop_frames > 0; not {y.shape}, {hop_frames}")
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


class Spectral(Frontend):
    """A frontend of mel bands, and what `numerics.mel` reads of its settings."""

    @model_validator(mode="after")
    def _is_computed_in_memory(self) -> Self:
        values = (1 + self.window // self.hop_length) * self.n_fft
        if values > _MOST_VALUES:
            raise ValueError(
                f"all frames of a window would have {values:,} samples: at most {_MOST_VALUES:,} "
                "are possible; choose a longer hop_length"
            )
        return self

    if TYPE_CHECKING:
        n_fft: int
        n_mels: int
        top_db: float
