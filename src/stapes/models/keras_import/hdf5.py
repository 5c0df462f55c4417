"""Read HDF5 files of Keras without libhdf5.

libhdf5 is not safe for files of other people. HDF5 1.14 looped for ever on nine of 8,000 damaged
Keras files, and crashed on four. Keras uses little of the format: groups, arrays of numbers in one
piece, and attributes of text. The rest (compressed or external data, links to other files,
committed types) is refused, so the data cannot be larger than its file.

Section numbers are those of the "HDF5 File Format Specification Version 3.0".
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stapes.errors import ModelError
from stapes.models.keras_import import hdf5_links
from stapes.models.keras_import.hdf5_links import NOWHERE, Pieces

SIGNATURE = b"\x89HDF\r\n\x1a\n"

_MAX_DEPTH = 32
_DATASPACE, _LINK_INFO, _DATATYPE, _EXTERNAL, _LINK, _LAYOUT = 1, 2, 3, 7, 6, 8
_FILTERS, _ATTRIBUTE, _CONTINUATION, _SYMBOL_TABLE, _ATTRIBUTE_INFO = 11, 12, 16, 17, 21
_FLOATS = {2: (10, 5, 10), 4: (23, 8, 23), 8: (52, 11, 52)}
"""By size: start and bits of the exponent, and bits of the mantissa (IEEE 754)."""


@dataclass
class Group:
    """A group: its attributes, and its groups and arrays, by name."""

    attributes: dict[str, str | list[str] | NDArray[Any]] = field(default_factory=dict)
    members: dict[str, Group | NDArray[Any]] = field(default_factory=dict)

    def count(self) -> int:
        """How many numbers all arrays have."""
        members = self.members.values()
        return sum(
            member.count() if isinstance(member, Group) else member.size for member in members
        )


def read(content: bytes) -> Group:
    """The root group of an HDF5 file; its arrays are views of `content`.

    Raises
    ------
    ModelError
        The file is damaged, or uses a part of HDF5 that Keras does not use.
    """
    pieces = Pieces(content)
    try:
        root = _read_object(pieces, _root_header(pieces), 0)
    except (struct.error, ValueError, LookupError, OverflowError):
        raise ModelError("its HDF5 part is damaged; save the model again") from None
    if not isinstance(root, Group):
        raise ModelError("its HDF5 part is damaged; save the model again")
    return root


def _root_header(pieces: Pieces) -> int:
    """The address of the root group's object header (II.A)."""
    if pieces.take(0, 8) != SIGNATURE:
        raise ModelError("its weights are not an HDF5 file; save the model again")
    version = pieces.number(8, 1)
    sizes = 13 if version < 2 else 9
    if pieces.take(sizes, 2) != b"\x08\x08":
        raise _unusual("addresses of an unusual size")
    if version < 2:
        # The superblock ends in the root's symbol table entry: a name, then the address.
        return pieces.number({0: 56, 1: 60}[version] + 8, 8)
    return pieces.number(36, 8)


def _read_object(pieces: Pieces, at: int, depth: int) -> Group | NDArray[Any]:
    """The group or array whose object header is at `at`."""
    if depth > _MAX_DEPTH:
        raise _unusual("groups that are nested too deep")
    messages = _messages(pieces, at)
    kinds = {kind for kind, _ in messages}
    if kinds & {_EXTERNAL, _FILTERS}:
        raise _unusual("compressed or external data")
    if _LAYOUT in kinds:
        return _array(pieces, dict(messages))
    group = Group()
    for kind, body in messages:
        if kind == _ATTRIBUTE:
            name, value = _attribute(pieces, body)
            group.attributes[name] = value
        elif kind == _ATTRIBUTE_INFO and struct.unpack_from("<Q", body, 2 + 2 * (body[1] & 1)) != (
            NOWHERE,
        ):
            raise _unusual("attributes in another place")
    for name, address in _links(pieces, messages).items():
        group.members[name] = _read_object(pieces, address, depth + 1)
    return group


def _links(pieces: Pieces, messages: list[tuple[int, bytes]]) -> dict[str, int]:
    """The names in a group, with their addresses."""
    links = {}
    for kind, body in messages:
        if kind == _SYMBOL_TABLE:
            links.update(hdf5_links.from_symbol_table(pieces, *struct.unpack_from("<QQ", body)))
        elif kind == _LINK_INFO:
            heap, index = struct.unpack_from("<QQ", body, 2 + 8 * (body[1] & 1))
            if heap != NOWHERE:
                links.update(hdf5_links.from_heap(pieces, heap, index))
        elif kind == _LINK:
            links.update(hdf5_links.from_message(body))
    return links


def _messages(pieces: Pieces, at: int) -> list[tuple[int, bytes]]:
    """The messages of an object header and of its continuations (IV.A.1)."""
    pieces.visit_once(at)
    newer = pieces.take(at, 4) == b"OHDR"
    if newer:
        flags = pieces.number(at + 5, 1)
        sizes = at + 6 + 16 * bool(flags & 0x20) + 4 * bool(flags & 0x10)
        width = 1 << (flags & 3)
        blocks = [(sizes + width, pieces.number(sizes, width))]
        head = 6 if flags & 4 else 4
    elif pieces.number(at, 1) == 1:
        blocks = [(at + 16, pieces.number(at + 8, 4))]
        head = 8
    else:
        raise ValueError("not an object header")
    messages = []
    for start, length in blocks:  # The loop appends continuations.
        cursor, end = start, start + length
        while cursor + head <= end:
            kind, size, flags = struct.unpack(
                "<BHB" if newer else "<HHB", pieces.take(cursor, 4 if newer else 5)
            )
            body = pieces.take(cursor + head, size)
            cursor += head + size
            if kind == _CONTINUATION:
                where, extent = struct.unpack_from("<QQ", body)
                pieces.visit_once(where)
                # A newer block has a signature before its messages and a checksum after them.
                blocks.append((where + 4, extent - 8) if newer else (where, extent))
            elif flags & 2 and kind in (_DATASPACE, _DATATYPE, _LAYOUT, _ATTRIBUTE):
                raise _unusual("shared types")
            else:
                messages.append((kind, body))
    return messages


def _array(pieces: Pieces, message: dict[int, bytes]) -> NDArray[Any]:
    """An array of numbers in one piece (IV.A.2.i)."""
    shape = _shape(message[_DATASPACE])
    dtype = _number_type(message[_DATATYPE])
    layout = message[_LAYOUT]
    size = dtype.itemsize
    for extent in shape:
        size *= extent
    if layout[0] not in (3, 4) or layout[1] not in (0, 1):
        raise _unusual("data in chunks")
    if layout[1] == 0:
        stored = layout[4 : 4 + struct.unpack_from("<H", layout, 2)[0]]
    else:
        address, extent = struct.unpack_from("<QQ", layout, 2)
        stored = b"" if address == NOWHERE else pieces.take(address, extent, spend=True)
    if len(stored) != size:
        raise ValueError("an array of the wrong size")
    return np.frombuffer(stored, dtype).reshape(shape)


def _shape(body: bytes) -> tuple[int, ...]:
    """The shape in a dataspace message (IV.A.2.b); () is a scalar."""
    version, rank = body[0], body[1]
    if version not in (1, 2) or (version == 2 and body[3] == 2):
        raise ValueError("not a dataspace")
    return struct.unpack_from(f"<{rank}Q", body, 8 if version == 1 else 4)


def _number_type(body: bytes) -> np.dtype[Any]:
    """The integer or IEEE float type in a datatype message (IV.A.2.d)."""
    kind, bits, size = body[0] & 15, body[1], struct.unpack_from("<I", body, 4)[0]
    offset, precision = struct.unpack_from("<HH", body, 8)
    order = ">" if bits & 1 else "<"
    if (offset, precision) == (0, 8 * size) and size in (1, 2, 4, 8):
        if kind == 0:
            return np.dtype(f"{order}{'i' if bits & 8 else 'u'}{size}")
        if kind == 1 and (body[12], body[13], body[15]) == _FLOATS.get(size) and body[14] == 0:
            return np.dtype(f"{order}f{size}")
    raise _unusual("numbers of another kind")


def _attribute(pieces: Pieces, body: bytes) -> tuple[str, str | list[str] | NDArray[Any]]:
    """An attribute's name and value (IV.A.2.m): text, a list of texts, or numbers."""
    version, shared = body[0], body[1]
    if version not in (1, 2, 3) or (version > 1 and shared):
        raise _unusual("shared types")
    cursor, parts = 9 if version == 3 else 8, []
    for size in struct.unpack_from("<HHH", body, 2):
        parts.append(body[cursor : cursor + size])
        cursor += (size + 7) // 8 * 8 if version == 1 else size
    name, datatype, stored = parts[0].split(b"\0")[0].decode(), parts[1], body[cursor:]
    shape = _shape(parts[2])
    if len(shape) > 1:
        raise _unusual("attributes of more than one axis")
    count = shape[0] if shape else 1
    if datatype[0] & 15 not in (3, 9):
        return name, np.frombuffer(stored, _number_type(datatype), count).reshape(shape)
    width = struct.unpack_from("<I", datatype, 4)[0]
    if count * width > len(stored):
        raise ValueError("an attribute of the wrong size")
    texts = [_text(pieces, datatype, stored[i * width : (i + 1) * width]) for i in range(count)]
    return name, (texts if shape else texts[0])


def _text(pieces: Pieces, datatype: bytes, stored: bytes) -> str:
    """A text of fixed length, or one in a global heap (III.E)."""
    if datatype[0] & 15 == 3:
        return stored.split(b"\0")[0].decode()
    if datatype[1] & 15 != 1:
        raise _unusual("lists in attributes")
    length, heap, number = struct.unpack("<IQI", stored)
    if not length:
        return ""
    if pieces.take(heap, 4) != b"GCOL":
        raise ValueError("not a global heap")
    cursor, end = heap + 16, heap + pieces.number(heap + 8, 8)
    while cursor + 16 <= end:
        index, size = pieces.number(cursor, 2), pieces.number(cursor + 8, 8)
        if index == number:
            return pieces.take(cursor + 16, min(length, size), spend=True).decode()
        if index == 0:
            break
        cursor += 16 + (size + 7) // 8 * 8
    raise ValueError("a text is missing in its heap")


def _unusual(what: str) -> ModelError:
    return ModelError(f"its HDF5 part has {what}, which Keras does not write; save the model again")
