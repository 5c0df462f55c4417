"""The reader gives the same as the generated classes, and refuses broken files."""

from __future__ import annotations

import itertools
import re
import struct

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as generated

from stapes.errors import ModelError
from stapes.tflite.edit.write import write
from stapes.tflite.format.reader import MOST_OBJECTS, read
from stapes.tflite.format.schema import TABLES
from stapes.tflite.format.spans import spans
from stapes.tflite.format.tree import Table, unfolded, walk

REAL = ("alexa", "hey_jarvis", "micro_speech_quantized", "mlperf_tiny_kws")


def same(table, other):
    """Compare a table with an object of the generated classes."""
    assert type(other).__name__ == f"{table.kind}T"
    for field in TABLES[table.kind]:
        parts = field.name.split("_")
        name = parts[0] + "".join(part.capitalize() for part in parts[1:])
        # Names in the schema are not in camel case: dilation_w_factor.
        name = re.sub(r"(dilation)([WHD])Factor", r"\1\2Factor", name)
        value, expected = table[field.name], getattr(other, name)
        if field.shape in ("scalar", "string"):
            assert value == expected, field
        elif value is None:
            assert expected is None, field
        elif field.shape == "scalars":
            np.testing.assert_array_equal(value, expected)
        elif field.shape in ("table", "union"):
            same(value, expected)
        else:
            assert len(value) == len(expected)
            for ours, theirs in zip(value, expected, strict=True):
                same(ours, theirs)


@pytest.mark.parametrize("name", REAL)
def test_published_models_are_read_as_by_the_generated_classes(models, name):
    content = (models / f"{name}.tflite").read_bytes()
    tree = read(content)
    same(tree.root, generated.ModelT.InitFromPackedBuf(bytearray(content), 0))
    assert tree.unknown == []


def test_a_small_model_is_read_as_by_the_generated_classes(small):
    same(read(small).root, generated.ModelT.InitFromPackedBuf(bytearray(small), 0))


@pytest.mark.parametrize("name", REAL)
def test_every_byte_of_a_file_belongs_to_one_part(models, name):
    content = (models / f"{name}.tflite").read_bytes()
    parts = spans(read(content))
    assert parts[0].start == 0
    assert parts[-1].end == len(content)
    for before, after in itertools.pairwise(parts):
        assert before.start < before.end == after.start
    # A converter leaves no byte unreachable.
    assert {span.kind for span in parts} == {
        "header", "table", "vtable", "vector", "string", "padding",
    }  # fmt: skip
    data = [span for span in parts if span.owner == "Buffer.data"]
    held = {id(span.table): span.end - span.start - 4 for span in data}
    for buffer in read(content).root["buffers"]:
        assert len(buffer.items("data")) in (0, *held.values())


def test_bytes_that_nothing_points_at_are_unreachable(small):
    parts = spans(read(small + b"PK\x05\x06" + bytes(30)))
    assert (parts[-1].kind, parts[-1].end - parts[-1].start) == ("unreachable", 34)


def test_a_cut_file_is_refused(small):
    for end in range(len(small)):
        with pytest.raises(ModelError, match=r"\.tflite"):
            read(small[:end])


def test_a_shared_part_is_one_object(tree):
    tensors = tree["subgraphs"][0]["tensors"]
    tensors[0].fields["shape"] = tensors[4].fields["shape"] = np.array([1, 4], np.int32)
    back = read(write(tree)).root["subgraphs"][0]["tensors"]
    assert back[0]["shape"] is back[4]["shape"]


def test_a_field_of_a_newer_schema_is_noted():
    content = bytearray(write(Table("Model", {"version": 3, "description": b"x"})))
    # The table gets a vtable at the file's end with one slot more than the schema.
    slots = [0] * 11
    slots[0], slots[3], slots[10] = 4, 8, 8
    content += bytes(-len(content) % 2)
    root = struct.unpack_from("<I", content)[0]
    struct.pack_into("<i", content, root, root - len(content))
    content += struct.pack("<13H", 4 + 22, 12, *slots)
    [note] = read(bytes(content)).unknown
    assert "Model" in note


def test_an_option_of_a_newer_schema_is_noted(changed):
    def newer(tree):
        tree["subgraphs"][0]["operators"][0].fields["builtin_options_type"] = 250

    [note] = read(changed(newer)).unknown
    assert "Operator.builtin_options" in note


def test_a_table_with_a_hundred_million_references_is_read_once():
    tensor = Table("Tensor", {"type": 9})
    graph = Table("SubGraph", {"tensors": [tensor] * 10_000})
    bomb = write(Table("Model", {"subgraphs": [graph] * 10_000}))
    assert len(bomb) < 100_000
    tree = read(bomb)
    assert len(list(walk(tree.root))) == 3
    assert unfolded(tree.root) == 1 + 10_000 * 10_001


def test_too_many_parts_are_refused():
    tensor = Table("Tensor", {})
    many = Table("SubGraph", {"tensors": [tensor] * (MOST_OBJECTS + 1)})
    with pytest.raises(ModelError, match="no model for a device"):
        read(write(Table("Model", {"subgraphs": [many]})))


def test_parts_that_overlap_make_no_large_tree(small):
    # All vectors of offsets start four bytes later than the one before, and run to the end.
    count = 2_000
    content = bytearray(struct.pack("<I4s", 8 + 4 * count, b"TFL3"))
    content += struct.pack("<I", 100) * count
    content += bytes(4_000)
    with pytest.raises(ModelError):
        read(bytes(content))
    twice = bytearray(small)
    for at in range(8, len(twice) - 8, 4):
        spoiled = bytearray(twice)
        struct.pack_into("<I", spoiled, at, 8)
        try:
            parts = spans(read(bytes(spoiled)))
        except ModelError:
            continue
        assert sum(span.end - span.start for span in parts) == len(spoiled)


def test_many_vectors_over_the_same_bytes_are_refused():
    # Buffer n starts four bytes after buffer n - 1, and all end together.
    count = 50
    buffers = [Table("Buffer", {"data": np.full(8, n, np.uint8)}) for n in range(count)]
    content = bytearray(write(Table("Model", {"buffers": buffers})))
    places = sorted(s.start for s in read(bytes(content)).claims.values() if s.kind == "vector")
    data = [at for at in places if struct.unpack_from("<I", content, at)[0] == 8]
    for at in data[-count:]:
        struct.pack_into("<I", content, at, len(content) - at - 4)
    with pytest.raises(ModelError, match="overlap"):
        read(bytes(content))


@pytest.mark.parametrize("size", [0, 4, 6, 64, 65_535])
def test_the_size_in_a_vtable_does_not_matter(small, size):
    """As in LiteRT: an old writer let tables of different sizes share a vtable."""
    claims = read(small).claims.values()
    content = bytearray(small)
    for claim in claims:
        if claim.kind == "vtable":
            struct.pack_into("<H", content, claim.start + 2, size)
    tree = read(bytes(content))
    assert write(tree.root) == write(read(small).root)
    parts = spans(tree)
    assert sum(span.end - span.start for span in parts) == len(content)
