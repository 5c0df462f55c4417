"""The ZIP of associated files, such as labels, that metadata's tools append to a flatbuffer."""

from __future__ import annotations

import io
import struct
import zipfile

_ENTRY, _END = b"PK\x01\x02", b"PK\x05\x06"


def archive_start(content: bytes) -> int | None:
    """The first byte of a ZIP at the end of a file; None if it has none."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            start = min((entry.header_offset for entry in archive.infolist()), default=0)
            return start if start > 0 else None
    except (zipfile.BadZipFile, ValueError, NotImplementedError, OverflowError):
        return None


def with_archive(flatbuffer: bytes, archive: bytes, start: int) -> bytes:
    """Append a ZIP that began at byte `start` of another file, and correct its offsets.

    A broken one, or one of the 64-bit kind, stays as it is: most readers find its start themselves.
    """
    moved = bytearray(archive)
    try:
        _shift(moved, start, len(flatbuffer) - start)
    except struct.error:
        moved = bytearray(archive)
    return flatbuffer + bytes(moved)


def _shift(archive: bytearray, start: int, shift: int) -> None:
    end = archive.rfind(_END)
    count, size, directory = struct.unpack_from("<HII", archive, end + 10)
    at = end - size
    if directory - start != at:
        return
    for _ in range(count):
        if archive[at : at + 4] != _ENTRY:
            raise struct.error
        lengths = struct.unpack_from("<HHH", archive, at + 28)
        offset = struct.unpack_from("<I", archive, at + 42)[0]
        struct.pack_into("<I", archive, at + 42, offset + shift)
        at += 46 + sum(lengths)
    struct.pack_into("<I", archive, end + 16, directory + shift)
