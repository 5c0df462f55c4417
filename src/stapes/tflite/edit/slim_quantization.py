"""What of a tensor's quantization an interpreter reads, and what it does not.

LiteRT wants as many zero points as scales. XNNPACK wants a bias to have as many scales as its
kernel, does not read them, and leaves a layer without them to LiteRT's slower kernels, which round
otherwise. A delegate that computes in floats (a GPU's) does read them. TFLite Micro takes a
single zero point for all channels ("a space-saving optimization", micro_allocator.cc), and computes
a bias with the scales of the input and the kernel; where a layer has one scale, it does compare the
bias's own with them (`GetQuantizedConvolutionMultipler` of kernel_util.cc), and it may be missing
only where the product is so small that it passes for none.
"""

from __future__ import annotations

from typing import Literal

import numpy as np

from stapes.tflite.format.tree import Table

# TensorType: what has no scale in any kernel.
_FLOAT32, _FLOAT16, _STRING, _BOOL, _RESOURCE, _VARIANT = 0, 1, 5, 6, 13, 14
_PLAIN = {_FLOAT32, _FLOAT16, _STRING, _BOOL, _RESOURCE, _VARIANT}
_INT16, _INT32, _INT64, _INT8 = 7, 2, 4, 9
_CONV_2D, _DEPTHWISE_CONV_2D, _FULLY_CONNECTED = 3, 4, 9

_MOST_DIFFERENCE = 0.02 * 0.999
"""TFLite Micro's bound on (scales' product - bias scale) / output scale, less a rounding."""


def slim_quantization(
    model: Table, runtime: Literal["any", "tflm"], *, bias_scales: bool = False
) -> None:
    """Drop what is not read of the quantization of every tensor of a model.

    Parameters
    ----------
    model : Table
        Changed in place.
    runtime : str
        Who is to run it.
    bias_scales : bool
        Keep the scales of biases, for what is no CPU.
    """
    for graph in model.items("subgraphs"):
        tensors = graph.items("tensors")
        biases = {} if bias_scales else _biases(model, graph)
        if runtime == "any":
            for index, kernel in biases.items():
                _borrow_scales(tensors[index], kernel)
        dropped = set(biases) if runtime == "tflm" else set()
        for index, tensor in enumerate(tensors):
            _slim_tensor(tensor, keep=index not in dropped, one_zero_point=runtime == "tflm")


def _slim_tensor(tensor: Table, *, keep: bool, one_zero_point: bool) -> None:
    quantization = tensor["quantization"]
    if quantization is None:
        return
    # The range that was seen in calibration is the converter's.
    for name in ("min", "max"):
        quantization.fields.pop(name, None)
    if quantization["details_type"] != 0:
        return
    scales = quantization.items("scale")
    if not keep or not len(scales) or tensor["type"] in _PLAIN:
        del tensor.fields["quantization"]
        return
    if len(scales) == 1:
        # There is nothing along an axis.
        quantization.fields.pop("quantized_dimension", None)
    zero_points = quantization.items("zero_point")
    if one_zero_point and len(zero_points) > 1 and len(set(zero_points.tolist())) == 1:
        quantization.fields["zero_point"] = zero_points[:1]


def _borrow_scales(bias: Table, kernel: Table) -> None:
    """Have a bias point at its kernel's scales, where there is one for each channel."""
    own, lent = bias["quantization"], kernel["quantization"]
    if own is None or lent is None or own["details_type"] or lent["details_type"]:
        return
    if len(own.items("scale")) == len(lent.items("scale")) > 1:
        own.fields["scale"] = lent["scale"]


def _biases(model: Table, graph: Table) -> dict[int, Table]:
    """{bias whose scales no kernel of the CPU reads, or misses: the kernel it is added to}."""
    tensors, ops = graph.items("tensors"), graph.items("operators")
    free: dict[int, Table] = {}
    needed: set[int] = {int(n) for n in (*graph.items("inputs"), *graph.items("outputs"))}
    for op in ops:
        inputs = [int(n) for n in op.items("inputs")]
        bias = inputs[2] if len(inputs) == 3 and _ignores_bias_scale(model, tensors, op) else -1
        if bias >= 0:
            free.setdefault(bias, tensors[inputs[1]])
        needed.update(n for n in inputs if n != bias)
        needed.update(int(n) for n in op.items("outputs"))
    return {bias: kernel for bias, kernel in free.items() if bias not in needed}


def _ignores_bias_scale(model: Table, tensors: list[Table], op: Table) -> bool:
    code = model["operator_codes"][op["opcode_index"]]
    kind = max(code["builtin_code"], code["deprecated_builtin_code"])
    inputs, outputs = op.items("inputs"), op.items("outputs")
    if kind not in (_CONV_2D, _DEPTHWISE_CONV_2D, _FULLY_CONNECTED) or inputs.min() < 0:
        return False
    data, kernel, bias = (tensors[n] for n in inputs)
    if bias["type"] not in (_INT32, _INT64) or data["type"] not in (_INT8, _INT16):
        return False
    if kind != _FULLY_CONNECTED:
        return True
    if not len(outputs):
        return False
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
