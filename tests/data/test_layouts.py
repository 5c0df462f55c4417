"""Each layout is read by its rules, and a fault is named."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from stapes.data import layouts
from stapes.data.clip import Skipped
from stapes.errors import UsageError

WriteClip = Callable[..., Path]


def put(path: Path, content: str | bytes = b"") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def listing(*rows: str, head: str = "file,label,speaker") -> str:
    return "\n".join([head, *rows]) + "\n"


# Lists


def test_lists_have_the_split_of_files(tmp_path: Path) -> None:
    put(tmp_path / "validation_list.txt", "yes/a_nohash_0.wav\r\n\r\nno/b_nohash_0.wav\r\n")
    put(tmp_path / "testing_list.txt", "yes/c_nohash_0.wav")
    assert layouts.lists(tmp_path) == {
        "yes/a_nohash_0.wav": "validation",
        "no/b_nohash_0.wav": "validation",
        "yes/c_nohash_0.wav": "test",
    }


def test_a_testing_list_is_enough_and_a_validation_list_is_not(tmp_path: Path) -> None:
    assert layouts.lists(tmp_path) == {}
    path = put(tmp_path / "validation_list.txt", "yes/a.wav\n")
    with pytest.raises(UsageError, match=r"no testing_list\.txt"):
        layouts.lists(tmp_path)
    path.rename(tmp_path / "testing_list.txt")
    assert layouts.lists(tmp_path) == {"yes/a.wav": "test"}


def test_a_list_that_is_not_utf_8_is_named(tmp_path: Path) -> None:
    path = put(tmp_path / "testing_list.txt", b"T\xfcr/a.wav\n")
    with pytest.raises(UsageError, match="UTF-8") as caught:
        layouts.lists(tmp_path)
    assert str(path) in str(caught.value)


# Recordings without the word


@pytest.mark.parametrize(
    ("seconds", "window", "starts"),
    [
        (3.0, 1.0, [0.0, 1.0, 2.0]),
        (2.99, 1.0, [0.0, 1.0]),
        (1.0, 1.0, [0.0]),
        (0.99, 1.0, [None]),
        (3.0, 1.5, [0.0, 1.5]),
    ],
)
def test_windows_of_a_recording_have_no_gaps(
    tmp_path: Path,
    write_clip: WriteClip,
    seconds: float,
    window: float,
    starts: list[float | None],
) -> None:
    path = write_clip(tmp_path / "talk/deep/a.wav", seconds=seconds, rate=8_000)
    clips, skipped = layouts.recording_clips(tmp_path / "talk", window)
    assert [clip.start for clip in clips] == starts
    assert skipped == []
    for clip in clips:
        assert clip.file == clip.speaker == "talk/deep/a.wav"
        assert clip.path == path
    assert len({clip.name for clip in clips}) == len(clips)


def test_no_folder_has_the_label_of_a_recording(tmp_path: Path, write_clip: WriteClip) -> None:
    # A folder of negative speech may have the word's own name.
    write_clip(tmp_path / "yes/a.wav")
    assert "/" in layouts.recording_clips(tmp_path / "yes", 1.0)[0][0].label


def test_broken_recordings_are_left_to_the_decoder(tmp_path: Path) -> None:
    put(tmp_path / "talk/bad.wav", "no sound")
    put(tmp_path / "talk/read.me", "no sound")
    clips, skipped = layouts.recording_clips(tmp_path / "talk", 1.0)
    assert [(clip.file, clip.start) for clip in clips] == [("talk/bad.wav", None)]
    assert skipped == [Skipped("talk/read.me", "not a sound file (.me)")]


@pytest.mark.parametrize("frames", [0, 2**36 - 1], ids=["streamed", "absurd"])
def test_a_recording_of_unknown_length_is_skipped(
    tmp_path: Path, write_clip: WriteClip, frames: int
) -> None:
    write_clip(tmp_path / "talk/good.flac", seconds=2.0)
    path = write_clip(tmp_path / "talk/odd.flac", seconds=2.0)
    content = bytearray(path.read_bytes())
    fields = int.from_bytes(content[18:26], "big")
    content[18:26] = ((fields >> 36 << 36) | frames).to_bytes(8, "big")
    path.write_bytes(content)
    assert soundfile.info(path).duration > 1e6
    clips, skipped = layouts.recording_clips(tmp_path / "talk", 1.0)
    assert [clip.file for clip in clips] == ["talk/good.flac"] * 2
    assert [row.file for row in skipped] == ["talk/odd.flac"]
    assert "its header does not say how long" in skipped[0].reason


def test_a_folder_of_recordings_must_have_one(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no such folder"):
        layouts.recording_clips(tmp_path / "absent", 1.0)
    put(tmp_path / "talk/notes.txt")
    with pytest.raises(UsageError, match="no sound file"):
        layouts.recording_clips(tmp_path / "talk", 1.0)


def test_every_second_of_real_recordings_is_in_one_window(speech: Path) -> None:
    clips, skipped = layouts.recording_clips(speech / "continuous", 1.0)
    sounds = sorted((speech / "continuous").glob("*.flac"))
    assert len(sounds) == 125
    assert skipped == [] or all("not a sound file" in row.reason for row in skipped)
    seconds = [int(np.floor(soundfile.info(path).duration)) for path in sounds]
    assert len(clips) == sum(seconds)
    for path, count in zip(sounds, seconds, strict=True):
        starts = [clip.start for clip in clips if clip.path == path]
        assert starts == [float(second) for second in range(count)]
