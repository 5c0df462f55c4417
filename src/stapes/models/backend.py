"""TensorFlow and Keras 2, imported when first used, and set to depend on the seed alone."""

from __future__ import annotations

import contextlib
import functools
import gc
import importlib.util
import os
import warnings
from collections.abc import Iterator
from typing import Any

from stapes.errors import MissingExtraError


def require() -> None:
    """Raise MissingExtraError if TensorFlow is not installed, without importing it."""
    for name in ("tensorflow", "tf_keras"):
        if importlib.util.find_spec(name) is None:
            raise MissingExtraError("Training and converting models", "train")


@functools.cache
def tensorflow() -> Any:
    """The module tensorflow, with Keras 2 as its Keras.

    Operations run in one thread and in a fixed order, so the same seed gives the same weights
    whatever else runs. The published CNN also trains faster than in two threads.
    """
    require()
    # TFMOT needs Keras 2, and TensorFlow reads this when it is first imported.
    os.environ["TF_USE_LEGACY_KERAS"] = "1"
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    # Kernels of oneDNN add in an order that depends on the processor.
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")
    with _no_garbage(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import tensorflow as tf
    tf.get_logger().setLevel("ERROR")
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    tf.config.experimental.enable_op_determinism()
    return tf


def keras() -> Any:
    """The module tf_keras (Keras 2)."""
    tensorflow()
    import tf_keras

    return tf_keras


def start_over(seed: int) -> None:
    """Clear Keras's state and seed every generator, so that earlier work has no effect."""
    keras().backend.clear_session()
    keras().utils.set_random_seed(seed)


@contextlib.contextmanager
def _no_garbage() -> Iterator[None]:
    """Import without looking for garbage, which takes a fifth of TensorFlow's import.

    Its 280,000 objects stay as long as the process, so no later collection looks at them either.
    """
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()
        gc.freeze()
