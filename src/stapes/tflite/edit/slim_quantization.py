"""Remove the part of a tensor's quantization that no interpreter reads.

- LiteRT needs as many zero points as scales.
- XNNPACK needs a bias with as many scales as its kernel, but does not read them. Without them
  LiteRT's slower kernels run the layer and round differently.
- A delegate that computes in floats, such as a GPU's, reads the scales of a bias.
- TFLite Micro accepts one zero point for all channels (micro_allocator.cc), and takes the scale of
  a bias from input and kernel. Only in a layer with one scale it compares the bias's own scale
  (`GetQuantizedConvolutionMultipler`, kernel_util.cc). A missing one passes if that is small.
"""

from __future__ import annotations

from typing import Literal

from stapes.tflite.graph import Graph, Model, Operator, Tensor

# Types without a scale in any kernel.
_PLAIN = {"FLOAT32", "FLOAT16", "STRING", "BOOL", "RESOURCE", "VARIANT"}

_MOST_DIFFERENCE = 0.02 * 0.999
"""TFLite Micro's bound on (scales' product - bias scale) / output scale, less a rounding."""


def slim_quantization(
    model: Model, runtime: Literal["any", "tflm"], *, bias_scales: bool = False
) -> None:
    """Drop what `runtime` does not read of the quantization of every tensor.

    Parameters
    ----------
    model : Model
        Changed in place.
    runtime : str
        What runs it.
    bias_scales : bool
        Keep the scales of biases, for delegates that are no CPU.
    """
    for graph in model.graphs:
        biases = {} if bias_scales else _biases(graph)
        if runtime == "any":
            # Equal biases, such as those of layers without one, borrow from one kernel: then they
            # are one tensor.
            lenders: dict[tuple[int, bytes], Tensor] = {}
            for number, kernel in biases.items():
                bias = graph.tensor(number)
                key = len(kernel.quantization.scales), bias.data.tobytes()
                _borrow_scales(bias, lenders.setdefault(key, kernel))
        dropped = set(biases) if runtime == "tflm" else set()
        for tensor in graph.tensors:
            keep = tensor.number not in dropped
            _slim_tensor(tensor, keep=keep, one_zero_point=runtime == "tflm")


def _slim_tensor(tensor: Tensor, *, keep: bool, one_zero_point: bool) -> None:
    quantization = tensor.quantization
    # Only the converter needs the range from calibration.
    quantization.table.drop("min", "max")
    if not quantization.by_scales:
        return
    if not keep or not len(quantization.scales) or tensor.type in _PLAIN:
        tensor.table.drop("quantization")
        return
    if len(quantization.scales) == 1:
        quantization.table.drop("quantized_dimension")
    zero_points = quantization.zero_points
    if one_zero_point and len(zero_points) > 1 and len(set(zero_points.tolist())) == 1:
        quantization.table.fields["zero_point"] = zero_points[:1]


def _borrow_scales(bias: Tensor, kernel: Tensor) -> None:
    """Replace a bias's scales by its kernel's, if there is one for each channel: stored once."""
    own, lent = bias.quantization, kernel.quantization
    if own.by_scales and lent.by_scales and len(own.scales) == len(lent.scales) > 1:
        own.table.fields["scale"] = lent.table["scale"]


def _biases(graph: Graph) -> dict[int, Tensor]:
    """{bias whose scales no kernel of the CPU needs: the layer's kernel}."""
    free: dict[int, Tensor] = {}
    needed = {*graph.inputs, *graph.outputs}
    for op in graph.operators:
        inputs = op.inputs
        bias = inputs[2] if len(inputs) == 3 and _ignores_bias_scale(op) else -1
        if bias >= 0:
            free.setdefault(bias, graph.tensor(inputs[1]))
        needed.update(number for number in inputs if number != bias)
        needed.update(op.outputs)
    return {bias: kernel for bias, kernel in free.items() if bias not in needed}


def _ignores_bias_scale(op: Operator) -> bool:
    data, kernel, bias, output = op.input(0), op.input(1), op.input(2), op.output(0)
    kinds = ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED")
    if op.builtin not in kinds or data is None or kernel is None or bias is None:
        return False
    if bias.type not in ("INT32", "INT64") or data.type not in ("INT8", "INT16"):
        return False
    if op.builtin != "FULLY_CONNECTED":
        return True
    if output is None:
        return False
    scales = [tensor.quantization.scales for tensor in (data, kernel, output)]
    if not all(map(len, scales)):
        return False
    if len(scales[1]) > 1:
        return True
    product = float(scales[0][0]) * float(scales[1][0])
    return product <= _MOST_DIFFERENCE * float(scales[2][0])
