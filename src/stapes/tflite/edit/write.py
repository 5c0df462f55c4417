"""Write a tree of tables as a .tflite that is as small as the format allows.

A scalar with its default is left out, equal parts are stored once, and parts are ordered so that
hardly a byte is padding. A buffer's data is aligned to 16 bytes, as the schema (`force_align`),
SIMD kernels and NPUs need; anything else to its own size, as the FlatBuffers verifier and the
64-bit loads of a Cortex-M need.

Source: FlatBuffers' file format, https://flatbuffers.dev/internals. An offset points forward, so a
part comes after all that point at it; only a vtable may be anywhere.
"""

from __future__ import annotations

import struct
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from stapes.errors import ModelError
from stapes.tflite.edit.packing import Piece, pack
from stapes.tflite.format.schema import SCALARS, TABLES, Field
from stapes.tflite.format.tree import DTYPES, Table

_HEADER = 8
_MOST_BYTES = (1 << 31) - 1
_FORCED = {("Buffer", "data"): 16, ("CustomQuantization", "custom"): 16}


@dataclass(slots=True)
class _Part:
    """Bytes of the file, with holes for offsets, that have no place yet."""

    data: bytearray
    holes: Sequence[tuple[int, int]] = ()
    """(byte in `data`, number of the part that the offset there leads to)"""
    vtable: int | None = None
    alignment: int = 4
    """Of the fifth byte: the first element, or the first field."""


def write(root: Table) -> bytes:
    """Write a tree as a small .tflite.

    Equal trees give equal bytes. Reading them gives a tree that is equal to `root` except for
    defaults.

    Raises
    ------
    ModelError
        It is larger than the 2 GiB that an offset reaches.
    """
    parts = _Parts()
    first = parts.table(root)
    places = _arrange(parts.parts, first)
    size = max(places[n] + len(part.data) for n, part in enumerate(parts.parts))
    if size > _MOST_BYTES:
        raise ModelError("The model is larger than a .tflite can be: 2 GiB.")
    content = bytearray(size)
    struct.pack_into("<I4s", content, 0, places[first], b"TFL3")
    for part, start in zip(parts.parts, places, strict=True):
        content[start : start + len(part.data)] = part.data
        for at, to in part.holes:
            struct.pack_into("<I", content, start + at, places[to] - start - at)
        if part.vtable is not None:
            struct.pack_into("<i", content, start, start - places[part.vtable])
    return bytes(content)


class _Parts:
    """All parts of a file, equal ones once."""

    def __init__(self) -> None:
        self.parts: list[_Part] = []
        self._known: dict[Hashable, int] = {}
        self._tables: dict[int, tuple[Table, int]] = {}

    def table(self, table: Table) -> int:
        # The entry keeps the table alive, so that no other table gets its id.
        known = self._tables.get(id(table))
        if known is None:
            known = self._tables[id(table)] = table, self._new_table(table)
        return known[1]

    def _new_table(self, table: Table) -> int:
        inline: list[tuple[Field, bytes | int]] = []
        for field in TABLES[table.kind]:
            value = table.fields.get(field.name)
            if value is None:
                continue
            if field.shape == "scalar":
                packer = SCALARS[field.type]
                packed = packer.pack(value)
                if packed != packer.pack(field.default):
                    inline.append((field, packed))
            else:
                inline.append((field, self._child(table.kind, field, value)))
        # The widest first, so that no field needs padding before it.
        inline.sort(key=lambda item: (-item[0].size, item[0].slot))
        slots = [0] * (1 + max((field.slot for field, _ in inline), default=-1))
        data, holes = bytearray(4), []
        for field, content in inline:
            slots[field.slot] = len(data)
            if isinstance(content, int):
                holes.append((len(data), content))
            data += content if isinstance(content, bytes) else bytes(4)
        # The next table starts at a multiple of four anyway. With this padding, tables that differ
        # in their last bytes alone share a vtable.
        data += bytes(-len(data) % 4)
        header = struct.pack(f"<{2 + len(slots)}H", 4 + 2 * len(slots), len(data), *slots)
        vtable = self._add(_Part(bytearray(header), alignment=2))
        wide = any(field.size == 8 for field, _ in inline)
        return self._add(_Part(data, holes, vtable, 8 if wide else 4))

    def _child(self, kind: str, field: Field, value: Any) -> int:
        if field.shape in ("table", "union"):
            return self.table(value)
        if field.shape == "string":
            return self._string(value)
        if field.shape == "scalars":
            elements = np.ascontiguousarray(value, DTYPES[field.type])
            data = bytearray(struct.pack("<I", len(elements)) + elements.tobytes())
            forced = _FORCED.get((kind, field.name), elements.itemsize) if len(elements) else 1
            return self._add(_Part(data, alignment=max(4, forced)))
        strings = field.shape == "strings"
        children = [self._string(item) if strings else self.table(item) for item in value]
        data = bytearray(struct.pack("<I", len(children)) + bytes(4 * len(children)))
        return self._add(_Part(data, [(4 + 4 * n, child) for n, child in enumerate(children)]))

    def _string(self, value: bytes) -> int:
        return self._add(_Part(bytearray(struct.pack("<I", len(value)) + value + b"\0")))

    def _add(self, part: _Part) -> int:
        # A vtable and a vector of equal bytes stay apart: one part has one kind.
        key = (bytes(part.data), tuple(part.holes), part.vtable, part.alignment == 2)
        number = self._known.get(key)
        if number is None:
            number = self._known[key] = len(self.parts)
            self.parts.append(part)
        else:
            known = self.parts[number]
            known.alignment = max(known.alignment, part.alignment)
        return number


def _arrange(parts: list[_Part], root: int) -> list[int]:
    """The first byte of every part.

    Parts with offsets come first, parents before children. They are all whole words, so there is
    no padding between them. Parts without offsets may follow in any order.
    """
    places = [0] * len(parts)
    at = _HEADER
    # A part's number is higher than those of its children.
    inner = [n for n in reversed(range(len(parts))) if parts[n].holes or n == root]
    for n in inner:
        part = parts[n]
        at += -(at + 4) % part.alignment
        places[n] = at
        at += len(part.data)
    placed = set(inner)
    leaves = [n for n in range(len(parts)) if n not in placed]
    pieces = [Piece(len(parts[n].data), parts[n].alignment) for n in leaves]
    for n, start in zip(leaves, pack(pieces, at), strict=True):
        places[n] = start
    return places
