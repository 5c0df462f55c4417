"""Bring constants into the flatbuffer: TFLite Micro ignores those behind it.

ai-edge-quantizer writes the constants of a model with over 256 KiB of them behind the flatbuffer,
where `Buffer.offset` says. LiteRT reads them, TFLite Micro takes zeros or what is in its memory.
"""

from __future__ import annotations

import numpy as np

from stapes.tflite.edit.write import write
from stapes.tflite.format.spans import external_range
from stapes.tflite.graph import Model
from stapes.tflite.read.verify import verify

_OPTIONS = "large_custom_options_"


def has_outside(model: Model) -> bool:
    """Whether a buffer, or an op's custom options, are outside the flatbuffer."""
    buffers = model.table.items("buffers")
    return any(external_range(buffer) is not None for buffer in buffers) or any(
        external_range(op.table, _OPTIONS) is not None for op in model.operators
    )


def bring_inside(model: Model) -> None:
    """Move data from outside the tree into it: its offsets count from the file's first byte."""
    for buffer, data in zip(model.table.items("buffers"), model.buffers, strict=True):
        if external_range(buffer) is not None:
            buffer.fields["data"] = data
        buffer.drop("offset", "size")
    for op in model.operators:
        place = external_range(op.table, _OPTIONS)
        if place is not None:
            options = np.frombuffer(model.tree.content, np.uint8, place[1], place[0])
            op.table.fields["custom_options"] = options
        op.table.drop(f"{_OPTIONS}offset", f"{_OPTIONS}size")


def inside(content: bytes) -> bytes:
    """The file with all its constants inside the flatbuffer; itself if they are there.

    Raises
    ------
    ModelError
        It is no .tflite, or it is broken.
    """
    model = verify(content)
    if not has_outside(model):
        return content
    bring_inside(model)
    return write(model.table)
