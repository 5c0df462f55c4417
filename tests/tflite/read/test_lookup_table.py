"""Constants for look-up tables are found with their bits, and decoded."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stapes.errors import ModelError
from stapes.tflite.edit.write import write
from stapes.tflite.format.tree import Table
from stapes.tflite.read.lookup_table import Form, candidates, decode
from stapes.tflite.read.verify import verify


def few(values, outputs=4, inputs=64, seed=0):
    """int8 weights of `values` distinct values, all of them in each row."""
    rng = np.random.default_rng(seed)
    table = rng.choice(np.arange(-127, 128), values, replace=False)
    rows = [rng.permutation(np.resize(table, inputs)) for _ in range(outputs)]
    return np.array(rows, np.int8)


@pytest.mark.parametrize(
    ("values", "bits"), [(1, 1), (2, 1), (3, 2), (4, 2), (5, 3), (16, 4), (17, 5), (64, 6)]
)
def test_the_bits_fit_the_number_of_values(dense_model, values, bits):
    [candidate] = candidates(verify(dense_model(few(values))))
    size = -(-4 * 64 * bits // 8) + 16 + values
    assert candidate.form == Form(None, bits, size)
    assert (candidate.name, candidate.op, candidate.role) == ("kernel", "FULLY_CONNECTED", "kernel")
    assert (candidate.bytes, candidate.reads, candidate.places) == (256, 1, ((0, 1),))


def test_scales_for_channels_give_tables_for_channels(dense_model):
    weights = np.concatenate([few(4, 1, seed=1), few(4, 1, seed=2), few(3, 2, seed=3)])
    [candidate] = candidates(verify(dense_model(weights, scales=4)))
    assert candidate.form == Form(0, 2, 64 + 16 + 4 * 4)
    [whole] = candidates(verify(dense_model(weights)))
    assert whole.form is not None
    assert whole.form.bits > 2
    assert candidate.form.mode == "per channel"


def test_the_axis_is_that_of_the_scales(dense_model):
    weights = np.tile(np.arange(64, dtype=np.int8), (4, 1))
    [candidate] = candidates(verify(dense_model(weights, scales=64, axis=1)))
    assert candidate.form == Form(1, 1, 32 + 16 + 64)


def test_too_many_values_are_counted_in_the_reason(dense_model):
    weights = np.arange(-100, 100, dtype=np.int8).reshape(2, 100)
    [candidate] = candidates(verify(dense_model(weights)))
    assert (candidate.form, candidate.expected) == (None, 0)
    assert candidate.reason == "200 distinct values, and 128 are the most"
    [candidate] = candidates(verify(dense_model(np.resize(weights, (2, 200)), scales=2)))
    assert candidate.reason == "200 distinct values in a channel, and 128 are the most"


def test_128_values_take_seven_bits(dense_model):
    weights = np.arange(-64, 64, dtype=np.int8).reshape(2, 64)
    [candidate] = candidates(verify(dense_model(weights)))
    assert candidate.form is not None
    assert candidate.form.bits == 7


def test_a_constant_of_another_op_or_the_graph_is_no_candidate(dense_model):
    root = verify(dense_model(few(4))).table
    root["operator_codes"][0].fields.update(builtin_code=126, deprecated_builtin_code=126)
    root["subgraphs"][0]["operators"][0].fields.pop("builtin_options")
    root["subgraphs"][0]["operators"][0].fields.pop("builtin_options_type")
    assert candidates(verify(write(root))) == []
    root = verify(dense_model(few(4))).table
    root["subgraphs"][0].fields["outputs"] = np.array([2, 1], np.int32)
    assert candidates(verify(write(root))) == []


def test_a_constant_with_custom_quantization_is_no_candidate(dense_model):
    root = verify(dense_model(few(4), scales=4)).table
    custom = {"details_type": 1, "details": Table("CustomQuantization", {})}
    root["subgraphs"][0]["tensors"][1]["quantization"].fields.update(
        quantized_dimension=9, **custom
    )
    assert candidates(verify(write(root))) == []


def test_tensors_of_one_buffer_are_one_candidate(dense_model):
    root = verify(dense_model(few(4))).table
    graph = root["subgraphs"][0]
    graph["tensors"].append(Table("Tensor", dict(graph["tensors"][1].fields)))
    op = graph["operators"][0]
    graph["tensors"].append(Table("Tensor", dict(graph["tensors"][2].fields)))
    second = {"inputs": np.array([0, 3, -1], np.int32), "outputs": np.array([4], np.int32)}
    graph["operators"].append(Table("Operator", {**op.fields, **second}))
    [candidate] = candidates(verify(write(root)))
    assert (candidate.places, candidate.reads) == (((0, 1), (0, 3)), 2)


def encoded(values, axis):
    """Indices and ancillary data by the format's documentation, bit by bit."""
    slices = [values] if axis is None else [values.take(n, axis) for n in range(values.shape[axis])]
    tables = [sorted(set(table.ravel().tolist())) for table in slices]
    longest = max(map(len, tables))
    bits = max(1, (longest - 1).bit_length())
    text = ""
    for place in np.ndindex(values.shape):
        table = tables[0 if axis is None else place[axis]]
        text += format(table.index(values[place].item()), f"0{bits}b")
    text += "0" * (-len(text) % 8)
    indices = bytes(int(text[n : n + 8], 2) for n in range(0, len(text), 8))
    header = bytes([0, 1, 0, 0, 1, (15 if axis is None else axis) << 4 | bits, longest]) + bytes(9)
    padded = np.array([table + [0] * (longest - len(table)) for table in tables], values.dtype)
    both = (indices, header + padded.tobytes())
    return tuple(np.frombuffer(table, np.uint8) for table in both)


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_decoding_gives_back_every_value(data):
    shape = data.draw(st.lists(st.integers(1, 5), min_size=1, max_size=4))
    kinds = {"INT8": "<i1", "INT16": "<i2", "INT32": "<i4", "FLOAT32": "<f4"}
    kind, name = data.draw(st.sampled_from(sorted(kinds.items())))
    axis = data.draw(st.sampled_from([None, 0, len(shape) - 1]))
    rng = np.random.default_rng(data.draw(st.integers(0, 99)))
    values = rng.integers(-60, 60, shape).astype(name)
    indices, ancillary = encoded(values, axis)
    decoded = decode(indices, ancillary, shape, kind)
    assert decoded.dtype == values.dtype
    np.testing.assert_array_equal(decoded, values)


@pytest.mark.parametrize(
    ("place", "value", "reason"),
    [(0, 1, "does not know"), (1, 2, "does not know"), (4, 2, "does not know"),
     (5, 0xF1, "does not fit"), (5, 0x74, "does not fit"), (6, 3, "does not fit")],
)  # fmt: skip
def test_a_broken_table_is_refused(place, value, reason):
    values = few(4, 2, 8)
    indices, ancillary = encoded(values, 0)
    ancillary = ancillary.copy()
    ancillary[place] = value
    with pytest.raises(ModelError, match=reason):
        decode(indices, ancillary, [2, 8], "INT8")


def test_an_index_outside_its_table_is_refused():
    values = np.array([[1, 2, 3, 1]], np.int8)
    indices, ancillary = encoded(values, None)
    with pytest.raises(ModelError, match="out of its look-up table"):
        decode(indices | 255, ancillary, [1, 4], "INT8")
