"""The frontend `logmel`: log-mel bands relative to the loudest of the window.

Its features do not depend on the level of the sound. Each frame is wholly in its window, so only
the loudest band depends on the window, and a device computes each frame once.

Source of the sizes (40 bands of 30 ms, every 20 ms): TFLite Micro's micro_speech.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field, model_validator

from stapes.frontends.frontend import LONGEST, Spectral
from stapes.frontends.stream import StreamFrontend

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from stapes.frontends.numerics.stream import FrameStream


class LogMel(Spectral, StreamFrontend):
    """49 x 40 log-mel bands at 16 kHz, from 0 to 1: cheap on any device.

    1 is the loudest band of the clip; 0 is `top_db` below it, or less. The scale of the samples
    does not matter. A silent clip is 1 everywhere, as all its bands are equal.

    Examples
    --------
    >>> import numpy as np
    >>> LogMel().features(np.zeros((2, 16_000), np.float32)).shape
    (2, 49, 40, 1)
    """

    summary: ClassVar[str] = "40 bands, the same at any level"
    in_stream: ClassVar[str] = "40 bands over a fixed floor, for a device of your own"

    kind: Literal["logmel"] = "logmel"
    frame_length: int = Field(
        default=480, ge=16, le=LONGEST, description="Length of a frame [samples]."
    )
    hop_length: int = Field(
        default=320, gt=0, le=LONGEST, description="Step between frames [samples]."
    )
    n_fft: int = Field(
        default=512, ge=16, le=LONGEST, description="Length of the transform [samples]."
    )
    n_mels: int = Field(default=40, gt=0, le=1024, description="Mel bands of a frame.")
    top_db: float = Field(
        default=80.0, gt=0, le=1000, description="Range below the window's loudest band [dB]."
    )

    @model_validator(mode="after")
    def _sizes_fit(self) -> LogMel:
        for name, most in (("n_fft", self.n_fft), ("the window", self.window)):
            if self.frame_length > most:
                raise ValueError(
                    f"frame_length ({self.frame_length}) must not exceed {name} ({most} samples)"
                )
        return self

    @property
    def frames(self) -> int:
        """Frames that are wholly in the window."""
        return 1 + (self.window - self.frame_length) // self.hop_length

    @property
    def bins(self) -> int:
        """Mel bands of a frame."""
        return self.n_mels

    def opened(self) -> FrameStream:
        """A stream that begins now: the bands of each frame over a fixed floor."""
        from stapes.frontends.numerics.logmel_stream import LogMelStream

        return LogMelStream(self).process

    def _features(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        from stapes.frontends.numerics.logmel import logmel

        return logmel(samples, self, self.frame_length)

    def _sliding(
        self, y: NDArray[np.float32], hop_frames: int, windows: int
    ) -> NDArray[np.float32]:
        from stapes.frontends.numerics.logmel import sliding

        return sliding(y, self, self.frame_length, hop_frames, windows)
