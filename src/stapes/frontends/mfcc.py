"""The frontend `mfcc` of the reference: cepstral coefficients of the peak-normalised clip."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field, model_validator

from stapes.frontends.frontend import LONGEST, Spectral

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_TENS = 10


def _frames_of(settings: Mapping[str, Any]) -> int:
    """All frames of the window, in whole tens."""
    window: int = round(settings["window_seconds"] * settings["sample_rate"])
    frames: int = 1 + window // settings["hop_length"]
    return -(-frames // _TENS) * _TENS


class Mfcc(Spectral):
    """50 x 13 mel-frequency cepstral coefficients at 22,050 Hz, as in the reference.

    The scale of the samples does not matter: each clip is divided by its largest absolute sample.
    At their end, shorter clips are padded with zeros as features, and longer ones are cut. The
    reference has 50 frames for the 44 of a second; other windows are rounded up to whole tens too.

    Examples
    --------
    >>> import numpy as np
    >>> Mfcc().features(np.zeros((2, 22_050), np.float32)).shape
    (2, 50, 13, 1)
    >>> Mfcc().sliding(np.zeros(44_100, np.float32), 4).shape
    (11, 50, 13, 1)
    """

    summary: ClassVar[str] = "as in the reference"

    kind: Literal["mfcc"] = "mfcc"
    sample_rate: int = Field(default=22_050, ge=1000, le=384_000, description="Sample rate [Hz].")
    n_fft: int = Field(default=2048, ge=16, le=LONGEST, description="Length of a frame [samples].")
    hop_length: int = Field(
        default=512, gt=0, le=LONGEST, description="Step between frames [samples]."
    )
    n_mels: int = Field(default=128, gt=0, le=1024, description="Mel bands of a frame.")
    n_mfcc: int = Field(default=13, gt=0, le=1024, description="Coefficients of a frame.")
    top_db: float = Field(
        default=80.0, gt=0, le=1000, description="Range below the clip's loudest band [dB]."
    )
    frames: int = Field(
        default_factory=_frames_of,
        gt=0,
        le=1_000_000,
        description="Frames of a window; by default those of `window_seconds`, rounded up to tens.",
    )

    @model_validator(mode="after")
    def _sizes_fit(self) -> Mfcc:
        if self.n_mfcc > self.n_mels:
            raise ValueError(f"n_mfcc ({self.n_mfcc}) must not exceed n_mels ({self.n_mels})")
        return self

    @property
    def bins(self) -> int:
        """Coefficients of a frame."""
        return self.n_mfcc

    def _features(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        from stapes.frontends.numerics.mfcc import mfcc

        return mfcc(samples, self)

    def _sliding(
        self, y: NDArray[np.float32], hop_frames: int, windows: int
    ) -> NDArray[np.float32]:
        from stapes.frontends.numerics.mfcc_sliding import sliding

        return sliding(y, self, hop_frames, windows)
