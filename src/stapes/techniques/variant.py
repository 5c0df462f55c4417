"""Techniques, what they make, and what they make it from."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from stapes.data.features import FeatureSet
from stapes.techniques.recipes import Recipes

if TYPE_CHECKING:
    from stapes.models.crops import Crops
    from stapes.models.settings import StreamSettings
    from stapes.models.stream_training import Judge


@dataclass(frozen=True)
class Variant:
    """One .tflite with its settings and notes.

    `layer_notes` are in the order of the kernels in the file. A note says why a technique did not
    work on a layer.
    """

    tflite: bytes
    settings: dict[str, Any] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    layer_notes: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Stream:
    """What a detector in a stream is trained on, and how.

    judge : its metrics on validation sound; None without such sound
    finish : makes a trained model plain, with its threshold at a score of one half
    threshold : where a streaming .tflite has its threshold on validation sound, as a logit; None
        without such sound, and where no score is above the threshold
    """

    crops: Crops
    settings: StreamSettings
    judge: Judge | None
    finish: Callable[[Any], Any]
    threshold: Callable[[bytes], float | None]


@dataclass(frozen=True)
class Material:
    """What techniques work from; they change none of it.

    model : tf_keras.Model, trained: the baseline, or the model of the stage that a technique needs
    baseline : tf_keras.Model, the teacher
    training : FeatureSet
    calibration : np.ndarray [shape=(n, frames, bins, 1)], float32, training clips of both classes
    positive : int, the output of the wake word, where there are several
    validation : FeatureSet, to choose between models and never to train on; None or empty where the
        corpus has none
    accuracy : callable, the accuracy of a .tflite on clips, measured as for a row
    stream : Stream, for a detector in a stream, whose `training` is empty
    """

    model: Any
    baseline: Any
    training: FeatureSet
    calibration: NDArray[np.float32]
    recipes: Recipes
    seed: int
    positive: int = 1
    validation: FeatureSet | None = None
    accuracy: Callable[[bytes, FeatureSet], float] | None = None
    stream: Stream | None = None

    @cached_property
    def teacher(self) -> NDArray[np.float32]:
        """The baseline's scores of the training clips [shape=(n, outputs)]."""
        scores: NDArray[np.float32] = self.baseline.predict(
            np.asarray(self.training.x), batch_size=256, verbose=0
        )
        return scores


@dataclass(frozen=True)
class FloatFile:
    """A float .tflite of one input, and calibration clips [shape=(n, ...)], float32."""

    tflite: bytes
    calibration: NDArray[np.float32]


@dataclass(frozen=True)
class Technique:
    """A row of the table.

    source : the paper or guide
    needs : the stage whose model it starts from
    package, extra : a package that it needs beyond the extra `train`, and the extra with it
    from_file : makes it from a user's float .tflite, where it needs no training
    searched : whether a search of its root draws it: all int8, with the layers of the model it
        starts from
    tables : whether its weights go into look-up tables, which only TFLite Micro reads
    slow : whether LiteRT has no fast kernels for it
    trains : whether its making trains a model, which takes longest
    """

    title: str
    source: str
    make: Callable[[Material], Variant]
    needs: str = "baseline"
    package: str = ""
    extra: str = ""
    from_file: Callable[[FloatFile], Variant] | None = None
    searched: bool = False
    tables: bool = False
    slow: bool = False
    trains: bool = False

    @property
    def missing(self) -> bool:
        """Whether its package is not installed."""
        return bool(self.package) and importlib.util.find_spec(self.package) is None


@dataclass(frozen=True)
class Stage:
    """A trained Keras model that several techniques share, made once.

    make : returns a plain tf_keras model without wrappers
    needs : the stage whose model it starts from
    prunes, clusters : whether the recipe `pruning` or `clustering` decides its weights
    """

    make: Callable[[Material], Any]
    needs: str = "baseline"
    prunes: bool = False
    clusters: bool = False
