"""The channels of TFLite Micro's audio frontend, from the library `pymicro-features`."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from stapes.frontends.frontend import Frontend
from stapes.frontends.numerics.windows import cut, padded


def micro(samples: NDArray[np.float32], settings: Frontend, hop: int) -> NDArray[np.float32]:
    """[n, samples] -> [n, frames, 40, 1]; each clip has its own state."""
    features = np.empty((len(samples), *settings.shape), np.float32)
    for clip, row in zip(padded(samples, settings.window), features, strict=True):
        row[:, :, 0] = _frames(clip, settings, hop)
    return features


def sliding(
    y: NDArray[np.float32], settings: Frontend, hop: int, hop_frames: int, windows: int
) -> NDArray[np.float32]:
    """[samples] -> [windows, frames, 40, 1]; the state continues from window to window."""
    return cut(_frames(y, settings, hop), settings.frames, hop_frames, windows)[..., None]


def _frames(y: NDArray[np.float32], settings: Frontend, hop: int) -> NDArray[np.float32]:
    """[samples] -> [frames, 40], as of a device that is switched on at the first sample."""
    from pymicro_features import MicroFrontend

    frontend = MicroFrontend()
    pcm = np.clip(np.rint(y * 32_768.0), -32_768, 32_767).astype("<i2").tobytes()
    step = 2 * hop
    outputs = [
        frontend.process_samples(pcm[begin : begin + step]).features
        for begin in range(0, len(pcm) - step + 1, step)
    ]
    # The first steps have no features, before the first 30 ms.
    full = [features for features in outputs if features]
    return np.array(full[:: settings.hop_length // hop], np.float32).reshape(-1, settings.bins)
