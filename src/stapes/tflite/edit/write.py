"""Write a tree of tables as a .tflite that is as small as the format allows.

A scalar that has its default is left out; what is equal is stored once, whoever points at it; and
parts are put in an order that leaves hardly a byte of padding between them. A buffer's data is
aligned to 16 bytes, as the schema asks (`force_align`) and as SIMD kernels and NPUs need;
everything else to its own size, as the FlatBuffers verifier and a Cortex-M's 64-bit loads do.

Source: FlatBuffers' file format, https://flatbuffers.dev/internals. An offset points forward, so a
part stands after all that point at it; only vtables may stand anywhere.
"""

from __future__ import annotations

import struct
from collections.abc import Hashable
from dataclasses import dataclass, field
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
    """Bytes of the file with holes for offsets, before they have a place."""

    data: bytearray
    holes: list[tuple[int, int]] = field(default_factory=list)
    """(byte in `data`, number of the part that the offset there leads to)"""
    vtable: int | None = None
    alignment: int = 4
    """What the byte after the first four is aligned to: first element, or first field."""


def write(root: Table) -> bytes:
    """The smallest .tflite of this tree that this writer knows.

    Equal trees give equal bytes, and what is read back from them is equal to `root` but for
    defaults.

    Raises
    ------
    ModelError
        It does not fit the 2 GiB that an offset reaches.
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
        # The table is kept with its number, so that no other can come to have its id.
        known = self._tables.get(id(table))
        if known is None:
            known = self._tables[id(table)] = table, self._new_table(table)
        return known[1]

    def _new_table(self, table: Table) -> int:
        inline: list[tuple[Field, bytes | int]] = []
        for each in TABLES[table.kind]:
            value = table.fields.get(each.name)
            if value is None:
                continue
            if each.shape == "scalar":
                packer = SCALARS[each.type]
                packed = packer.pack(value)
                if packed != packer.pack(each.default):
                    inline.append((each, packed))
            else:
                inline.append((each, self._child(table.kind, each, value)))
        # The widest first, so that no field needs padding before it.
        inline.sort(key=lambda item: (-item[0].size, item[0].slot))
        slots = [0] * (1 + max((each.slot for each, _ in inline), default=-1))
        data, holes = bytearray(4), []
        for each, what in inline:
            slots[each.slot] = len(data)
            if isinstance(what, int):
                holes.append((len(data), what))
            data += what if isinstance(what, bytes) else bytes(4)
        # A table starts at a multiple of four, so that its end may as well be one: then tables
        # that differ in their last bytes alone have one vtable.
        data += bytes(-len(data) % 4)
        vtable = struct.pack(f"<{2 + len(slots)}H", 4 + 2 * len(slots), len(data), *slots)
        wide = any(each.size == 8 for each, _ in inline)
        return self._add(
            _Part(data, holes, self._add(_Part(bytearray(vtable), alignment=2)), 8 if wide else 4)
        )

    def _child(self, kind: str, each: Field, value: Any) -> int:
        if each.shape in ("table", "union"):
            return self.table(value)
        if each.shape == "string":
            return self._string(value)
        if each.shape == "scalars":
            elements = np.ascontiguousarray(value, DTYPES[each.type])
            width = elements.itemsize if len(elements) else 1
            data = bytearray(struct.pack("<I", len(elements)) + elements.tobytes())
            forced = _FORCED.get((kind, each.name), 1) if len(elements) else 1
            return self._add(_Part(data, alignment=max(4, width, forced)))
        strings = each.shape == "strings"
        children = [self._string(item) if strings else self.table(item) for item in value]
        data = bytearray(struct.pack("<I", len(children)) + bytes(4 * len(children)))
        return self._add(_Part(data, [(4 + 4 * n, child) for n, child in enumerate(children)]))

    def _string(self, value: bytes) -> int:
        return self._add(_Part(bytearray(struct.pack("<I", len(value)) + value + b"\0")))

    def _add(self, part: _Part) -> int:
        # A vtable must not be taken for a vector, nor the other way round: only its own readers
        # know that it ends where it does.
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

    Parts with offsets come first, parents before children; they are all words, so that nothing is
    lost between them. What holds no offset may then come in any order.
    """
    places = [0] * len(parts)
    at = _HEADER
    # A part is made after its children, so that the numbers fall from parents to children.
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
