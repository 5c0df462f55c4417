"""The members of HDF5 groups: symbol tables, link messages, and heaps of links.

Older files (h5py wrote them up to HDF5 1.14) have symbol tables. Newer ones have up to eight links
in the group's header, and more in a fractal heap. Section numbers as in `hdf5.py`.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field

from stapes.errors import ModelError

NOWHERE = 0xFFFF_FFFF_FFFF_FFFF
"""The address of data that the file does not have."""


@dataclass
class Pieces:
    """The bytes of a file, read so that a hostile file cannot multiply them."""

    content: bytes
    seen: set[int] = field(default_factory=set)
    spent: int = 0

    def take(self, at: int, size: int, *, spend: bool = False) -> bytes:
        """`size` bytes from `at`; calls that `spend` get no more bytes than the file has."""
        if at + size > len(self.content):
            raise ValueError("an address beyond the end")
        if spend:
            self.spent += size
            if self.spent > len(self.content):
                raise ValueError("the same bytes many times")
        return self.content[at : at + size]

    def number(self, at: int, size: int) -> int:
        """An unsigned little-endian integer of `size` bytes."""
        return int.from_bytes(self.take(at, size), "little")

    def visit_once(self, at: int) -> None:
        """Refuse to read the same place twice, as links in a circle have no end."""
        if at in self.seen:
            raise ValueError("a circle")
        self.seen.add(at)


def from_symbol_table(pieces: Pieces, tree: int, heap: int) -> dict[str, int]:
    """The links of an older group: a B-tree (III.A.1) of symbol nodes, names in a local heap."""
    if pieces.take(heap, 4) != b"HEAP":
        raise ValueError("not a local heap")
    names = pieces.take(pieces.number(heap + 24, 8), pieces.number(heap + 8, 8), spend=True)
    links = {}
    nodes = [tree]
    for node in nodes:  # The loop appends children.
        pieces.visit_once(node)
        if pieces.take(node, 4) == b"TREE":
            count = pieces.number(node + 6, 2)
            # After the head of 24 bytes, keys and children alternate, 8 bytes each.
            nodes += [pieces.number(node + 32 + 16 * i, 8) for i in range(count)]
            continue
        if pieces.take(node, 4) != b"SNOD":
            raise ValueError("not a symbol node")
        for i in range(pieces.number(node + 6, 2)):
            entry = pieces.take(node + 8 + 40 * i, 40)
            name, address, cache = struct.unpack_from("<QQI", entry)
            if cache == 2:
                raise _no_link()
            if name >= len(names):
                raise ValueError("a name beyond the heap")
            links[names[name:].split(b"\0", 1)[0].decode()] = address
    return links


def from_message(body: bytes) -> dict[str, int]:
    """The one link of a link message (IV.A.2.g)."""
    flags = body[1]
    cursor = 2
    if flags & 8:
        if body[cursor]:
            raise _no_link()
        cursor += 1
    cursor += 8 * bool(flags & 4) + bool(flags & 16)
    width = 1 << (flags & 3)
    size = int.from_bytes(body[cursor : cursor + width], "little")
    cursor += width
    return {body[cursor : cursor + size].decode(): struct.unpack_from("<Q", body, cursor + size)[0]}


def from_heap(pieces: Pieces, heap: int, index: int) -> dict[str, int]:
    """The links of a newer group with more than eight: a heap (III.G) and its index (III.A.2)."""
    links = {}
    for record in _records(pieces, index):
        links.update(from_message(_in_heap(pieces, heap, record[4:])))  # After the name's hash.
    return links


def _records(pieces: Pieces, tree: int) -> list[bytes]:
    """The records of a version 2 B-tree of at most two levels: about nine hundred links."""
    if pieces.take(tree, 4) != b"BTHD":
        raise ValueError("not an index")
    node_size, width, depth = struct.unpack("<IHH", pieces.take(tree + 6, 8))
    root, count = struct.unpack("<QH", pieces.take(tree + 16, 10))
    if width != 11 or depth > 1:
        raise ModelError("its HDF5 part has too many groups; give a smaller model")
    if not depth:
        return _node(pieces, root, b"BTLF", count)
    records = _node(pieces, root, b"BTIN", count)
    # After the records: the address of each child, and its record count in as few bytes as needed.
    size = (((node_size - 10) // width).bit_length() + 7) // 8
    for i in range(count + 1):
        at = root + 6 + count * width + i * (8 + size)
        records += _node(pieces, pieces.number(at, 8), b"BTLF", pieces.number(at + 8, size))
    return records


def _node(pieces: Pieces, at: int, signature: bytes, count: int) -> list[bytes]:
    pieces.visit_once(at)
    if pieces.take(at, 4) != signature:
        raise ValueError("not an index node")
    return [pieces.take(at + 6 + 11 * i, 11) for i in range(count)]


def _in_heap(pieces: Pieces, heap: int, key: bytes) -> bytes:
    """The object of a heap's key, which is an offset and a length."""
    if pieces.take(heap, 4) != b"FRHP" or pieces.number(heap + 7, 2) or key[0] & 0x30:
        raise ValueError("not a plain heap")
    most = pieces.number(heap + 10, 4)
    width, start, largest, bits = struct.unpack("<HQQH", pieces.take(heap + 110, 20))
    root, rows = pieces.number(heap + 132, 8), pieces.number(heap + 140, 2)
    offset_size = (bits + 7) // 8
    length_size = (min(most, largest).bit_length() + 7) // 8
    offset = int.from_bytes(key[1 : 1 + offset_size], "little")
    length = int.from_bytes(key[1 + offset_size : 1 + offset_size + length_size], "little")
    if not rows:
        return pieces.take(root + offset, length)
    # The root lists blocks by row: two rows of the first size, then each twice as large.
    entry = root + 13 + offset_size
    for row in range(rows):
        size = start << max(0, row - 1)
        if size > largest:
            break
        for _ in range(width):
            if offset < size:
                return pieces.take(pieces.number(entry, 8) + offset, length)
            offset -= size
            entry += 8
    raise ValueError("a key beyond the heap")


def _no_link() -> ModelError:
    return ModelError(
        "its HDF5 part has a link to another place or file, which Keras does not write;"
        " save the model again"
    )
