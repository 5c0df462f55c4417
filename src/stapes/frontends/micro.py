"""The frontend `micro`: that of TFLite Micro, bit for bit, as ESPHome's micro_wake_word computes.

The library `pymicro-features` wraps the C code of the devices: 40 channels from 125 to 7,500 Hz
each 10 ms, of the 30 ms before; less the noise, whose estimate follows the sound; an automatic
gain for each channel (PCAN); and a logarithm. Step and sizes are fixed in it. The noise estimate
is state: the features of a frame depend on the seconds before it.

So a clip's features are those of a device that is switched on where the clip begins. A window that
slides over sound has those of a device that has been listening: its first frames are lower, for
the noise is known. After 5 s no bit of speech depends on what was before; `Micro.warm_up` is twice
that.

A device whose own step is not 10 ms (TFLite Micro's example micro_speech: 20 ms) estimates the
noise at that step, and computes other features.

Sources: the library "microfrontend" of TensorFlow Lite (Warden et al.); Wang et al. 2017,
"Trainable frontend for robust and far-field keyword spotting" (PCAN).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from stapes.frontends.frontend import Frontend

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

CHANNELS = 40
HOP = 160
_FRAME = 480
_WARM_UP_SECONDS = 10


class Micro(Frontend):
    """49 x 40 channels of TFLite Micro's frontend at 16 kHz: what ESPHome's devices compute.

    The features are in the scale that microWakeWord trains in: 0.0390625 for each step of the
    device's integers, up to about 26. The level of the samples matters.
    """

    summary: ClassVar[str] = "those of ESPHome's devices"
    package: ClassVar[str | None] = "pymicro-features"
    extra: ClassVar[str] = "micro"

    kind: Literal["micro"] = "micro"
    sample_rate: Literal[16_000] = Field(default=16_000, description="Hz")
    window_seconds: float = Field(default=1.0, ge=0.03, le=60, description="of sound that is used")
    hops_per_frame: int = Field(
        default=2, ge=1, le=100, description="of 10 ms, between frames that the model sees"
    )

    @property
    def hop_length(self) -> int:
        """From one frame that the model sees to the next [samples]."""
        return HOP * self.hops_per_frame

    @property
    def frames(self) -> int:
        """Frames that the model sees; the first 30 ms give the first."""
        return 1 + (self.window - _FRAME) // self.hop_length

    @property
    def bins(self) -> int:
        """Channels of a frame."""
        return CHANNELS

    @property
    def warm_up(self) -> int:
        """How much sound before a sliding window changes the window's features [samples]."""
        return _WARM_UP_SECONDS * self.sample_rate

    def _features(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        from stapes.frontends.numerics.micro import micro

        return micro(samples, self)

    def _sliding(
        self, y: NDArray[np.float32], hop_frames: int, windows: int
    ) -> NDArray[np.float32]:
        from stapes.frontends.numerics.micro import sliding

        return sliding(y, self, hop_frames, windows)
