"""Our reader and the generated classes read what the writer writes, and it is small."""

from __future__ import annotations

import struct

import flatbuffers
import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as generated
from hypothesis import given, settings
from hypothesis import strategies as st

from stapes.tflite.edit.renumber import signature_of
from stapes.tflite.edit.write import write
from stapes.tflite.format.reader import read
from stapes.tflite.format.schema import SCALARS, TABLES, UNIONS
from stapes.tflite.format.spans import spans
from stapes.tflite.format.tree import DTYPES, Table, walk

REAL = ("alexa", "hey_jarvis", "micro_speech_quantized", "mlperf_tiny_kws")


def numbers(kind):
    if kind == "bool":
        return st.booleans()
    if kind in ("f32", "f64"):
        return st.floats(width=32 if kind == "f32" else 64, allow_nan=False)
    limits = np.iinfo(DTYPES[kind])
    return st.integers(int(limits.min), int(limits.max))


@st.composite
def tables(draw, kind, depth=0):
    """Any table of the schema, with any of its fields."""
    fields = {}
    for field in TABLES[kind]:
        if not draw(st.booleans()) or (depth > 4 and field.shape in ("table", "tables", "union")):
            continue
        if field.shape == "scalar":
            # Offsets outside the tree need data there.
            elsewhere = field.name.endswith(("offset", "_size")) or field.name == "size"
            if not elsewhere and (not field.name.endswith("_type") or field.type != "u8"):
                fields[field.name] = draw(numbers(field.type))
        elif field.shape == "string":
            fields[field.name] = draw(st.binary(max_size=9))
        elif field.shape == "scalars":
            values = draw(st.lists(numbers(field.type), max_size=5))
            fields[field.name] = np.array(values, DTYPES[field.type])
        elif field.shape == "table":
            fields[field.name] = draw(tables(field.type, depth + 1))
        elif field.shape == "tables":
            count = draw(st.integers(0, 2))
            fields[field.name] = [draw(tables(field.type, depth + 1)) for _ in range(count)]
        else:
            number = draw(st.integers(1, len(UNIONS[field.type])))
            fields[f"{field.name}_type"] = number
            fields[field.name] = draw(tables(UNIONS[field.type][number - 1], depth + 1))
    return Table(kind, fields)


def without_defaults(table):
    """The table as a reader of the file gives it."""
    fields = {}
    for field in TABLES[table.kind]:
        value = table.fields.get(field.name)
        if value is None:
            continue
        if field.shape == "scalar":
            packer = SCALARS[field.type]
            if packer.pack(value) != packer.pack(field.default):
                fields[field.name] = packer.unpack(packer.pack(value))[0]
        elif isinstance(value, Table):
            fields[field.name] = without_defaults(value)
        elif isinstance(value, list):
            fields[field.name] = [without_defaults(child) for child in value]
        else:
            fields[field.name] = value
    return Table(table.kind, fields)


@given(tables("Model"))
@settings(max_examples=100, deadline=None)
def test_any_tree_is_read_back(model):
    content = write(model)
    tree = read(content)
    assert tree.unknown == []
    assert signature_of(tree.root) == signature_of(without_defaults(model))
    assert write(tree.root) == content
    parts = spans(tree)
    assert sum(span.end - span.start for span in parts) == len(content)
    assert all(span.kind != "unreachable" for span in parts)


@pytest.mark.parametrize("name", REAL)
def test_published_models_lose_only_bytes(models, name):
    content = (models / f"{name}.tflite").read_bytes()
    before = read(content).root
    after = read(write(before)).root
    assert signature_of(after) == signature_of(without_defaults(before))
    packed = flatbuffers.Builder(1024)
    unpacked = generated.ModelT.InitFromPackedBuf(bytearray(content), 0)
    packed.Finish(unpacked.Pack(packed), file_identifier=b"TFL3")
    assert len(write(before)) < min(len(content), len(packed.Output()))


@pytest.mark.parametrize("name", REAL)
def test_data_is_aligned_and_hardly_a_byte_is_padding(models, name):
    content = write(read((models / f"{name}.tflite").read_bytes()).root)
    parts = spans(read(content))
    for span in parts:
        if span.owner == "Buffer.data" and span.end - span.start > 4:
            assert (span.start + 4) % 16 == 0
        elif span.owner == "QuantizationParameters.zero_point":
            assert (span.start + 4) % 8 == 0
        elif span.kind in ("table", "vector", "string"):
            assert span.start % 4 == 0
    padding = sum(span.end - span.start for span in parts if span.kind == "padding")
    strings = sum(span.kind == "string" for span in parts)
    # At most 3 bytes at the end of a string, and a few elsewhere.
    assert padding <= 3 * strings + 24


def test_an_empty_model_takes_twenty_bytes():
    # Mark and first offset, a table without a field, its vtable without a slot.
    assert write(Table("Model", {})) == struct.pack("<I4siHH", 8, b"TFL3", -4, 4, 4)


def test_equal_parts_are_stored_once():
    shape = np.array([1, 2], np.int32)
    tensors = [Table("Tensor", {"shape": shape.copy(), "type": 9}) for _ in range(50)]
    graph = Table("SubGraph", {"tensors": tensors, "inputs": shape, "outputs": shape})
    one = Table("SubGraph", {"tensors": tensors[:1], "inputs": shape, "outputs": shape})
    grown = write(Table("Model", {"subgraphs": [graph]}))
    assert len(grown) - len(write(Table("Model", {"subgraphs": [one]}))) == 49 * 4
    read_back = read(grown).root["subgraphs"][0]
    assert len({id(tensor) for tensor in walk(read_back)}) == 2


def test_a_shared_buffer_keeps_the_wider_alignment():
    content = np.arange(16, dtype=np.uint8)
    custom = Table("Operator", {"custom_options": content})
    graph = Table("SubGraph", {"operators": [custom]})
    model = Table("Model", {"subgraphs": [graph], "buffers": [Table("Buffer", {"data": content})]})
    [span] = [span for span in spans(read(write(model))) if span.kind == "vector"
              and span.end - span.start == 20]  # fmt: skip
    assert (span.start + 4) % 16 == 0
