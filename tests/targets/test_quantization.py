"""Quantizing equals the runtimes', and dequantizing undoes it within rounding."""

from __future__ import annotations

import doctest

import flatbuffers
import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from stapes.targets import quantization
from stapes.targets.quantization import dequantize, quantize

DTYPES = (np.uint8, np.int8, np.int16)
TYPES = {
    "float32": schema.TensorType.FLOAT32,
    "uint8": schema.TensorType.UINT8,
    "int8": schema.TensorType.INT8,
    "int16": schema.TensorType.INT16,
}
scales = st.floats(2**-20, 2**10, width=32, allow_subnormal=False)
# Shares of a type's range.
parts = hnp.arrays(np.float64, st.integers(1, 30), elements=st.floats(0, 1))


@st.composite
def types(draw):
    """An integer type with a zero point of its own."""
    dtype = np.dtype(draw(st.sampled_from(DTYPES)))
    limits = np.iinfo(dtype)
    return dtype, draw(st.integers(int(limits.min), int(limits.max)))


def reals(parts, scale, zero_point, dtype, beyond=0.0):
    """Real numbers along a type's range, and so much of it beyond both ends."""
    limits = np.iinfo(dtype)
    wide = limits.max - limits.min
    steps = limits.min - beyond * wide + parts * (1 + 2 * beyond) * wide
    return (steps - zero_point) * scale


def converter(op, source, target, scale, zero_point, n):
    """A .tflite of one QUANTIZE or DEQUANTIZE op over n numbers."""

    def tensor(name, quantized):
        info = schema.TensorT()
        info.name, info.shape, info.type = name, [1, n], TYPES[np.dtype(quantized).name]
        if np.dtype(quantized).kind != "f":
            info.quantization = schema.QuantizationParametersT()
            info.quantization.scale, info.quantization.zeroPoint = [scale], [zero_point]
        return info

    code = schema.OperatorCodeT()
    code.builtinCode = code.deprecatedBuiltinCode = op
    code.version = 1
    operator = schema.OperatorT()
    operator.inputs, operator.outputs = [0], [1]
    graph = schema.SubGraphT()
    graph.tensors = [tensor("in", source), tensor("out", target)]
    graph.inputs, graph.outputs, graph.operators = [0], [1], [operator]
    model = schema.ModelT()
    model.version, model.operatorCodes, model.subgraphs = 3, [code], [graph]
    model.buffers = [schema.BufferT()]
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), file_identifier=b"TFL3")
    interpreter = Interpreter(model_content=bytes(builder.Output()), num_threads=1)
    interpreter.allocate_tensors()
    return interpreter


def run(interpreter, x):
    interpreter.set_tensor(0, x[None])
    interpreter.invoke()
    return interpreter.get_tensor(1)[0]


@given(types(), scales, parts)
@settings(max_examples=100, deadline=None)
def test_a_round_trip_is_within_half_a_step(kind, scale, parts):
    dtype, zero_point = kind
    x = reals(parts, scale, zero_point, dtype)
    back = dequantize(quantize(x, scale, zero_point, dtype), scale, zero_point)
    assert back.dtype == np.float32
    slack = np.abs(x) * 2.0**-23
    assert (np.abs(back - x) <= scale / 2 + slack).all()


@given(types(), scales, parts)
@settings(max_examples=60, deadline=None)
def test_values_outside_the_range_are_clipped(kind, scale, parts):
    dtype, zero_point = kind
    limits = np.iinfo(dtype)
    span = (limits.max - limits.min) * scale
    low, high = reals(np.array([0.0, 1.0]), scale, zero_point, dtype)
    beyond = scale + parts * 1000 * span
    assert (quantize(high + beyond, scale, zero_point, dtype) == limits.max).all()
    assert (quantize(low - beyond, scale, zero_point, dtype) == limits.min).all()


@given(types(), scales)
@settings(max_examples=30, deadline=None)
def test_infinities_and_the_largest_floats_are_clipped(kind, scale):
    dtype, zero_point = kind
    huge = np.array([np.inf, np.finfo(np.float32).max, -np.inf, np.finfo(np.float32).min])
    limits = np.iinfo(dtype)
    expected = [limits.max, limits.max, limits.min, limits.min]
    assert quantize(huge, scale, zero_point, dtype).tolist() == expected


@given(types(), scales, parts)
@settings(max_examples=60, deadline=None)
def test_order_is_kept(kind, scale, parts):
    dtype, zero_point = kind
    x = np.sort(reals(parts, scale, zero_point, dtype, beyond=0.5))
    q = quantize(x, scale, zero_point, dtype)
    assert q.dtype == dtype
    assert (np.diff(q.astype(int)) >= 0).all()


@given(types(), scales)
@settings(max_examples=60, deadline=None)
def test_zero_is_the_zero_point(kind, scale):
    dtype, zero_point = kind
    zero = np.array([0.0, -0.0])
    assert (quantize(zero, scale, zero_point, dtype) == zero_point).all()
    assert (dequantize(np.array([zero_point], dtype), scale, zero_point) == 0).all()


@given(types(), scales)
@settings(max_examples=30, deadline=None)
def test_every_value_of_a_type_survives_a_round_trip(kind, scale):
    dtype, zero_point = kind
    limits = np.iinfo(dtype)
    q = np.arange(limits.min, limits.max + 1, dtype=dtype)
    back = quantize(dequantize(q, scale, zero_point), scale, zero_point, dtype)
    np.testing.assert_array_equal(back, q)


@pytest.mark.parametrize("dtype", DTYPES)
@given(scale=scales, parts=parts, where=st.floats(0, 1))
@settings(max_examples=40, deadline=None)
def test_quantize_agrees_with_litert_up_to_ties(dtype, scale, parts, where):
    limits = np.iinfo(dtype)
    # LiteRT takes int16 without a zero point only.
    zero_point = 0 if dtype is np.int16 else round(limits.min + where * (limits.max - limits.min))
    x = reals(parts, scale, zero_point, dtype, beyond=0.2).astype(np.float32)
    code = schema.BuiltinOperator.QUANTIZE
    theirs = run(converter(code, np.float32, dtype, scale, zero_point, len(x)), x)
    ours = quantize(x, scale, zero_point, dtype)
    assert ours.dtype == theirs.dtype
    # It divides in float32 and may round ties to the other side.
    steps = x.astype(np.float64) / scale
    tie = np.abs(np.abs(steps - np.trunc(steps)) - 0.5) <= np.abs(steps) * 2.0**-21 + 1e-6
    np.testing.assert_array_equal(ours[~tie], theirs[~tie])
    assert (np.abs(ours.astype(int) - theirs) <= 1).all()


@pytest.mark.parametrize("dtype", DTYPES)
@given(scale=scales, where=st.floats(0, 1))
@settings(max_examples=20, deadline=None)
def test_dequantize_agrees_with_litert(dtype, scale, where):
    limits = np.iinfo(dtype)
    zero_point = 0 if dtype is np.int16 else round(limits.min + where * (limits.max - limits.min))
    q = np.linspace(limits.min, limits.max, 256).astype(dtype)
    code = schema.BuiltinOperator.DEQUANTIZE
    theirs = run(converter(code, dtype, np.float32, scale, zero_point, len(q)), q)
    np.testing.assert_allclose(dequantize(q, scale, zero_point), theirs, rtol=2.0**-22)


def test_known_answers():
    x = np.array([-1.0, -0.26, 0.0, 0.24, 0.26, 63.5, 1e9], np.float32)
    assert quantize(x, 0.5, -128, np.int8).tolist() == [-128, -128, -128, -128, -127, -1, 127]
    assert quantize(x, 0.5, 2, np.uint8).tolist() == [0, 1, 2, 2, 3, 129, 255]
    assert quantize(x, 0.5, 0, np.int16).tolist() == [-2, -1, 0, 0, 1, 127, 32767]
    q = np.array([-128, 0, 127], np.int8)
    assert dequantize(q, 0.25, -28).tolist() == [-25.0, 7.0, 38.75]


def test_quantizing_rounds_where_a_cast_cuts():
    x = np.array([0.9, -0.9])
    assert quantize(x, 1.0, 0, np.int8).tolist() == [1, -1]


@pytest.mark.parametrize("shape", [(0,), (3,), (2, 3, 4, 1), ()])
def test_the_shape_is_kept(shape):
    x = np.full(shape, 0.5, np.float32)
    q = quantize(x, 0.25, 1, np.uint8)
    assert q.shape == shape
    assert (q == 3).all()
    assert dequantize(q, 0.25, 1).shape == shape


@pytest.mark.parametrize("scale", [0.0, -0.0, -1.0, np.nan, np.inf, -np.inf])
def test_a_scale_that_is_no_positive_number_is_refused(scale):
    with pytest.raises(ValueError, match="scale"):
        quantize(np.zeros(3), scale, 0, np.int8)
    with pytest.raises(ValueError, match="scale"):
        dequantize(np.zeros(3, np.int8), scale, 0)


@pytest.mark.parametrize("dtype", [np.float32, np.bool_, np.complex64, "U1"])
def test_a_type_that_is_no_integer_is_refused(dtype):
    with pytest.raises(ValueError, match="no integer type"):
        quantize(np.zeros(3), 1.0, 0, dtype)


def test_examples():
    assert doctest.testmod(quantization).failed == 0
