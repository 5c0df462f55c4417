"""Window models by hand, of random weights, and the bits that their streaming forms must give."""

from __future__ import annotations

import importlib.util
import math
from dataclasses import dataclass

import numpy as np
from ai_edge_litert import schema_py_generated as schema
from tests.tflite.models_by_hand import OP, TYPE, model, op, tensor

from stapes.targets.runners import RUNNERS
from stapes.tflite.read.window import window

HAS_TFLM = importlib.util.find_spec("tflite_micro") is not None
INTERPRETERS = ("litert", "litert_plain", *(["tflm"] if HAS_TFLM else []))

VALID = schema.Padding.VALID


@dataclass(frozen=True)
class Layer:
    """A convolution: depthwise if it has no width."""

    width: int | None = None
    kernel: int = 1
    stride: int = 1
    dilation: int = 1


def field(layers):
    """The receptive field, by walking back from one output."""
    frames = 1
    for layer in reversed(layers):
        frames = (frames - 1) * layer.stride + (layer.kernel - 1) * layer.dilation + 1
    return frames


def window_model(layers, bins=4, seed=0, frames=None, dense=False, kind="int8", device=False):
    """RESHAPE, the convolutions, a pointwise one or a dense layer of one output, LOGISTIC.

    int8 or float32, [1, frames, bins] to [1, 1]. For a device, int8 of its frontend to uint8.
    """
    rng = np.random.default_rng(seed)
    frames = field(layers) if frames is None else frames
    integer = kind == "int8"
    tensors, ops = [], []

    def computed(shape, scale, zero_point):
        label = {"kind": TYPE.INT8, "scale": [scale], "zero_point": [zero_point]}
        tensors.append(tensor(shape, **(label if integer else {})))
        return len(tensors) - 1

    def constant(values, scales=None, axis=0):
        label = {} if scales is None or not integer else {"scale": scales, "axis": axis}
        tensors.append(tensor(values.shape, "", values, **label))
        return len(tensors) - 1

    def weights(shape, axis, scale):
        """Kernel and bias, per channel."""
        channels = shape[axis]
        fan_in = math.prod(shape) // channels
        values = rng.normal(0, 1 / math.sqrt(fan_in), shape)
        bias = rng.uniform(-0.1, 0.6, channels)
        if not integer:
            return [constant(part.astype(np.float32)) for part in (values, bias)]
        others = tuple(n for n in range(len(shape)) if n != axis)
        scales = np.abs(values).max(others) / 127
        along = scales.reshape([-1 if n == axis else 1 for n in range(len(shape))])
        kernel = np.rint(values / along).astype(np.int8)
        biases = np.rint(bias / scales / scale).astype(np.int32)
        return [constant(kernel, scales, axis), constant(biases, scales * scale)]

    scale, zero_point = (26 / 255, -128) if device else (0.05, -7)
    time, channels = frames, bins
    start = here = computed((1, time, bins), scale, zero_point)
    shape = constant(np.array([1, time, 1, bins], np.int32))
    there = computed((1, time, 1, bins), scale, zero_point)
    ops.append(op(OP.RESHAPE, (here, shape), (there,), schema.ReshapeOptionsT()))
    for layer in [*layers, *([] if dense else [Layer(1)])]:
        here = there
        if layer.width is None:
            code, options = OP.DEPTHWISE_CONV_2D, schema.DepthwiseConv2DOptionsT()
            options.depthMultiplier = 1
            kernel = weights((1, layer.kernel, 1, channels), 3, scale)
        else:
            code, options = OP.CONV_2D, schema.Conv2DOptionsT()
            kernel = weights((layer.width, layer.kernel, 1, channels), 0, scale)
            channels = layer.width
        options.padding = VALID
        options.strideH, options.dilationHFactor = layer.stride, layer.dilation
        # As TensorFlow writes them, where both strides must be equal.
        options.strideW, options.dilationWFactor = layer.stride, 1
        # RELU in wide layers alone: of few channels, all could be dead.
        options.fusedActivationFunction = int((layer.width or 0) > 3)
        time = (time - (layer.kernel - 1) * layer.dilation - 1) // layer.stride + 1
        scale = 0.05 + 0.01 * float(rng.random())
        there = computed((1, time, 1, channels), scale, int(rng.integers(-128, 60)))
        ops.append(op(code, (here, *kernel), (there,), options))
    if dense:
        here, there = (
            there,
            computed(
                (1, channels), scale, tensors[there][0].quantization.zeroPoint[0] if integer else 0
            ),
        )
        shape = constant(np.array([1, channels], np.int32))
        ops.append(op(OP.RESHAPE, (here, shape), (there,), schema.ReshapeOptionsT()))
        here = there
        kernel = weights((1, channels), 0, scale)
        there = computed((1, 1), 0.05, 3)
        ops.append(
            op(OP.FULLY_CONNECTED, (here, *kernel), (there,), schema.FullyConnectedOptionsT())
        )
    here, there = there, computed((1, 1) if dense else (1, time, 1, 1), 1 / 256, -128)
    ops.append(op(OP.LOGISTIC, (here,), (there,)))
    if not dense:
        here, there = there, computed((1, time), 1 / 256, -128)
        shape = constant(np.array([1, time], np.int32))
        ops.append(op(OP.RESHAPE, (here, shape), (there,), schema.ReshapeOptionsT()))
    if device:
        tensors.append(tensor((1, 1), kind=TYPE.UINT8, scale=[1 / 256], zero_point=[0]))
        ops.append(op(OP.QUANTIZE, (there,), (len(tensors) - 1,)))
    return model(tensors, ops, (start,), (len(tensors) - 1 if device else there,))


def features(kind, count, bins, seed=0):
    """Random frames [shape=(count, bins)] over the whole range of an integer, or 0 to 26."""
    rng = np.random.default_rng(seed)
    if kind == "float32":
        return rng.uniform(0, 26, (count, bins)).astype(np.float32)
    limits = np.iinfo(kind)
    return rng.integers(limits.min, limits.max, (count, bins), endpoint=True).astype(kind)


def both(window_file, stream_file, frames, interpreter):
    """Outputs of the window model at each step after the receptive field, and of the stream."""
    plan = window(window_file)
    slide, _ = RUNNERS[interpreter](window_file, None)
    stream, _ = RUNNERS[interpreter](stream_file, None)
    expected, actual = [], []
    for end in range(plan.step, len(frames) + 1, plan.step):
        [output] = stream([frames[None, end - plan.step : end]])
        if end >= plan.receptive_field:
            [value] = slide([frames[None, end - plan.receptive_field : end]])
            expected.append(value.item())
            actual.append(output.item())
    return np.array(expected), np.array(actual)
