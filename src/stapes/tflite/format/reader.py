"""Read a .tflite into a tree of tables, with every offset checked before it is followed.

The file may come from anywhere. Each object (table, vtable, vector, string) is read once, however
many parents point at it. All objects together may be twice as long as the file, so that a small
file cannot become a large tree. Parts that the schema does not know are listed, not followed.

Source: FlatBuffers' file format, https://flatbuffers.dev/internals; the schema is `schema.py`.
"""

from __future__ import annotations

import struct
from typing import Any

import numpy as np

from stapes.errors import ModelError
from stapes.tflite.format.schema import SCALARS, TABLES, UNIONS, Field
from stapes.tflite.format.tree import DTYPES, Span, SpanKind, Table, Tree, Value, refuse

MOST_OBJECTS = 500_000
"""Tables, strings and references between them; a file with more is refused: no device runs it."""

_MOST_SHARED = 2
"""Parts may share bytes, as in the format, up to this many times the file's size."""


def read(content: bytes) -> Tree:
    """Read a .tflite.

    Raises
    ------
    ModelError
        It is no .tflite, it is broken, or it is larger than any model for a device.
    """
    if content[4:8] != b"TFL3":
        raise ModelError("The file is no .tflite: it lacks the mark TFL3 at byte 4.")
    reader = _Reader(content)
    root = reader.table("Model", reader.target(0, "the root"))
    return Tree(content, root, reader.claims, sorted(reader.unknown))


_U16 = struct.Struct("<H")
_U32 = SCALARS["u32"]
_I32 = SCALARS["i32"]


class _Reader:
    """Reads the objects of one file once, and records their bytes."""

    def __init__(self, content: bytes) -> None:
        self.content = content
        self.claims: dict[int, Span] = {}
        self.unknown: set[str] = set()
        self._claimed = 0
        self._objects = 0
        self._memory: dict[tuple[int, str], Any] = {}
        self._vtables: dict[int, tuple[int, list[int]]] = {}

    def target(self, at: int, what: str) -> int:
        """The byte that the offset at a byte leads to."""
        self._inside(at, 4, what)
        distance: int = _U32.unpack_from(self.content, at)[0]
        if distance == 0 or distance > 1 << 31:
            refuse(f"{what} points nowhere")
        self._count()
        return at + distance

    def table(self, kind: str, at: int) -> Table:
        key = (at, kind)
        table: Table | None = self._memory.get(key)
        if table is not None:
            return table
        self._inside(at, 4, kind)
        size, slots = self._vtable(at - _I32.unpack_from(self.content, at)[0], kind)
        fields = TABLES[kind]
        present = [(f, slots[f.slot]) for f in fields if f.slot < len(slots) and slots[f.slot]]
        # Interpreters read fields, never the size. Old writers let tables of different sizes share
        # a vtable, so the size in it may reach into the next table.
        end = max((start + field.size for field, start in present), default=4)
        self._inside(at, end, kind)
        table = Table(kind, {})
        self._memory[key] = table
        self._claim(at, at + end, "table", kind, table, slack=max(0, size - end))
        for field, start in present:
            if start < 4:
                refuse(f"{kind}.{field.name} lies outside its table")
            value = self._value(table, field, at + start)
            if value is not None:
                table.fields[field.name] = value
        known_slots = fields[-1].slot + 1 if fields else 0
        if any(slots[known_slots:]):
            self.unknown.add(f"{kind} has a field that is newer than this schema")
        return table

    def _vtable(self, at: int, kind: str) -> tuple[int, list[int]]:
        """A table's size in bytes, and the byte of each field in it; 0 is absent."""
        if at in self._vtables:
            return self._vtables[at]
        what = f"the vtable of {kind}"
        if at % 2:
            refuse(f"{what} at byte {at} is not aligned")
        self._inside(at, 4, what, alignment=2)
        length: int = _U16.unpack_from(self.content, at)[0]
        size: int = _U16.unpack_from(self.content, at + 2)[0]
        if length < 4 or length % 2:
            refuse(f"{what} at byte {at} is none")
        self._inside(at, length, what, alignment=2)
        slots = np.frombuffer(self.content, "<u2", (length - 4) // 2, at + 4).tolist()
        self._claim(at, at + length, "vtable", kind, None)
        self._vtables[at] = size, slots
        return size, slots

    def _value(self, table: Table, field: Field, at: int) -> Value | None:
        what = f"{table.kind}.{field.name}"
        if at % field.size:
            refuse(f"{what} at byte {at} is not aligned")
        if field.shape == "scalar":
            number: int | float | bool = SCALARS[field.type].unpack_from(self.content, at)[0]
            return number
        kind = field.type
        if field.shape == "union":
            number = table[f"{field.name}_type"]
            members = UNIONS[kind]
            if not 0 < number <= len(members):
                if number:
                    self.unknown.add(f"{what} holds number {number}, newer than this schema")
                return None
            kind = members[int(number) - 1]
        at = self.target(at, what)
        if field.shape in ("table", "union"):
            return self.table(kind, at)
        if field.shape == "string":
            return self._string(table, what, at)
        vector: Value = self._vector(table, field, what, at)
        return vector

    def _string(self, table: Table, what: str, at: int) -> bytes:
        key = (at, "str")
        if key not in self._memory:
            start, end = self._extent(at, 1, what)
            self._inside(start, end - start + 1, what, alignment=1)
            if self.content[end]:
                refuse(f"{what} at byte {at} does not end in a zero")
            self._claim(at, end + 1, "string", what, table)
            self._memory[key] = self.content[start:end]
        text: bytes = self._memory[key]
        return text

    def _vector(self, table: Table, field: Field, what: str, at: int) -> Any:
        key = (at, f"[{field.type}]")
        if key in self._memory:
            return self._memory[key]
        scalars = field.shape == "scalars"
        start, end = self._extent(at, SCALARS[field.type].size if scalars else 4, what)
        self._claim(at, end, "vector", what, table)
        if scalars:
            dtype = DTYPES[field.type]
            count = (end - start) // dtype.itemsize
            # NumPy refuses an empty array at a buffer's end.
            values = np.frombuffer(self.content, dtype, count, start if count else 0)
            self._memory[key] = values
            return values
        items: list[Any] = []
        self._memory[key] = items
        for place in range(start, end, 4):
            to = self.target(place, what)
            strings = field.shape == "strings"
            items.append(self._string(table, what, to) if strings else self.table(field.type, to))
        return items

    def _extent(self, at: int, width: int, what: str) -> tuple[int, int]:
        """First byte of a vector's elements, and the byte after them."""
        self._inside(at, 4, what)
        count: int = _U32.unpack_from(self.content, at)[0]
        self._inside(at, 4 + count * width, what)
        return at + 4, at + 4 + count * width

    def _inside(self, at: int, size: int, what: str, *, alignment: int = 4) -> None:
        if at < 0 or at + size > len(self.content):
            refuse(f"{what} at byte {at} runs past its end")
        if at % alignment:
            refuse(f"{what} at byte {at} is not aligned")

    def _claim(
        self,
        start: int,
        end: int,
        kind: SpanKind,
        owner: str,
        table: Table | None,
        slack: int = 0,
    ) -> None:
        before = self.claims.get(start)
        known = start if before is None else before.end
        if end <= known:
            return
        self._claimed += end - known
        # Parts may share bytes, but a small file must not become a large tree.
        if self._claimed > _MOST_SHARED * len(self.content):
            refuse("its parts overlap")
        self.claims[start] = Span(start, end, kind, owner, table, slack)

    def _count(self) -> None:
        self._objects += 1
        if self._objects > MOST_OBJECTS:
            raise ModelError(
                f"The .tflite has more than {MOST_OBJECTS:,} parts: that is no model for a device."
            )
