"""Each layout is read by its rules, and a fault is named."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from stapes.data import layouts
from stapes.data.clip import Clip, Skipped
from stapes.errors import UsageError

WriteClip = Callable[..., Path]


def put(path: Path, content: str | bytes = b"") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def listing(*rows: str, head: str = "file,label,speaker") -> str:
    return "\n".join([head, *rows]) + "\n"


# CSV files


@pytest.fixture
def csv_root(tmp_path: Path) -> Path:
    """Four clips of three speakers, listed in three files."""
    for name in ("yes/a.wav", "yes/b.wav", "no/c.wav", "no/d.wav"):
        put(tmp_path / name)
    put(tmp_path / "train.csv", listing("yes/a.wav,yes,ann", "no/c.wav,no,ann"))
    put(tmp_path / "val.csv", listing("yes/b.wav,yes,bob"))
    put(tmp_path / "test.csv", listing("no/d.wav,no,cyd"))
    return tmp_path


def test_csv_files_have_split_label_and_speaker(csv_root: Path) -> None:
    splits, skipped = layouts.csv_clips(csv_root)
    assert splits == {
        "train": [
            Clip("yes/a.wav", csv_root / "yes/a.wav", "yes", "ann"),
            Clip("no/c.wav", csv_root / "no/c.wav", "no", "ann"),
        ],
        "validation": [Clip("yes/b.wav", csv_root / "yes/b.wav", "yes", "bob")],
        "test": [Clip("no/d.wav", csv_root / "no/d.wav", "no", "cyd")],
    }
    assert skipped == []


def test_without_val_csv_no_clip_is_for_validation(csv_root: Path) -> None:
    (csv_root / "val.csv").unlink()
    splits, _ = layouts.csv_clips(csv_root)
    assert {split: len(clips) for split, clips in splits.items()} == {
        "train": 2,
        "validation": 0,
        "test": 1,
    }


def test_validation_csv_is_another_name_of_val_csv(csv_root: Path) -> None:
    before, _ = layouts.csv_clips(csv_root)
    (csv_root / "val.csv").rename(csv_root / "validation.csv")
    assert layouts.csv_clips(csv_root)[0] == before


@pytest.mark.parametrize("missing", ["train.csv", "test.csv"])
def test_the_other_two_csv_files_are_needed(csv_root: Path, missing: str) -> None:
    (csv_root / missing).unlink()
    assert layouts.has_csv(csv_root)
    with pytest.raises(UsageError, match=f"no {missing}"):
        layouts.csv_clips(csv_root)


def test_a_folder_without_these_csv_files_has_another_layout(tmp_path: Path) -> None:
    put(tmp_path / "yes/a.wav")
    put(tmp_path / "metadata.csv", listing("yes/a.wav,yes,ann"))
    assert not layouts.has_csv(tmp_path)


@pytest.mark.parametrize(
    "text",
    [
        "\ufeff" + listing("yes/a.wav,yes,ann"),
        listing("yes/a.wav,yes,ann").replace("\n", "\r\n"),
        listing("ann,yes/a.wav,0.93,yes", head="speaker,file,score,label"),
        listing("yes/a.wav,yes,ann", "", ",,"),
        listing('"yes/a.wav","yes","ann"'),
        listing("./yes/a.wav,yes,ann"),
    ],
    ids=["byte order mark", "line ends", "columns", "empty lines", "quotes", "./"],
)
def test_csv_files_as_programs_write_them(csv_root: Path, text: str) -> None:
    put(csv_root / "train.csv", text)
    splits, skipped = layouts.csv_clips(csv_root)
    assert splits["train"] == [Clip("yes/a.wav", csv_root / "yes/a.wav", "yes", "ann")]
    assert skipped == []


def test_a_label_may_hold_a_comma_and_letters_of_any_script(csv_root: Path) -> None:
    put(csv_root / "train.csv", listing('yes/a.wav,"hey, نعم",ann'))
    assert layouts.csv_clips(csv_root)[0]["train"][0].label == "hey, نعم"


@pytest.mark.parametrize("row", ["yes/a.wav,yes,", "yes/a.wav,yes"])
def test_the_speaker_may_be_omitted(csv_root: Path, row: str) -> None:
    put(csv_root / "train.csv", listing(row))
    assert layouts.csv_clips(csv_root)[0]["train"][0].speaker is None


def test_without_the_column_the_speaker_is_read_from_the_name(csv_root: Path) -> None:
    put(csv_root / "yes/0a7c2a8d_nohash_1.wav")
    put(csv_root / "train.csv", listing("yes/0a7c2a8d_nohash_1.wav,yes", head="file,label"))
    assert layouts.csv_clips(csv_root)[0]["train"][0].speaker == "0a7c2a8d"


@pytest.mark.parametrize(
    "text",
    ["", "yes/a.wav,yes,ann\n", listing("a", head="file"), listing("a", head="label,speaker")],
    ids=["empty", "no heading", "no label", "no file"],
)
def test_a_csv_file_without_its_columns_is_named(csv_root: Path, text: str) -> None:
    path = put(csv_root / "test.csv", text)
    with pytest.raises(UsageError, match="must name the columns file,label,speaker") as caught:
        layouts.csv_clips(csv_root)
    assert str(path) in str(caught.value)


def test_a_csv_file_that_is_not_utf_8_is_named(csv_root: Path) -> None:
    path = put(csv_root / "test.csv", listing("no/d.wav,Tür,cyd").encode("latin-1"))
    with pytest.raises(UsageError, match="UTF-8") as caught:
        layouts.csv_clips(csv_root)
    assert str(path) in str(caught.value)


def test_listed_files_that_are_missing_are_skipped(csv_root: Path) -> None:
    put(csv_root / "test.csv", listing("no/d.wav,no,cyd", "no/absent.wav,no,cyd", "no,no,cyd"))
    splits, skipped = layouts.csv_clips(csv_root)
    assert [clip.file for clip in splits["test"]] == ["no/d.wav"]
    assert [row.file for row in skipped] == ["no/absent.wav", "no"]
    assert all(row.reason.startswith("missing") for row in skipped)


@pytest.mark.parametrize("file", ["../secret.wav", "yes/../../secret.wav", "{outside}/secret.wav"])
def test_a_path_that_leaves_the_folder_is_skipped(csv_root: Path, file: str) -> None:
    root = csv_root / "corpus"
    file = file.format(outside=csv_root)
    put(csv_root / "secret.wav")
    put(root / "yes/a.wav")
    put(root / "train.csv", listing("yes/a.wav,yes,ann", f"{file},yes,ann"))
    put(root / "test.csv", listing())
    splits, skipped = layouts.csv_clips(root)
    assert [clip.file for clip in splits["train"]] == ["yes/a.wav"]
    assert skipped == [Skipped(file, "its path leaves the folder")]


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
