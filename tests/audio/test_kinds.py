"""A file that is no sound is named as what it is."""

from __future__ import annotations

from pathlib import Path

import pytest

from stapes.audio.read import decode
from stapes.data.corpus import load
from stapes.errors import AudioError, UsageError

STARTS = {
    "WebM": b"\x1aE\xdf\xa3\x9fB\x86\x81\x01",
    "MP4 or M4A": b"\x00\x00\x00 ftypM4A \x00\x00\x00\x00",
    "Apple's CAF": b"caff\x00\x01\x00\x00desc",
    "Git LFS's pointer": b"version https://git-lfs.github.com/spec/v1\noid sha256:00\n",
    "an HTML page": b"\n<!DOCTYPE html><html><body>Sign in</body></html>",
    "a ZIP archive": b"PK\x03\x04\x14\x00",
}


@pytest.mark.parametrize("kind", STARTS)
def test_a_wav_that_is_something_else(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(STARTS[kind].ljust(400, b"\0"))
    with pytest.raises(AudioError, match=rf"it is {kind}"):
        decode(path)


def test_what_was_skipped_is_named_before_a_label_is_missing(tmp_path: Path) -> None:
    for number in range(20):
        (tmp_path / "yes").mkdir(exist_ok=True)
        (tmp_path / f"yes/{number:02}.m4a").write_bytes(b"")
    with pytest.raises(UsageError, match=r"Skipped: yes/00\.m4a and 19 more files") as caught:
        load(tmp_path, "yes")
    assert "ffmpeg -i 00.m4a 00.flac" in str(caught.value)
    (tmp_path / "no").mkdir()
    (tmp_path / "no/a.wav").write_bytes(b"")
    with pytest.raises(UsageError, match=r"has no label yes; it has no. Skipped: yes/00\.m4a and"):
        load(tmp_path, "yes")
