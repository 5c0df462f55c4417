"""Outputs of a streaming .tflite over a recording, as a device computes them, step by step.

LiteRT's reference kernels give the bits of TFLite Micro. XNNPACK, LiteRT's default, rounds int8
differently after each layer: on random inputs, outputs of a file of eleven layers differed by up to
5 of 255. A window model and its streaming form agree in each of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

import numpy as np
from ai_edge_litert.interpreter import Interpreter, OpResolverType
from numpy.typing import NDArray

from stapes.errors import ModelError
from stapes.frontends.numerics.micro import real
from stapes.targets.litert import first_line
from stapes.targets.quantization import quantize
from stapes.targets.tflm import TFLM
from stapes.tflite.graph import DTYPES, Tensor
from stapes.tflite.read.verify import verify

Runtime = Literal["reference", "litert", "tflm"]
"""LiteRT's reference kernels, LiteRT as it is by default, TFLite Micro."""


def outputs(model: bytes, frames: NDArray[Any], runtime: Runtime = "reference") -> NDArray[Any]:
    """The output of each step, from reset.

    Parameters
    ----------
    model : bytes
        A streaming .tflite with an input [1, step, channels] and an output of one value.
    frames : np.ndarray [shape=(n, channels)]
        Features, in the type of the model's input; floats are quantized for an integer input.
        Frames at the end that make no whole step are left out.
    runtime : str
        Of `Runtime`.

    Returns
    -------
    outputs : np.ndarray [shape=(n // step,)]
        In the type of the model's output, not dequantized.

    Raises
    ------
    MissingExtraError
        tflite-micro is not installed.
    ModelError
        The runtime refuses the model, or its ends or the features are of other shapes.
    """
    graph = verify(model).graphs[0]
    ends = [graph.tensor(number) for number in (*graph.inputs, *graph.outputs)]
    shapes = [tensor.shape for tensor in ends]
    if len(ends) != 2 or len(shapes[0]) != 3 or ends[0].elements < 1 or ends[1].elements != 1:
        raise ModelError(
            f"The model's inputs and outputs are {shapes}: those of a streaming model are "
            "[1, step, channels] and one value."
        )
    _, step, channels = shapes[0]
    if frames.ndim != 2 or frames.shape[1] != channels:
        raise ModelError(f"The features are {list(frames.shape)}: the model needs [n, {channels}].")
    steps = len(frames) // step
    values = _in_type(frames[: steps * step], ends[0]).reshape(steps, *shapes[0])
    scores = np.empty(steps, DTYPES[ends[1].type])
    run = _tflm(model, values) if runtime == "tflm" else _litert(model, values, runtime)
    for number, score in enumerate(run):
        scores[number] = score
    return scores


def device_outputs(model: bytes, frames: NDArray[np.int8]) -> NDArray[Any]:
    """The output of each step for the frames of a device's frontend [shape=(n, channels)].

    An int8 model gets these integers, whatever the scale of its input, as a device does. Others get
    what they stand for. Errors are those of `outputs`.
    """
    graph = verify(model).graphs[0]
    whole = graph.tensor(graph.inputs[0]).type == "INT8"
    return outputs(model, frames if whole else real(frames))


def _in_type(frames: NDArray[Any], tensor: Tensor) -> NDArray[Any]:
    dtype, scales = DTYPES[tensor.type], tensor.quantization.scales
    if frames.dtype.kind == "f" and dtype.kind in "iu" and len(scales) == 1:
        zero_point = int(tensor.quantization.zero_points[0])
        frames = quantize(frames.astype(np.float32), float(scales[0]), zero_point, dtype)
    if frames.dtype != dtype and {frames.dtype.kind, dtype.kind} != {"f"}:
        raise ModelError(f"The features are {frames.dtype}: the model needs {dtype}.")
    return np.ascontiguousarray(frames, dtype)


def _litert(model: bytes, values: NDArray[Any], runtime: Runtime) -> Iterator[Any]:
    kinds = OpResolverType
    kind = kinds.BUILTIN_REF if runtime == "reference" else kinds.AUTO
    try:
        interpreter = Interpreter(
            model_content=model, num_threads=1, experimental_op_resolver_type=kind
        )
        interpreter.allocate_tensors()
        [first], [last] = interpreter.get_input_details(), interpreter.get_output_details()
        source, target = first["index"], last["index"]
        for value in values:
            interpreter.set_tensor(source, value)
            interpreter.invoke()
            yield interpreter.get_tensor(target).item()
    except (RuntimeError, ValueError) as error:
        raise ModelError(f"LiteRT refuses the model: {first_line(error)}") from None


def _tflm(model: bytes, values: NDArray[Any]) -> Iterator[Any]:
    interpreter = TFLM(model)
    for value in values:
        interpreter.set_input(value)
        interpreter.invoke()
        yield interpreter.output().item()
