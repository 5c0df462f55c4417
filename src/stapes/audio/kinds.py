"""What a file is in truth, by its first bytes, where it is no sound that can be read."""

from __future__ import annotations

from pathlib import Path

MEDIA = frozenset(
    (".m4a", ".aac", ".mp4", ".webm", ".caf", ".wma", ".mov", ".mkv", ".3gp", ".amr", ".weba")
)
"""Endings of sound of phones and browsers that needs another program."""

_STARTS: tuple[tuple[int, bytes, str], ...] = (
    (0, b"\x1aE\xdf\xa3", "WebM or Matroska"),
    (4, b"ftyp", "MP4 or M4A"),
    (0, b"caff", "Apple's CAF"),
    (0, b"0&\xb2u\x8ef\xcf\x11", "Windows Media"),
    (0, b"#!AMR", "AMR"),
    (0, b"\xff\xf1", "AAC"),
    (0, b"\xff\xf9", "AAC"),
    (0, b"PK\x03\x04", "a ZIP archive"),
    (0, b"\x1f\x8b", "a gzip archive"),
    (0, b"%PDF", "a PDF"),
    (0, b"\x89PNG", "a picture"),
    (0, b"\xff\xd8\xff", "a picture"),
)


def convert(path: Path) -> str:
    """How to make a file of sound that can be read."""
    return f"convert it: ffmpeg -i {path.name} {path.stem}.flac"


def kind_of(path: Path) -> str | None:
    """What the file is, and what to do; None if its first bytes do not tell."""
    try:
        with path.open("rb") as file:
            start = file.read(64)
    except OSError:
        return None
    if start.startswith(b"version https://git-lfs"):
        return "Git LFS's pointer to a file; download it with `git lfs pull`"
    if start.lstrip().lower().startswith((b"<!doctype html", b"<html")):
        return "an HTML page; download the file itself"
    for place, mark, name in _STARTS:
        if start[place:].startswith(mark):
            return name if name.startswith("a ") else f"{name}; {convert(path)}"
    return None
