"""Sizes for the open axes of a model's inputs: with 1 in each, many models run nothing.

openWakeWord's melspectrogram takes [1, -1] samples, and has no frame of fewer than 512. A size is
chosen with which LiteRT runs the model, and every output has elements.
"""

from __future__ import annotations

import math

from stapes.errors import ModelError
from stapes.system.isolation import Child, Lost
from stapes.targets import probes
from stapes.targets.runners import RUNNERS, Shapes
from stapes.tflite.graph import Model, Tensor, ints
from stapes.tflite.read import signatures
from stapes.tflite.read.verify import verify

LENGTHS = (64, 1024, 16_384, 16, 4, 1)
"""Sizes that are tried, in this order: the first is that of an image or of a second of frames."""

_MOST_ELEMENTS = 1 << 22
"""Of an input: a larger one would take all the memory."""

_SECONDS = 60.0
"""The longest that a try may take."""


def choose(content: bytes, key: str | None, child: Child | None) -> Shapes | None:
    """Shapes of the inputs with which LiteRT runs a model.

    None if no axis is open, except the batch, or if no size of `LENGTHS` runs.

    Parameters
    ----------
    content : bytes
    key : str, optional
        The signature that runs; None runs the first subgraph.
    child : Child, optional
        Where it runs; None runs it in this process.
    """
    model = verify(content)
    for length in LENGTHS if _has_open(model, key) else ():
        shapes = _with_length(model, key, length)
        if max(map(math.prod, shapes)) > _MOST_ELEMENTS:
            continue
        try:
            if child is None:
                runs = _runs(content, key, shapes)
            else:
                runs = child.run(_SECONDS, _runs, content, key, shapes)
        except (Lost, ModelError):
            continue
        if runs:
            return shapes
    return None


def _runs(content: bytes, key: str | None, shapes: Shapes) -> bool:
    invoke, _ = RUNNERS["litert_plain"](content, key, shapes)
    values = next(probes.inputs(verify(content), 1, 0, key, shapes))
    return all(output.size for output in invoke(values))


def _has_open(model: Model, key: str | None) -> bool:
    return any(_open_axes(tensor) for tensor in signatures.inputs(model, key).values())


def _open_axes(tensor: Tensor) -> list[int]:
    """The axes without a size, except the batch: the first of several axes."""
    sizes = tensor.table["shape_signature"]
    if sizes is None or len(sizes) != len(tensor.shape):
        return []
    batch = len(sizes) > 1
    return [axis for axis, size in enumerate(ints(sizes)) if size < 0 and not (batch and axis == 0)]


def _with_length(model: Model, key: str | None, length: int) -> Shapes:
    shapes = []
    for tensor in signatures.inputs(model, key).values():
        axes = _open_axes(tensor)
        shape = [length if axis in axes else size for axis, size in enumerate(tensor.shape)]
        shapes.append(tuple(shape))
    return shapes
