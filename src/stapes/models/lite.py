"""The LiteRT converter: from a function of TensorFlow to a .tflite."""

from __future__ import annotations

import errno
import shutil
import tempfile
import warnings
from collections.abc import Callable
from typing import Any

from stapes.models.backend import tensorflow

_LITTLE_BYTES = 16 << 20
"""A SavedModel of a wake-word model has 0.3 MB."""


def to_tflite(
    call: Callable[..., Any],
    specs: list[Any],
    variables: Any,
    configure: Callable[[Any], None] | None = None,
) -> bytes:
    """A .tflite of a function of tensors.

    Parameters
    ----------
    call : callable
        Of as many tensors as there are `specs`.
    specs : list of tf.TensorSpec
        Sizes that are not open: an open batch would add ops that some runtimes lack.
    variables : list of tf.Variable
        All that it reads; they become constants.
    configure : callable, optional
        Sets the converter.

    Raises
    ------
    OSError
        There is no room for temporary files. The converter would give other bytes, silently.
    """
    tf = tensorflow()
    function = tf.function(call).get_concrete_function(*specs)
    # The converter writes this as a SavedModel. Of a Keras model, that would trace each layer
    # again, which takes two thirds of the time and gives the same bytes.
    holder = tf.Module()
    holder.all = variables
    converter = tf.lite.TFLiteConverter.from_concrete_functions([function], holder)
    if configure:
        configure(converter)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        content = bytes(converter.convert())
    # It ignores that its SavedModel cannot be written, and goes another way.
    free = shutil.disk_usage(tempfile.gettempdir()).free
    if getattr(converter, "saved_model_dir", None) is None and free < _LITTLE_BYTES:
        raise OSError(errno.ENOSPC, "there is no room for temporary files", tempfile.gettempdir())
    return content
