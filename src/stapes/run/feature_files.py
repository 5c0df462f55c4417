"""The features of a run's clips in memory-mapped files, which worker processes share."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from stapes.data.cache import FeatureCache
from stapes.data.clip import SPLITS
from stapes.data.features import Chosen, FeatureSet, gather
from stapes.run.settings import RunSettings
from stapes.system.files import write_text


def gather_splits(used: dict[str, Chosen], cache: FeatureCache, folder: Path) -> None:
    """Write the features of every split from the cache into a folder."""
    for split in SPLITS:
        save_features(gather(used[split], cache, feature_file(folder, split)), folder, split)


def save_features(features: FeatureSet, work: Path, split: str) -> None:
    """Write the labels and names; the features are in their file already."""
    np.save(work / f"{split}-y.npy", features.y, allow_pickle=False)
    write_text(work / f"{split}-clips.json", json.dumps(features.clip))


def feature_file(work: Path, split: str) -> Path:
    """The file of a split's features."""
    return work / f"{split}-x.npy"


def load_features(work: Path, split: str, shape: tuple[int, ...] | None = None) -> FeatureSet:
    """The FeatureSet of a split, memory-mapped; in the `shape` of a model's input if given."""
    x = np.load(feature_file(work, split), mmap_mode="r", allow_pickle=False)
    x = x if shape is None else x.reshape(len(x), *shape)
    y = np.load(work / f"{split}-y.npy", allow_pickle=False)
    return FeatureSet(x, y, json.loads((work / f"{split}-clips.json").read_text("utf-8")))


def calibration(training: FeatureSet, settings: RunSettings) -> NDArray[np.float32]:
    """Features of the training clips for calibration: half of each class, if there are enough."""
    rng = np.random.default_rng([settings.seed, 1])
    rows: list[int] = []
    for label in (1, 0):
        members = np.flatnonzero(training.y == label)
        rows += rng.permutation(members)[: settings.calibration_clips // 2].tolist()
    return np.asarray(training.x[sorted(rows)])
