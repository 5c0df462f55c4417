"""Outputs of a streaming .tflite over a recording, as a device computes them, step by step.

LiteRT's reference kernels give the bits of TFLite Micro. XNNPACK, LiteRT's default, rounds int8
differently after each layer: on random inputs, outputs of a file of eleven layers differed by up to
5 of 255. A window model and its streaming form agree in each of them.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any, Literal

import numpy as np
from ai_edge_litert.interpreter import Interpreter, OpResolverType
from numpy.typing import NDArray

from stapes.errors import ModelError
from stapes.frontends.numerics.stream import real
from stapes.targets.litert import first_line
from stapes.targets.quantization import quantize
from stapes.targets.tflm import TFLM
from stapes.tflite.graph import DTYPES, Tensor
from stapes.tflite.read.verify import verify

Runtime = Literal["reference", "litert", "tflm"]
"""LiteRT's reference kernels, LiteRT as it is by default, TFLite Micro."""


class StreamModel:
    """A streaming .tflite that takes one step after the other, from reset.

    Its state is one: it is not safe for several threads.

    Parameters
    ----------
    model : bytes
        With an input [1, step, channels] and an output of one value.
    runtime : str
        Of `Runtime`.

    Attributes
    ----------
    step : int > 0
        Frames that it takes at once.
    channels : int > 0
    source, target : Tensor
        Its input and its output.

    Raises
    ------
    MissingExtraError
        tflite-micro is not installed.
    ModelError
        The file is broken, the runtime refuses it, or its ends are of other shapes.
    """

    def __init__(self, model: bytes, runtime: Runtime = "reference") -> None:
        graph = verify(model).graphs[0]
        ends = [graph.tensor(number) for number in (*graph.inputs, *graph.outputs)]
        shapes = [tensor.shape for tensor in ends]
        if len(ends) != 2 or len(shapes[0]) != 3 or ends[0].elements < 1 or ends[1].elements != 1:
            raise ModelError(
                f"The model's inputs and outputs are {shapes}: those of a streaming model are "
                "[1, step, channels] and one value."
            )
        self.source, self.target = ends
        _, self.step, self.channels = shapes[0]
        self._shape, self._model, self._runtime = shapes[0], model, runtime
        self.reset()

    def reset(self) -> None:
        """Begin again as after a start. A new interpreter is the only way: rings have no reset."""
        started = _tflm if self._runtime == "tflm" else _litert
        self._invoke = started(self._model, self._runtime)

    def steps(self, frames: NDArray[Any]) -> NDArray[Any]:
        """Features as the model's input takes them [n, channels] -> [n // step, 1, step, channels].

        Floats are quantized for an integer input. Frames at the end that make no whole step are
        left out.

        Raises
        ------
        ModelError
            They are of another shape or type.
        """
        if frames.ndim != 2 or frames.shape[1] != self.channels:
            raise ModelError(
                f"The features are {list(frames.shape)}: the model needs [n, {self.channels}]."
            )
        steps = len(frames) // self.step
        return _in_type(frames[: steps * self.step], self.source).reshape(steps, *self._shape)

    def device_steps(self, frames: NDArray[np.int8]) -> NDArray[Any]:
        """The same for the frames of a device's frontend.

        An int8 model gets these integers, whatever the scale of its input, as a device does. Others
        get what they stand for.
        """
        return self.steps(frames if self.source.type == "INT8" else real(frames))

    def invoke(self, step: NDArray[Any]) -> Any:
        """The output of one step [1, step, channels], in the model's type, not dequantized.

        Raises
        ------
        ModelError
            The runtime stops.
        """
        return self._invoke(step)


def outputs(model: bytes, frames: NDArray[Any], runtime: Runtime = "reference") -> NDArray[Any]:
    """The output of each step, from reset.

    Parameters
    ----------
    model : bytes
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
    stream = StreamModel(model, runtime)
    return _run(stream, stream.steps(frames))


def device_outputs(model: bytes, frames: NDArray[np.int8]) -> NDArray[Any]:
    """The output of each step for the frames of a device's frontend [shape=(n, channels)].

    See `StreamModel.device_steps`. Errors are those of `outputs`.
    """
    stream = StreamModel(model)
    return _run(stream, stream.device_steps(frames))


def _run(stream: StreamModel, steps: NDArray[Any]) -> NDArray[Any]:
    scores = np.empty(len(steps), DTYPES[stream.target.type])
    for number, step in enumerate(steps):
        scores[number] = stream.invoke(step)
    return scores


def _in_type(frames: NDArray[Any], tensor: Tensor) -> NDArray[Any]:
    dtype, scales = DTYPES[tensor.type], tensor.quantization.scales
    if frames.dtype.kind == "f" and dtype.kind in "iu" and len(scales) == 1:
        zero_point = int(tensor.quantization.zero_points[0])
        frames = quantize(frames.astype(np.float32), float(scales[0]), zero_point, dtype)
    if frames.dtype != dtype and {frames.dtype.kind, dtype.kind} != {"f"}:
        raise ModelError(f"The features are {frames.dtype}: the model needs {dtype}.")
    return np.ascontiguousarray(frames, dtype)


def _litert(model: bytes, runtime: Runtime) -> Callable[[NDArray[Any]], Any]:
    kinds = OpResolverType
    kind = kinds.BUILTIN_REF if runtime == "reference" else kinds.AUTO
    with _refused():
        interpreter = Interpreter(
            model_content=model, num_threads=1, experimental_op_resolver_type=kind
        )
        interpreter.allocate_tensors()
        [first], [last] = interpreter.get_input_details(), interpreter.get_output_details()
    source, target = first["index"], last["index"]

    def invoke(step: NDArray[Any]) -> Any:
        with _refused():
            interpreter.set_tensor(source, step)
            interpreter.invoke()
            return interpreter.get_tensor(target).item()

    return invoke


@contextlib.contextmanager
def _refused() -> Iterator[None]:
    try:
        yield
    except (RuntimeError, ValueError) as error:
        raise ModelError(f"LiteRT refuses the model: {first_line(error)}") from None


def _tflm(model: bytes, _: Runtime) -> Callable[[NDArray[Any]], Any]:
    interpreter = TFLM(model)

    def invoke(step: NDArray[Any]) -> Any:
        interpreter.set_input(step)
        interpreter.invoke()
        return interpreter.output().item()

    return invoke
