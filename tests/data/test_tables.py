"""Tables are read by their rules, every row is a clip or is named, and a fault is named."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.data.test_layouts import listing, put

from stapes.data.clip import Clip, Skipped
from stapes.data.tables import table_clips, tables_ending
from stapes.errors import UsageError

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
    splits, skipped = table_clips(csv_root, "yes")
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
    splits, _ = table_clips(csv_root, "yes")
    assert {split: len(clips) for split, clips in splits.items()} == {
        "train": 2,
        "validation": 0,
        "test": 1,
    }


def test_validation_csv_is_another_name_of_val_csv(csv_root: Path) -> None:
    before, _ = table_clips(csv_root, "yes")
    (csv_root / "val.csv").rename(csv_root / "validation.csv")
    assert table_clips(csv_root, "yes")[0] == before


@pytest.mark.parametrize("missing", ["train.csv", "test.csv"])
def test_the_other_two_csv_files_are_needed(csv_root: Path, missing: str) -> None:
    (csv_root / missing).unlink()
    assert tables_ending(csv_root) == ".csv"
    with pytest.raises(UsageError, match=f"no {missing}"):
        table_clips(csv_root, "yes")


def test_a_folder_without_these_csv_files_has_another_layout(tmp_path: Path) -> None:
    put(tmp_path / "yes/a.wav")
    put(tmp_path / "metadata.csv", listing("yes/a.wav,yes,ann"))
    assert tables_ending(tmp_path) is None


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
    splits, skipped = table_clips(csv_root, "yes")
    assert splits["train"] == [Clip("yes/a.wav", csv_root / "yes/a.wav", "yes", "ann")]
    assert skipped == []


def test_a_label_may_hold_a_comma_and_letters_of_any_script(csv_root: Path) -> None:
    put(csv_root / "train.csv", listing('yes/a.wav,"hey, نعم",ann'))
    assert table_clips(csv_root, "yes")[0]["train"][0].label == "hey, نعم"


@pytest.mark.parametrize("row", ["yes/a.wav,yes,", "yes/a.wav,yes"])
def test_the_speaker_may_be_omitted(csv_root: Path, row: str) -> None:
    put(csv_root / "train.csv", listing(row))
    assert table_clips(csv_root, "yes")[0]["train"][0].speaker is None


def test_without_the_column_the_speaker_is_read_from_the_name(csv_root: Path) -> None:
    put(csv_root / "yes/0a7c2a8d_nohash_1.wav")
    put(csv_root / "train.csv", listing("yes/0a7c2a8d_nohash_1.wav,yes", head="file,label"))
    assert table_clips(csv_root, "yes")[0]["train"][0].speaker == "0a7c2a8d"


@pytest.mark.parametrize(
    "text",
    ["", "yes/a.wav,yes,ann\n", listing("a", head="file"), listing("a", head="label,speaker")],
    ids=["empty", "no heading", "no label", "no file"],
)
def test_a_csv_file_without_its_columns_is_named(csv_root: Path, text: str) -> None:
    path = put(csv_root / "test.csv", text)
    with pytest.raises(UsageError, match="must name the columns file,label,speaker") as caught:
        table_clips(csv_root, "yes")
    assert str(path) in str(caught.value)


def test_a_csv_file_that_is_not_utf_8_is_named(csv_root: Path) -> None:
    path = put(csv_root / "test.csv", listing("no/d.wav,Tür,cyd").encode("latin-1"))
    with pytest.raises(UsageError, match="UTF-8") as caught:
        table_clips(csv_root, "yes")
    assert str(path) in str(caught.value)


def test_listed_files_that_are_missing_are_skipped(csv_root: Path) -> None:
    put(csv_root / "test.csv", listing("no/d.wav,no,cyd", "no/absent.wav,no,cyd", "no,no,cyd"))
    splits, skipped = table_clips(csv_root, "yes")
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
    splits, skipped = table_clips(root, "yes")
    assert [clip.file for clip in splits["train"]] == ["yes/a.wav"]
    assert skipped == [Skipped(file, "its path leaves the folder")]


@pytest.mark.parametrize("delimiter", [";", "\t"])
def test_other_delimiters_and_names_of_columns(csv_root: Path, delimiter: str) -> None:
    rows = ["Filename,Text,client_id", "yes\\a.wav,yes,ann"]
    put(csv_root / "train.csv", "\n".join(rows).replace(",", delimiter))
    splits, skipped = table_clips(csv_root, "yes")
    assert splits["train"] == [Clip("yes/a.wav", csv_root / "yes/a.wav", "yes", "ann")]
    assert skipped == []


@pytest.mark.parametrize("folder", ["{root}", "C:\\Users\\ann\\{name}", "/home/ann/{name}"])
def test_absolute_paths_of_this_computer_and_of_another(csv_root: Path, folder: str) -> None:
    folder = folder.format(root=csv_root, name=csv_root.name)
    file = f"{folder}\\yes\\a.wav" if "\\" in folder else f"{folder}/yes/a.wav"
    put(csv_root / "train.csv", listing(f"{file},yes,"))
    splits, skipped = table_clips(csv_root, "yes")
    assert [clip.file for clip in splits["train"]] == ["yes/a.wav"]
    assert skipped == []


def test_a_quote_that_is_not_closed_is_named_and_takes_no_row(csv_root: Path) -> None:
    put(csv_root / "train.csv", listing('yes/a.wav,"yes,ann', "no/c.wav,no,ann"))
    with pytest.raises(UsageError, match=r"train\.csv, line 2: .*close its quotes"):
        table_clips(csv_root, "yes")


@pytest.mark.parametrize(
    ("row", "name", "reason"),
    [
        ("yes/a.wav,,ann", "yes/a.wav", "train.csv, line 2 has no label for it"),
        (",yes,ann", "train.csv, line 2", "it names no file"),
        ("yes/a.wav", "yes/a.wav", "train.csv, line 2 has no label for it"),
        (f"yes/{'a' * 300}.wav,yes,ann", f"yes/{'a' * 300}.wav", "its name is too long"),
        ("yes/a.wav,oh yes please,ann", "yes/a.wav", "train.csv, line 2 has the word in a sente"),
    ],
)
def test_a_row_that_is_no_clip_is_named(csv_root: Path, row: str, name: str, reason: str) -> None:
    put(csv_root / "train.csv", listing(row, "yes/b.wav,yes,bob"))
    splits, [skipped] = table_clips(csv_root, "yes")
    assert [clip.file for clip in splits["train"]] == ["yes/b.wav"]
    assert skipped.file == name
    assert skipped.reason.startswith(reason)


def test_a_field_of_any_length_ends_no_command(csv_root: Path) -> None:
    put(csv_root / "train.csv", listing(f"{'a' * 140_000},yes,ann"))
    with pytest.raises(UsageError, match=r"line 2: field larger than field limit"):
        table_clips(csv_root, "yes")


def test_common_voice(tmp_path: Path) -> None:
    """A sentence with a quotation mark is one row; a clip's label is its sentence."""
    head = "client_id\tpath\tsentence\tup_votes\n"
    for name in "abcd":
        put(tmp_path / f"clips/{name}.mp3")
    put(tmp_path / "train.tsv", head + 'ann\ta.mp3\tHey!\t2\nbob\tb.mp3\tShe said "no\t1\n')
    put(tmp_path / "dev.tsv", head + "cyd\tc.mp3\tHey you\t2\n")
    put(tmp_path / "test.tsv", head + "dan\td.mp3\they\t2\n")
    splits, skipped = table_clips(tmp_path, "hey")
    assert [(clip.file, clip.label, clip.speaker) for clip in splits["train"]] == [
        ("clips/a.mp3", "Hey!", "ann"),
        ("clips/b.mp3", 'She said "no', "bob"),
    ]
    assert [clip.label for clip in splits["test"]] == ["hey"]
    assert [part.file for part in skipped] == ["c.mp3"]


def test_json_lines_as_nemo_writes_them(tmp_path: Path) -> None:
    put(tmp_path / "yes/a.wav")
    row = {"audio_filepath": str(tmp_path / "yes/a.wav"), "duration": 1.0, "command": "yes"}
    put(tmp_path / "train_manifest.json", json.dumps({**row, "offset": 2.5}) + "\n\n")
    put(tmp_path / "test_manifest.json", json.dumps(row))
    splits, skipped = table_clips(tmp_path, "yes")
    assert [(clip.file, clip.label, clip.start) for clip in splits["train"]] == [
        ("yes/a.wav", "yes", 2.5)
    ]
    assert splits["test"][0].start is None
    assert skipped == []
    put(tmp_path / "test_manifest.json", "[" * 100_000)
    with pytest.raises(UsageError, match=r"test_manifest\.json, line 1: write one"):
        table_clips(tmp_path, "yes")
