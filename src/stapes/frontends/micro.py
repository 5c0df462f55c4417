"""The audio frontend of TFLite Micro, bit for bit: what ESPHome's micro_wake_word computes.

The library `pymicro-features` wraps the C code of the devices: 40 channels from 125 to 7,500 Hz
each 10 ms, of the 30 ms before; less the noise, whose estimate follows the sound; an automatic
gain for each channel (PCAN); and a logarithm. Step and sizes are fixed in it. The noise estimate
is state: what a frame gives hangs on the seconds before it.

So a clip is heard as by a device that is switched on where the clip begins, and a window that
slides over sound as by one that has been listening: its first frames are lower, for the noise is
known. After 5 s no bit of speech hangs on what was before; `Micro.warm_up` is twice that.

A device whose own step is not 10 ms (TFLite Micro's example micro_speech: 20 ms) estimates the
noise at that step, and computes other features.

Sources: the library "microfrontend" of TensorFlow Lite (Warden et al.); Wang et al. 2017,
"Trainable frontend for robust and far-field keyword spotting" (PCAN).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from stapes.errors import MissingExtraError
from stapes.frontends.window import Window

PACKAGE = "pymicro-features"

_CHANNELS = 40
_FRAME = 480
_HOP = 160
_WARM_UP_SECONDS = 10


class Micro(Window):
    """Settings of the `micro` frontend."""

    kind: Literal["micro"] = "micro"
    sample_rate: Literal[16_000] = Field(default=16_000, description="Hz")
    window_seconds: float = Field(default=1.0, ge=0.03, le=60, description="of sound that is used")
    hops_per_frame: int = Field(
        default=2, ge=1, le=100, description="of 10 ms, between frames that the model sees"
    )

    @property
    def hop_length(self) -> int:
        """From one frame that the model sees to the next [samples]."""
        return _HOP * self.hops_per_frame

    @property
    def frames(self) -> int:
        """Frames that the model sees; the first 30 ms give the first."""
        return 1 + (self.window - _FRAME) // self.hop_length

    @property
    def shape(self) -> tuple[int, int, int]:
        """Shape of one clip's features: (frames, bins, 1)."""
        return (self.frames, _CHANNELS, 1)

    @property
    def warm_up(self) -> int:
        """So much of the sound before a window bears on its features, where it slides [samples]."""
        return _WARM_UP_SECONDS * self.sample_rate


def micro(samples: NDArray[np.float32], settings: Micro | None = None) -> NDArray[np.float32]:
    """Features of a batch of clips of one length, each with a state of its own.

    Parameters
    ----------
    samples : np.ndarray [shape=(n, samples)]
        Mono, at 16,000 Hz, in [-1, 1]. A clip that is shorter than the window is padded behind
        with silence, a longer one is cut behind.
    settings : Micro

    Returns
    -------
    features : np.ndarray [shape=(n, frames, 40, 1)]
        float32 in the scale that microWakeWord trains in: 0.0390625 for each step of the device's
        integers, up to about 26.

    Raises
    ------
    MissingExtraError
        pymicro-features is not installed.
    ValueError
        `samples` is not two-dimensional or has no sample in it.
    """
    settings = settings or Micro()
    if samples.ndim != 2 or samples.shape[1] == 0:
        raise ValueError(f"samples must be [n, samples], not {samples.shape}")
    y = np.zeros((len(samples), settings.window), np.float32)
    y[:, : samples.shape[1]] = samples[:, : settings.window]
    features = np.empty((len(y), *settings.shape), np.float32)
    for clip, row in zip(y, features, strict=True):
        row[:, :, 0] = frames_of(clip, settings)
    return features


def frames_of(y: NDArray[np.float32], settings: Micro) -> NDArray[np.float32]:
    """The frames that a model sees of sound from which a device is switched on.

    Parameters
    ----------
    y : np.ndarray [shape=(samples,)]

    Returns
    -------
    frames : np.ndarray [shape=(frames, 40)]

    Raises
    ------
    MissingExtraError
        pymicro-features is not installed.
    """
    frontend = library()()
    pcm = np.clip(np.rint(y * 32_768.0), -32_768, 32_767).astype("<i2").tobytes()
    step = 2 * _HOP
    outputs = [
        frontend.process_samples(pcm[begin : begin + step]).features
        for begin in range(0, len(pcm) - step + 1, step)
    ]
    # The first steps give nothing: 30 ms are not yet full.
    full = [features for features in outputs if features]
    return np.array(full[:: settings.hops_per_frame], np.float32).reshape(-1, _CHANNELS)


def library() -> Callable[[], Any]:
    """What makes a frontend in its first state.

    Raises
    ------
    MissingExtraError
        pymicro-features is not installed.
    """
    try:
        from pymicro_features import MicroFrontend
    except ImportError:
        raise MissingExtraError("The frontend micro", "micro") from None
    maker: Callable[[], Any] = MicroFrontend
    return maker
