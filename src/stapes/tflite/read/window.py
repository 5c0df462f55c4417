"""Window models that can become streams: a chain of convolutions over time and element-wise ops.

Conventions: a frame is one place on the time axis, which is axis 1. A step is as many new frames of
the input as give one new output. `n` frames a step of the input are `n / stride` of a tensor, where
`stride` is the product of the strides before it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NoReturn

from stapes.errors import ModelError
from stapes.tflite.graph import Graph, Operator, Tensor
from stapes.tflite.read.verify import verify

CONVOLUTIONS = ("CONV_2D", "DEPTHWISE_CONV_2D")

_ELEMENTWISE = ("QUANTIZE", "DEQUANTIZE", "LOGISTIC", "RELU", "RELU6", "ADD", "MUL")

# A number of the schema's Padding.
_SAME = 0


@dataclass(frozen=True)
class Window:
    """How a window model becomes a stream."""

    receptive_field: int
    """Frames of the input that one output depends on."""
    step: int
    """New frames of the input for each output of the stream."""
    frames: dict[int, int]
    """{number of a tensor with a time axis: its new frames a step}."""
    rings: dict[int, int]
    """{number of a convolution: the old frames that it needs a step}, without those of none."""


def window(model: bytes) -> Window:
    """The receptive field and the step of a window model.

    Raises
    ------
    ModelError
        It is broken, or no window model: its input is not [1, frames, channels], it has an op that
        cannot be streamed, or its window is not its receptive field.
    """
    return window_of(verify(model).graphs)


def window_of(graphs: list[Graph]) -> Window:
    """As `window`, of the graphs of a file that `verify` accepts."""
    graph = graphs[0]
    if (len(graphs), len(graph.inputs), len(graph.outputs)) != (1, 1, 1):
        raise ModelError(
            f"The model has {len(graphs)} graphs, {len(graph.inputs)} inputs and "
            f"{len(graph.outputs)} outputs: a window model has one of each."
        )
    start = graph.tensor(graph.inputs[0])
    if len(start.shape) < 3 or start.shape[0] != 1 or math.prod(start.shape[3:]) != 1:
        raise ModelError(
            f"The model's input is {start.shape}: that of a window model is [1, frames, channels]."
        )
    strides, olds, field = {start.number: 1}, {}, 1
    length = start.shape[1]
    flat: set[int] = set()  # Tensors of one frame, without a time axis.
    for op in graph.operators:
        computed = [number for number in op.inputs if number in strides]
        if not computed and op.builtin == "DEQUANTIZE":
            continue  # It widens a constant.
        if not computed or len(computed) > 1 or computed != op.inputs[:1] or len(op.outputs) != 1:
            _refuse(op, "it is no op of one computed input, the first")
        source, output = computed[0], op.outputs[0]
        strides[output] = strides[source]
        if source in flat:
            flat.add(output)
        if op.builtin in CONVOLUTIONS and source not in flat:
            kernel, stride = _over_time(op)
            field += (kernel - 1) * strides[source]
            olds[op.number] = kernel - stride
            strides[output] *= stride
            length = (length - kernel) // stride + 1
        elif op.builtin in ("RESHAPE", "FULLY_CONNECTED"):
            if _flattens(op, f"{field} of {start.shape[1]} frames"):
                flat.add(output)
        elif op.builtin in _ELEMENTWISE:
            _check_constants(op)
        else:
            _refuse(op)
        shape = graph.tensor(output).shape
        if output not in flat and shape[:2] != [1, length]:
            _refuse(op, f"its output is {shape}, not {length} frames")
    if graph.outputs[0] not in strides:
        raise ModelError("The model's output does not depend on its input.")
    frames, step = start.shape[1], strides[graph.outputs[0]]
    if frames != field:
        raise ModelError(
            f"The model's window has {frames} frames and its receptive field {field}: a stream "
            "needs a window of just its receptive field, which gives one output."
        )
    new = {n: step // stride for n, stride in strides.items() if n not in flat}
    return Window(field, step, new, {number: old for number, old in olds.items() if old})


def _over_time(op: Operator) -> tuple[int, int]:
    """The kernel's frames, with dilation, and its stride."""
    data, weights = op.input(0), op.input(1)
    assert data is not None
    if weights is None or not _along_time(data) or len(weights.shape) != 4 or weights.shape[2] != 1:
        _refuse(op, "it is no convolution of [1, time, 1, channels] over time alone")
    _check_weights(op, data, weights)
    stride, dilation = op.option("stride_h") or 0, op.option("dilation_h_factor") or 0
    kernel = (weights.shape[1] - 1) * dilation + 1
    if stride < 1 or dilation < 1:
        _refuse(op, "it has no stride or dilation")
    if op.option("padding") == _SAME and (kernel, stride) != (1, 1):
        _refuse(op, "it pads its input")
    if kernel < stride:
        _refuse(op, f"its kernel of {kernel} frames is shorter than its stride of {stride}")
    return kernel, stride


def _along_time(tensor: Tensor) -> bool:
    shape = tensor.shape
    return len(shape) == 4 and shape[0] == shape[2] == 1


def _flattens(op: Operator, reached: str) -> bool:
    """Whether a RESHAPE or a dense layer makes one frame something without a time axis."""
    data, weights, output = op.input(0), op.input(1), op.output(0)
    assert data is not None
    assert output is not None
    if op.builtin == "FULLY_CONNECTED":
        if weights is None or weights.shape[1:] != [data.elements] or op.option("keep_num_dims"):
            _refuse(op, f"it is a dense layer of {data.shape}, not of one frame")
        _check_weights(op, data, weights)
        return True
    if output.shape[:2] == data.shape[:2]:
        return False
    if data.shape[1] != 1:
        why = f"it makes {output.shape} of {data.shape}, without the time axis"
        _refuse(op, f"{why}, and so far the receptive field is {reached}")
    return True


def _check_weights(op: Operator, data: Tensor, weights: Tensor) -> None:
    if data.type == "FLOAT32" != weights.type:
        _refuse(op, f"its weights are {weights.type}, so that it scales its input by the window")


def _check_constants(op: Operator) -> None:
    for place in range(1, len(op.inputs)):
        constant = op.input(place)
        if constant is not None and math.prod(constant.shape[:-1]) != 1:
            _refuse(op, f"its constant {constant.shape} is not one value a channel")


def _refuse(op: Operator, why: str = "") -> NoReturn:
    reason = f" ({why})" if why else ""
    raise ModelError(
        f"Op {op.number}, {op.name}, cannot be streamed{reason}: a stream is a chain of "
        f"{' and '.join(CONVOLUTIONS)} over time without padding, of {', '.join(_ELEMENTWISE)} "
        "with one value a channel, of RESHAPE, and of FULLY_CONNECTED for one frame."
    )
