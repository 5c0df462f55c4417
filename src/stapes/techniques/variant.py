"""What a technique makes, and how it is called."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Variant:
    """One .tflite with its name, its technique, its settings, and what is to be said of it."""

    name: str
    technique: str
    tflite: bytes
    settings: dict[str, Any] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Material:
    """What techniques work from.

    baseline : tf_keras.Model, trained; a technique does not change it
    calibration : np.ndarray [shape=(n, frames, bins, 1)], float32, training clips of both classes
    """

    baseline: Any
    calibration: NDArray[np.float32]


Technique = Callable[[Material], Variant]
