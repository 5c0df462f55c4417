"""The channels of TFLite Micro's audio frontend, from the library `pymicro-features`."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from stapes.frontends.frontend import Frontend
from stapes.frontends.numerics.stream import BINS, HOP, ZERO_POINT, chunks
from stapes.frontends.numerics.windows import cut, padded

STEP = 0.0390625
"""The library's floats are the device's integers times this."""


class MicroStream:
    """The frames of a stream of sound, as of a device that is switched on at its first sample.

    Chunks of any length give the same frames as the whole sound.

    Parameters
    ----------
    hop : int > 0 [samples]
        The library's own, 160.

    Raises
    ------
    ModuleNotFoundError
        pymicro-features is not installed.
    """

    def __init__(self, hop: int = HOP) -> None:
        from pymicro_features import MicroFrontend

        self._frontend, self._step, self._rest = MicroFrontend(), 2 * hop, b""

    def process(self, samples: NDArray[np.int16]) -> NDArray[np.float32]:
        """The frames that end in a chunk [samples] -> [n, 40]."""
        step = self._step
        content = self._rest + samples.astype("<i2").tobytes()
        whole = len(content) // step * step
        self._rest = content[whole:]
        outputs = [
            self._frontend.process_samples(content[begin : begin + step]).features
            for begin in range(0, whole, step)
        ]
        # The first steps have no features, before the first 30 ms.
        full = [features for features in outputs if features]
        return np.array(full, np.float32).reshape(-1, BINS)


def micro(samples: NDArray[np.float32], settings: Frontend, hop: int) -> NDArray[np.float32]:
    """[n, samples] -> [n, frames, 40, 1]; each clip has its own state."""
    features = np.empty((len(samples), *settings.shape), np.float32)
    for clip, row in zip(padded(samples, settings.window), features, strict=True):
        row[:, :, 0] = frames(clip, hop)[:: settings.hop_length // hop]
    return features


def sliding(
    y: NDArray[np.float32], settings: Frontend, hop: int, hop_frames: int, windows: int
) -> NDArray[np.float32]:
    """[samples] -> [windows, frames, 40, 1]; the state continues from window to window."""
    steps = frames(y, hop)[:: settings.hop_length // hop]
    return cut(steps, settings.frames, hop_frames, windows)[..., None]


def frames(y: NDArray[np.float32], hop: int) -> NDArray[np.float32]:
    """[samples] -> [hops, 40], as of a device that is switched on at the first sample."""
    stream = MicroStream(hop)
    return np.concatenate([np.zeros((0, BINS), np.float32), *map(stream.process, chunks(y))])


def quantized(features: NDArray[np.float32]) -> NDArray[np.int8]:
    """The integers that ESPHome gives a model, of the same shape.

    Source: `micro_wake_word.cpp` of ESPHome: (value * 256 + 333) / 666 - 128 of the library's
    integers, clamped.

    Examples
    --------
    >>> quantized(np.array([0.0, 13.0, 26.0, 40.0], np.float32))
    array([-128,    0,  127,  127], dtype=int8)
    """
    integers = np.rint(features / np.float32(STEP)).astype(np.int32)
    steps = (integers * 256 + 333) // 666 + ZERO_POINT
    clipped: NDArray[np.int8] = np.clip(steps, -128, 127).astype(np.int8)
    return clipped
