"""Set the range of the logits of a quantized detector, and move them.

A LOGISTIC op turns the logits into the score. Otherwise, calibration gives their quantized tensor
the range of a few hundred windows: its steps are wide, as most windows have logits far below any
threshold, and it ends where the highest of them is, so that no later score can be higher. The last
convolution computes its output's scale from the tensor when it starts, so another scale is another
range of the same numbers, which saturate beyond it. Its bias moves all of them.

Source: LiteRT's 8-bit quantization specification.
"""

from __future__ import annotations

import numpy as np

from stapes.errors import ModelError
from stapes.tflite.edit.unshared import unshared
from stapes.tflite.edit.write import write
from stapes.tflite.format.tree import Table
from stapes.tflite.graph import DTYPES, Graph

_SAME_VALUES = ("RESHAPE",)


def with_logit_range(content: bytes, low: float, high: float) -> bytes:
    """Give the logits the range from `low` to `high`, which holds 0; a float model stays as it is.

    int16 logits have a symmetric range, to the larger of both.

    Raises
    ------
    ModelError
        The file is broken, or has not exactly one LOGISTIC op.
    ValueError
        The range does not hold 0.
    """
    if not low < 0 < high:
        raise ValueError(f"the range from {low} to {high} does not hold 0")
    model = unshared(content)
    graph = model.graphs[0]
    logits = _logits(graph)
    kind = graph.tensor(logits[0]).type
    if kind not in ("INT8", "INT16"):
        return content
    if kind == "INT8":
        scale = np.float32((high - low) / 255)
        zero_point = round(-128 - low / float(scale))
    else:
        scale, zero_point = np.float32(max(-low, high) / 32_767), 0
    for number in logits:
        graph.tensor(number).table.fields["quantization"] = Table(
            "QuantizationParameters",
            {"scale": np.array([scale], np.float32), "zero_point": np.array([zero_point])},
        )
    return write(model.table)


def with_logits_moved(content: bytes, change: float) -> bytes:
    """Add to the logits, to the nearest step of the last bias; a float model stays as it is.

    Raises
    ------
    ModelError
        The file is broken, or has not exactly one LOGISTIC op after an op with a bias.
    """
    model = unshared(content)
    graph = model.graphs[0]
    number = _logits(graph)[-1]
    maker = next((op for op in graph.operators if number in op.outputs), None)
    bias = maker.input(2) if maker is not None else None
    if bias is None or len(bias.quantization.scales) > 1:
        raise ModelError("The op that computes the logits has no bias of one scale.")
    if bias.type not in ("INT32", "INT64"):
        return content
    values = bias.data.view(DTYPES[bias.type])
    limits = np.iinfo(values.dtype)
    # A sum in floats would lose the last digits of an int64.
    steps = round(change / float(bias.quantization.scales[0]))
    moved = [min(max(value + steps, limits.min), limits.max) for value in values.tolist()]
    # Its buffer may be that of other tensors.
    bias.table.fields["buffer"] = len(model.table["buffers"])
    data = np.array(moved, values.dtype).view(np.uint8)
    model.table["buffers"].append(Table("Buffer", {"data": data}))
    return write(model.table)


def _logits(graph: Graph) -> list[int]:
    """The tensors of the logits, from the LOGISTIC op back to the op that computes them."""
    ops = [op for op in graph.operators if op.name == "LOGISTIC"]
    if len(ops) != 1:
        raise ModelError(f"The model has {len(ops)} LOGISTIC ops: a detector has one.")
    numbers = [ops[0].inputs[0]]
    makers = {number: op for op in graph.operators for number in op.outputs}
    while (maker := makers.get(numbers[-1])) is not None and maker.name in _SAME_VALUES:
        numbers.append(maker.inputs[0])
    return numbers
