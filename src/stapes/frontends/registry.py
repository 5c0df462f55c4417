"""Samples to features: what the model sees of a sound, by one of three frontends.

| frontend | features | stands for |
|---|---|---|
| `mfcc` | 50 x 13 cepstral coefficients at 22,050 Hz | the reference |
| `logmel` | 49 x 40 log-mel bands below the loudest, at 16 kHz | what is cheap on any device |
| `micro` | 49 x 40 channels of TFLite Micro's frontend at 16 kHz | what ESPHome's devices compute |

Each clip is computed on its own, so its features are the same bits in a batch of any size.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Discriminator, Tag

from stapes.frontends.logmel import LogMel, logmel
from stapes.frontends.mfcc import Mfcc, mfcc
from stapes.frontends.micro import Micro, library, micro

__all__ = [
    "FRONTENDS",
    "Frontend",
    "LogMel",
    "Mfcc",
    "Micro",
    "features",
    "kind_of",
    "require",
    "shapes",
]

FRONTENDS: dict[str, type[Mfcc] | type[LogMel] | type[Micro]] = {
    "mfcc": Mfcc,
    "logmel": LogMel,
    "micro": Micro,
}


def kind_of(settings: Any) -> str:
    """Which frontend settings are for; those without a `kind` are of a time with `mfcc` alone."""
    if isinstance(settings, Mapping):
        return str(settings.get("kind", "mfcc"))
    return str(getattr(settings, "kind", None))


Frontend = Annotated[
    Annotated[Mfcc, Tag("mfcc")]
    | Annotated[LogMel, Tag("logmel")]
    | Annotated[Micro, Tag("micro")],
    Discriminator(
        kind_of,
        custom_error_type="frontend",
        custom_error_message=f"unknown; known are {', '.join(FRONTENDS)}",
    ),
]
"""Settings of any frontend: `sample_rate`, `window`, `frames`, `hop_length`, `shape`."""


def features(samples: NDArray[np.float32], settings: Frontend) -> NDArray[np.float32]:
    """Features of a batch of clips of one length.

    Parameters
    ----------
    samples : np.ndarray [shape=(n, samples)]
        Mono, at `settings.sample_rate` Hz, in [-1, 1].
    settings : Frontend

    Returns
    -------
    features : np.ndarray [shape=(n, frames, bins, 1)]
        float32, finite.

    Raises
    ------
    MissingExtraError
        The frontend is `micro` and its library is not installed.
    ValueError
        `samples` is not two-dimensional or has no sample in it.

    Examples
    --------
    >>> features(np.zeros((2, 16_000), np.float32), LogMel()).shape
    (2, 49, 40, 1)
    """
    if isinstance(settings, LogMel):
        return logmel(samples, settings)
    if isinstance(settings, Micro):
        return micro(samples, settings)
    return mfcc(samples, settings)


def require(settings: Frontend) -> None:
    """See that what a frontend needs is installed, before any work is done.

    Raises
    ------
    MissingExtraError
        The frontend is `micro` and its library is not installed.
    """
    if isinstance(settings, Micro):
        library()


def shapes() -> str:
    """What each frontend gives unless its sizes are set, as a part of a sentence.

    Examples
    --------
    >>> shapes()
    'mfcc gives [50, 13, 1], logmel [49, 40, 1], micro [49, 40, 1]'
    """
    given = [f"{kind} {list(settings().shape)}" for kind, settings in FRONTENDS.items()]
    return ", ".join(given).replace(" ", " gives ", 1)
