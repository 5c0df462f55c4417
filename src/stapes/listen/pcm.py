"""Raw samples of any rate, width and number of channels, as a stream of mono sound at 16 kHz."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import soxr
from numpy.typing import NDArray

from stapes.errors import UsageError
from stapes.listen.engine import RATE

RATES = (1_000, 384_000)
"""The lowest and the highest rate [Hz]."""
MOST_CHANNELS = 16


@dataclass(frozen=True)
class PcmFormat:
    """How the samples of a stream are written, little-endian.

    rate : [Hz]
    width : bytes of a sample; one byte is unsigned, as in a WAV file, and more are signed
    channels : samples of a frame

    Raises
    ------
    UsageError
        Nothing records so.
    """

    rate: int
    width: int
    channels: int

    def __post_init__(self) -> None:
        lowest, highest = RATES
        if type(self.rate) is not int or not lowest <= self.rate <= highest:
            raise UsageError(f"rate: give {lowest:,} to {highest:,} Hz, not {self.rate!r:.20}.")
        if type(self.width) is not int or not 1 <= self.width <= 4:
            raise UsageError(f"width: give 1 to 4 bytes a sample, not {self.width!r:.20}.")
        if type(self.channels) is not int or not 1 <= self.channels <= MOST_CHANNELS:
            raise UsageError(f"channels: give 1 to {MOST_CHANNELS}, not {self.channels!r:.20}.")

    @property
    def frame(self) -> int:
        """Bytes of the samples of one moment."""
        return self.width * self.channels


class PcmStream:
    """From bytes to mono samples at `RATE`.

    Chunks of any length give the same samples as the whole sound: the resampler keeps its state,
    and a chunk may end within a frame. What is at the right rate, width and number of channels
    already passes as it is.
    """

    def __init__(self, pcm_format: PcmFormat) -> None:
        self.format = pcm_format
        self._rest = b""
        self._resampler = None
        if pcm_format.rate != RATE:
            self._resampler = soxr.ResampleStream(
                pcm_format.rate, RATE, 1, dtype="float32", quality="HQ"
            )

    def process(
        self, content: bytes, *, last: bool = False
    ) -> NDArray[np.int16] | NDArray[np.float32]:
        """The samples that the bytes complete: int16, or floats in [-1, 1].

        Parameters
        ----------
        content : bytes
        last : bool
            Whether the sound ends here: the resampler gives the samples that it holds back.
        """
        content = self._rest + content
        whole = len(content) // self.format.frame * self.format.frame
        self._rest = content[whole:]
        content = content[:whole]
        if self.format == PcmFormat(RATE, 2, 1):
            return np.frombuffer(content, "<i2")
        y: NDArray[np.float32] = _floats(content, self.format.width)
        y = y.reshape(-1, self.format.channels).mean(axis=1)
        if self._resampler is None:
            return y
        resampled: NDArray[np.float32] = self._resampler.resample_chunk(y, last=last)
        return resampled


def _floats(content: bytes, width: int) -> NDArray[np.float32]:
    if width == 1:
        unsigned = np.frombuffer(content, np.uint8).astype(np.float32)
        return (unsigned - np.float32(128)) / np.float32(128)
    if width == 3:
        # The three bytes become the highest of four.
        four = np.zeros((len(content) // 3, 4), np.uint8)
        four[:, 1:] = np.frombuffer(content, np.uint8).reshape(-1, 3)
        content, width = four.tobytes(), 4
    integers: NDArray[np.signedinteger] = np.frombuffer(content, f"<i{width}")
    # Divided as float64: float32 has no 32-bit integers.
    parts = integers / (1 << 8 * width - 1)
    return parts.astype(np.float32)
