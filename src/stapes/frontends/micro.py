"""The frontend `micro`: bit for bit that of TFLite Micro and of ESPHome's micro_wake_word.

The library `pymicro-features` wraps the C code of the devices. Every 10 ms, it computes 40 channels
from 125 to 7,500 Hz of the last 30 ms. It subtracts an estimate of the noise, applies an automatic
gain per channel (PCAN), and takes the logarithm. Step and sizes are fixed. The noise estimate is
state: the features of a frame depend on the seconds before it.

So a clip's features are those of a device that is switched on at the start of the clip. Those of a
sliding window are those of a device that was on before: its first frames are lower, as the noise
is known. After 5 s, no bit of speech depends on earlier sound; `Micro.warm_up` is twice that.

A device with another step (TFLite Micro's example micro_speech: 20 ms) estimates the noise at that
step, and computes other features.

Sources: the library "microfrontend" of TensorFlow Lite (Warden et al.); Wang et al. 2017,
"Trainable frontend for robust and far-field keyword spotting" (PCAN).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from stapes.frontends.stream import SHORTEST_WINDOW, StreamFrontend

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from stapes.frontends.numerics.stream import FrameStream

_FRAME = 480
_WARM_UP_SECONDS = 10


class Micro(StreamFrontend):
    """49 x 40 channels of TFLite Micro's frontend at 16 kHz, as on ESPHome's devices.

    The features have the scale of microWakeWord: 0.0390625 for each step of the device's integers,
    up to about 26. The level of the samples matters.
    """

    summary: ClassVar[str] = "as on ESPHome's devices"
    in_stream: ClassVar[str] = summary
    package: ClassVar[str | None] = "pymicro-features"
    extra: ClassVar[str] = "micro"
    hop: ClassVar[int] = 160
    """Step of the library [samples]."""

    kind: Literal["micro"] = "micro"
    sample_rate: Literal[16_000] = Field(default=16_000, description="Sample rate [Hz].")
    window_seconds: float = Field(
        default=1.0, ge=SHORTEST_WINDOW, le=60, description="Seconds of sound to use."
    )
    hops_per_frame: int = Field(
        default=2, ge=1, le=100, description="Steps of 10 ms from one frame to the next."
    )

    @property
    def hop_length(self) -> int:
        """Step between frames [samples]."""
        return self.hop * self.hops_per_frame

    @property
    def frames(self) -> int:
        """Frames of a window; the first ends after 30 ms."""
        return 1 + (self.window - _FRAME) // self.hop_length

    @property
    def bins(self) -> int:
        """Channels of a frame."""
        return 40

    @property
    def warm_up(self) -> int:
        """Length of the sound before a window that changes its features [samples]."""
        return _WARM_UP_SECONDS * self.sample_rate

    def opened(self) -> FrameStream:
        """A stream that begins now, every 10 ms a frame, whatever `hops_per_frame` is."""
        from stapes.frontends.numerics.micro import MicroStream, quantized

        stream = MicroStream(self.hop)
        return lambda samples: quantized(stream.process(samples))

    def _features(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        from stapes.frontends.numerics.micro import micro

        return micro(samples, self, self.hop)

    def _sliding(
        self, y: NDArray[np.float32], hop_frames: int, windows: int
    ) -> NDArray[np.float32]:
        from stapes.frontends.numerics.micro import sliding

        return sliding(y, self, self.hop, hop_frames, windows)
