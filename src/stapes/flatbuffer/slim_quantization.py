"""What of a tensor's quantization an interpreter reads, and what it does not.

LiteRT wants as many zero points as scales. TFLite Micro takes a single zero point for all
channels ("a space-saving optimization", micro_allocator.cc), and computes a bias with the scales of
the input and the kernel; where a layer has one scale, it does compare the bias's own with them
(`GetQuantizedConvolutionMultipler` of kernel_util.cc), and the bias's may be missing only where the
product is so small that it passes for none.
"""

from __future__ import annotations

from typing import Literal

import numpy as np

from stapes.flatbuffer.tree import Table

# TensorType: what has no scale in any kernel.
_FLOAT32, _FLOAT16, _STRING, _BOOL, _RESOURCE, _VARIANT = 0, 1, 5, 6, 13, 14
_PLAIN = {_FLOAT32, _FLOAT16, _STRING, _BOOL, _RESOURCE, _VARIANT}
_INT16, _INT32, _INT64, _INT8 = 7, 2, 4, 9
_CONV_2D, _DEPTHWISE_CONV_2D, _FULLY_CONNECTED = 3, 4, 9

_MOST_DIFFERENCE = 0.02 * 0.999
"""TFLite Micro's bound on (scales' product - bias scale) / output scale, less a rounding."""


def slim_quantization(model: Table, runtime: Literal["any", "tflm"]) -> None:
    """Drop what is not read of the quantization of every tensor of a model."""
    for graph in model.items("subgraphs"):
        dropped = _scaleless_biases(model, graph) if runtime == "tflm" else set()
        for index, tensor in enumerate(graph.items("tensors")):
            quantization = tensor["quantization"]
            if quantization is None:
                continue
            # The range that was seen in calibration is the converter's.
            for name in ("min", "max"):
                quantization.fields.pop(name, None)
            detailed = quantization["details_type"] != 0
            scales = quantization.items("scale")
            if not detailed and (not len(scales) or tensor["type"] in _PLAIN or index in dropped):
                del tensor.fields["quantization"]
                continue
            if len(scales) <= 1 and not detailed:
                # There is nothing along an axis.
                quantization.fields.pop("quantized_dimension", None)
            zero_points = quantization.items("zero_point")
            if runtime == "tflm" and len(zero_points) > 1 and len(set(zero_points.tolist())) == 1:
                quantization.fields["zero_point"] = zero_points[:1]


def _scaleless_biases(model: Table, graph: Table) -> set[int]:
    """Biases whose quantization TFLite Micro does not read, or does not miss."""
    tensors, ops = graph.items("tensors"), graph.items("operators")
    free: set[int] = set()
    needed: set[int] = {int(n) for n in (*graph.items("inputs"), *graph.items("outputs"))}
    for op in ops:
        inputs = [int(n) for n in op.items("inputs")]
        bias = inputs[2] if len(inputs) == 3 and _ignores_bias_scale(model, tensors, op) else -1
        if bias >= 0:
            free.add(bias)
        needed.update(n for n in inputs if n != bias)
        needed.update(int(n) for n in op.items("outputs"))
    return free - needed


def _ignores_bias_scale(model: Table, tensors: list[Table], op: Table) -> bool:
    code = model["operator_codes"][op["opcode_index"]]
    kind = max(code["builtin_code"], code["deprecated_builtin_code"])
    inputs, outputs = op.items("inputs"), op.items("outputs")
    if kind not in (_CONV_2D, _DEPTHWISE_CONV_2D, _FULLY_CONNECTED) or min(inputs) < 0:
        return False
    data, kernel, bias = (tensors[n] for n in inputs)
    if bias["type"] not in (_INT32, _INT64) or data["type"] not in (_INT8, _INT16):
        return False
    if kind != _FULLY_CONNECTED:
        return True
    scales = [_scales(each) for each in (data, kernel, tensors[outputs[0]])]
    if any(not len(each) for each in scales):
        return False
    if len(scales[1]) > 1:
        return True
    product = float(scales[0][0]) * float(scales[1][0])
    return product <= _MOST_DIFFERENCE * float(scales[2][0])


def _scales(tensor: Table) -> np.ndarray:
    quantization = tensor["quantization"]
    empty = np.zeros(0, np.float32)
    return empty if quantization is None else np.asarray(quantization.items("scale"), np.float32)
