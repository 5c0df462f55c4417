"""Scores of many windows: in batches where LiteRT takes them and gives the same, else one by one.

A device is given one window at a time. In LiteRT a batch saves the cost of each call, and its ops
compute each window as before; that is checked on the first batch, and what differs in any bit is
run one by one. TFLite Micro runs what LiteRT refuses.
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
"""More at a time are slower: what lies between two ops leaves the processor's cache."""


def score(model: bytes, x: NDArray[np.float32]) -> NDArray[np.float32]:
    """Scores of every window, by the interpreter that runs the model.

    Parameters
    ----------
    model : bytes
        A classifier .tflite that `tflite.read.verify` has passed.
    x : np.ndarray [shape=(n, ...)]
        float32, as `Classifier.predict` takes it; may be memory-mapped.

    Returns
    -------
    scores : np.ndarray [shape=(n, outputs)]

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
