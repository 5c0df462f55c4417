"""Scores of many windows: in batches where LiteRT gives the same bits, else one by one.

A device gets one window at a time. In LiteRT a batch saves the cost of each call. The first batch
is compared with single windows, and a model that differs in any bit runs one by one. TFLite Micro
runs what LiteRT refuses.
"""

from __future__ import annotations

import contextlib

import numpy as np
from numpy.typing import NDArray

from stapes.errors import ModelError
from stapes.targets.classifier import Classifier
from stapes.targets.litert import LiteRT
from stapes.targets.tflm import TFLMClassifier

_BATCH = 8
"""With more, the tensors between two ops leave the processor's cache, which is slower."""


def score(model: bytes, x: NDArray[np.float32]) -> NDArray[np.float32]:
    """Scores of every window [shape=(n, outputs)], by the interpreter that runs the model.

    Parameters
    ----------
    model : bytes
        A verified classifier .tflite.
    x : np.ndarray [shape=(n, ...)]
        float32, as `Classifier.predict` takes it; may be memory-mapped.

    Raises
    ------
    MissingExtraError
        LiteRT refuses it, and tflite-micro is not installed.
    ModelError
        Neither runs it.
    """
    try:
        single: Classifier = LiteRT(model)
    except ModelError:
        return TFLMClassifier(model).predict(x)
    first = np.asarray(x[:_BATCH])
    with contextlib.suppress(ModelError):
        batched = LiteRT(model, _BATCH)
        if batched.predict(first).tobytes() == single.predict(first).tobytes():
            return batched.predict(x)
    return single.predict(x)
