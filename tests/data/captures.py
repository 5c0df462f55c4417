"""Captures as `stapes listen --keep` writes them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from stapes.contracts import captures
from stapes.contracts.captures import Capture

RATE = 16_000


def keep(folder: Path, name: str, y: np.ndarray | None = None, **changes: Any) -> Path:
    """Write a WAV file, by default 4 s of noise, and its sidecar."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.wav"
    if y is None:
        y = np.random.default_rng(len(name)).normal(0, 0.01, 4 * RATE)
    soundfile.write(path, np.clip(y, -1, 1).astype(np.float32), RATE, subtype="PCM_16")
    capture = {
        "model": "run",
        "wake_word": "rise",
        "kind": "near miss",
        "recorded": None,
        "source": "microphone",
        "seconds": 3.0,
        "score": 0.4,
        "threshold": 0.5,
        "step_seconds": 0.03,
        "scores": [0.1, 0.4],
        **changes,
    }
    captures.write(Capture.model_validate(capture), path.with_suffix(".json"))
    return path
