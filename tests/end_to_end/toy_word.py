"""A toy word as sound files: a tone that rises. Other clips hold one that falls, or noise."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import soundfile
import yaml
from numpy.typing import NDArray

RATE = 16_000

SETTINGS = {
    "training_clips": 0,
    "train": {"epochs": 1},
    "calibration_clips": 12,
    "detection": {"snr_db": [10.0], "noise_hours": 0.005, "target_fa_per_hour": 60.0},
    "stream": {
        "width": 6,
        "blocks": 2,
        "epochs": 2,
        "steps": 8,
        "words": 8,
        "others": 8,
        "average": 0.5,
        "locate_epoch": 1,
        "embedded_words": 30,
        "negative_hours": 0.02,
    },
    "recipes": {
        "stream_pruning": {"epochs": 1},
        "stream_clustering": {"epochs": 1, "clusters": 8},
        "stream_quantization_aware": {"epochs": 1},
        "stream_tiny": {"epochs": 1, "widths": [3, 4], "max_rise": 0.0},
    },
}
"""Of run.yaml: as small as they can be."""


def write(folder: Path) -> Path:
    """Fill a folder with `data`, `talk`, `continuous`, `noise`, `rooms` and `tiny.yaml`."""
    rng = np.random.default_rng(0)
    for speaker in range(30):
        for label, rises in (("rise", True), ("fall", False)):
            name = f"{label}/{speaker:08x}_nohash_0.wav"
            _save(folder / "data" / name, _clip(rng, rises=rises))
    for number in range(20):
        _save(folder / "talk" / f"{number}-100-0000.wav", _talk(rng, 6.0))
    for number in range(3):
        _save(folder / "continuous" / f"radio_{number}.wav", _talk(rng, 20.0))
    for number in range(10):
        _save(folder / "noise" / f"{number}.wav", rng.normal(0, 0.05, 2 * RATE))
    room = rng.normal(0, 1, RATE // 10) * np.exp(-np.arange(RATE // 10) / 200)
    _save(folder / "rooms" / "small.wav", 0.3 * room)
    (folder / "tiny.yaml").write_text(yaml.safe_dump({"settings": SETTINGS}))
    return folder


def _save(path: Path, y: NDArray[np.float64]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, np.clip(y, -1, 1).astype(np.float32), RATE)


def tone(rng: np.random.Generator, *, rises: bool) -> NDArray[np.float64]:
    """Half a second between 300 and 3,000 Hz."""
    count = RATE // 2
    low, high = rng.uniform(280, 320), rng.uniform(2_800, 3_200)
    hertz = np.geomspace(low, high, count) if rises else np.geomspace(high, low, count)
    return 0.3 * np.sin(2 * np.pi * np.cumsum(hertz) / RATE) * np.hanning(count)


def _clip(rng: np.random.Generator, *, rises: bool) -> NDArray[np.float64]:
    y = rng.normal(0, 0.003, RATE)
    begin = int(rng.integers(RATE // 2))
    y[begin : begin + RATE // 2] += tone(rng, rises=rises)
    return y


def _talk(rng: np.random.Generator, seconds: float) -> NDArray[np.float64]:
    """Noise, and a tone that falls each second."""
    y = rng.normal(0, 0.003, round(seconds * RATE))
    for begin in range(0, len(y) - RATE, RATE):
        at = begin + int(rng.integers(RATE // 2))
        y[at : at + RATE // 2] += tone(rng, rises=False)
    return y
