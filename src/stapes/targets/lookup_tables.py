"""Put constants of a .tflite into look-up tables, by TFLite Micro's own package."""

from __future__ import annotations

import contextlib
import importlib
import io
import warnings
from collections.abc import Sequence

from stapes.errors import ModelError
from stapes.targets import tflm
from stapes.tflite.edit.for_tools import with_newer_codes, without_encoded_scales
from stapes.tflite.read.lookup_table import Candidate

_PACKAGE = "tflite_micro.tensorflow.lite.micro.compression"


def encode(content: bytes, chosen: Sequence[Candidate]) -> bytes:
    """Compress constants of a .tflite, with a DECODE op before each op that reads one.

    Only TFLite Micro runs the result. It is not proven yet that it computes the same.

    Parameters
    ----------
    content : bytes
    chosen : sequence of Candidate
        Of this file, each with a form.

    Raises
    ------
    MissingExtraError
        The package is not installed.
    ModelError
        The package refuses a constant.
    """
    tflm.require("Look-up-table compression")
    compression = importlib.import_module("tflite_micro").compression
    spec = importlib.import_module(f"{_PACKAGE}.spec")
    error = importlib.import_module(f"{_PACKAGE}.compressor").CompressionError
    specs = []
    for candidate in chosen:
        form = candidate.form
        assert form is not None
        mode = spec.PerTensor() if form.axis is None else spec.PerChannel(axis=form.axis)
        method = spec.LookUpTableCompression(index_bitwidth=form.bits, mode=mode)
        specs += [spec.Tensor(graph, tensor, [method]) for graph, tensor in candidate.places]
    try:
        with warnings.catch_warnings(), contextlib.redirect_stderr(io.StringIO()):
            warnings.simplefilter("ignore")
            encoded = bytes(compression.compress(with_newer_codes(content), specs))
    except (error, ValueError, TypeError) as refusal:
        raise ModelError(f"TFLite Micro's package does not compress it: {refusal}.") from None
    return without_encoded_scales(encoded)
