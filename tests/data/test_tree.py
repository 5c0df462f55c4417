"""Trees of folders are read as people mean them, or refused; nothing is left out in silence."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.conftest import WriteClip
from tests.data.test_layouts import put

from stapes.data import layouts
from stapes.data.clip import Skipped
from stapes.data.corpus import load
from stapes.data.tree import Tree, read_tree
from stapes.errors import UsageError


def test_folders_are_labels_and_their_files_are_clips(tmp_path: Path) -> None:
    for name in ("yes/b.wav", "yes/a.FLAC", "no/deep/down/c.mp3", "hey computer/d.ogg"):
        put(tmp_path / name)
    tree = read_tree(tmp_path, "yes")
    clips, skipped = tree.clips, tree.skipped
    assert [(clip.file, clip.label, clip.speaker, clip.start) for clip in clips] == [
        ("hey computer/d.ogg", "hey computer", None, None),
        ("no/deep/down/c.mp3", "no", None, None),
        ("yes/a.FLAC", "yes", None, None),
        ("yes/b.wav", "yes", None, None),
    ]
    assert all(clip.path == tmp_path / clip.file for clip in clips)
    assert skipped == []


@pytest.mark.parametrize(
    ("name", "speaker"),
    [
        ("0a7c2a8d_nohash_0.wav", "0a7c2a8d"),
        ("ann_bob_nohash_12.wav", "ann_bob"),
        ("_nohash_0.wav", None),
        ("0a7c2a8d_nohash_.wav", None),
        ("0a7c2a8d.wav", None),
        ("nohash.wav", None),
    ],
)
def test_the_speaker_is_before_nohash(tmp_path: Path, name: str, speaker: str | None) -> None:
    put(tmp_path / "yes" / name)
    assert read_tree(tmp_path, "yes").clips[0].speaker == speaker


def test_background_noise_and_hidden_files_are_no_clips(tmp_path: Path) -> None:
    for name in (
        "_background_noise_/pink.wav",
        ".trash/a.wav",
        "yes/.cache/b.wav",
        "yes/.c.wav",
        "yes/d.wav",
        "loose.wav",
    ):
        put(tmp_path / name)
    tree = read_tree(tmp_path, "yes")
    clips, skipped = tree.clips, tree.skipped
    assert [clip.file for clip in clips] == ["yes/d.wav"]
    assert [part.file for part in skipped] == ["_background_noise_/", "loose.wav"]


def test_files_that_are_no_sound_are_skipped(tmp_path: Path) -> None:
    for name in ("yes/a.wav", "yes/notes.txt", "yes/LICENSE"):
        put(tmp_path / name)
    tree = read_tree(tmp_path, "yes")
    clips, skipped = tree.clips, tree.skipped
    assert [clip.file for clip in clips] == ["yes/a.wav"]
    assert skipped == [
        Skipped("yes/LICENSE", "not a sound file (no ending)"),
        Skipped("yes/notes.txt", "not a sound file (.txt)"),
    ]


def test_a_folder_with_the_name_of_a_sound_is_a_folder(tmp_path: Path) -> None:
    put(tmp_path / "yes/x.wav/a.wav")
    assert [clip.file for clip in read_tree(tmp_path, "yes").clips] == ["yes/x.wav/a.wav"]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_pipes_are_skipped_without_waiting(tmp_path: Path, write_clip: WriteClip) -> None:
    write_clip(tmp_path / "yes/a.wav")
    os.mkfifo(tmp_path / "yes/pipe.wav")
    tree = read_tree(tmp_path, "yes")
    for clips, skipped in (
        (tree.clips, tree.skipped),
        layouts.recording_clips(tmp_path / "yes", 1.0),
    ):
        assert [clip.file for clip in clips] == ["yes/a.wav"]
        assert skipped == [Skipped("yes/pipe.wav", "a pipe or device, not a file")]


@pytest.mark.parametrize("place", [b"yes/caf\xe9.wav", b"caf\xe9/a.wav"])
def test_names_that_are_not_utf_8_are_skipped(tmp_path: Path, place: bytes) -> None:
    path = os.fsencode(tmp_path) + b"/" + place
    try:
        os.makedirs(os.path.dirname(path), exist_ok=True)  # noqa: PTH103, PTH120
        with open(path, "wb"):  # noqa: PTH123
            pass
    except OSError as error:
        pytest.skip(f"this file system takes no such name ({error})")
    tree = read_tree(tmp_path, "yes")
    clips, skipped = tree.clips, tree.skipped
    assert clips == []
    printable = place.replace(b"\xe9", b"?").decode()
    assert skipped == [Skipped(printable, "its name is not UTF-8; rename it")]


# Layouts that people have


def tree_of(root: Path, files: str, word: str | None = "computer", **options: Any) -> Tree:
    """The tree of files like `folder/*3`: three sound files in it."""
    for entry in files.split():
        folder, _, count = entry.partition("*")
        for number in range(int(count)):
            put(root / f"{folder}{number}.wav")
    return read_tree(root, word, **options)


def words(tree: Tree) -> set[str]:
    """The folders of clips with the word."""
    return {str(Path(clip.file).parent) for clip in tree.clips if clip.label == "computer"}


def others(tree: Tree) -> set[str]:
    return {str(Path(clip.file).parent) for clip in tree.clips if clip.label != "computer"}


def test_near_misses_below_the_words_folder_are_not_the_word(tmp_path: Path) -> None:
    tree = tree_of(tmp_path, "computer/wake-word/en/*3 computer/not-wake-words/en/*2")
    assert words(tree) == {"computer/wake-word/en"}
    assert others(tree) == {"computer/not-wake-words/en"}
    assert tree.understood == [
        "computer/wake-word/: 3 clips, the word",
        "computer/not-wake-words/: 2 clips, without the word",
    ]


def test_mycroft_precise(tmp_path: Path) -> None:
    tree = tree_of(
        tmp_path, "wake-word/*4 not-wake-word/*3 test/wake-word/*2 test/not-wake-word/*1"
    )
    assert words(tree) == {"wake-word", "test/wake-word"}
    assert others(tree) == {"not-wake-word", "test/not-wake-word"}
    assert tree.splits == {
        "test/wake-word/0.wav": "test",
        "test/wake-word/1.wav": "test",
        "test/not-wake-word/0.wav": "test",
    }
    assert "test/wake-word/: 2 clips, the word for the test" in tree.understood
    corpus = load(tmp_path, "computer", validation=0.5, test=0.5)
    assert {clip.file for clip in corpus.splits["test"]} == set(tree.splits)
    assert sum(map(len, corpus.splits.values())) == 10


def test_open_wake_word(tmp_path: Path) -> None:
    folders = "positive_train/*3 positive_test/*2 negative_train/*3 negative_test/*1"
    tree = tree_of(tmp_path, folders)
    assert words(tree) == {"positive_train", "positive_test"}
    assert others(tree) == {"negative_train", "negative_test"}
    assert {tree.splits[clip.file] for clip in tree.clips} == {"train", "test"}


@pytest.mark.parametrize("names", ["train val test", "training validation testing"])
def test_a_folder_for_each_split(tmp_path: Path, names: str) -> None:
    train, validation, test = names.split()
    tree_of(tmp_path, f"{train}/computer/*4 {train}/no/*4 {test}/computer/*2 {test}/no/*2")
    tree = tree_of(tmp_path, f"{validation}/computer/*1 {validation}/no/*1")
    assert words(tree) == {f"{name}/computer" for name in names.split()}
    corpus = load(tmp_path, "computer")
    assert [len(corpus.splits[split]) for split in ("train", "validation", "test")] == [8, 2, 4]
    assert corpus.split_rule == "as the folders' names say"


def test_edge_impulse_has_the_label_in_the_files_name(tmp_path: Path) -> None:
    for name in ("training/computer.1a.wav", "training/no.2b.s3.wav", "testing/computer.4c.wav"):
        put(tmp_path / name)
    tree = read_tree(tmp_path, "computer")
    assert {clip.file: clip.label for clip in tree.clips} == {
        "training/computer.1a.wav": "computer",
        "training/no.2b.s3.wav": "no",
        "testing/computer.4c.wav": "computer",
    }
    assert tree.splits["testing/computer.4c.wav"] == "test"


def test_clips_in_no_folder_are_all_the_word_and_need_negatives(tmp_path: Path) -> None:
    tree = tree_of(tmp_path / "data", "*5")
    assert [clip.label for clip in tree.clips] == ["computer"] * 5
    with pytest.raises(UsageError, match=r"every clip has 'computer'. Give speech without it"):
        load(tmp_path / "data", "computer")


def test_names_that_say_two_things_are_refused_with_both_readings(tmp_path: Path) -> None:
    for name in ("computer_1.wav", "computer_2.wav", "jarvis_1.wav"):
        put(tmp_path / name)
    with pytest.raises(UsageError, match=r"either all are 'computer', or only the 2 with it"):
        read_tree(tmp_path, "computer")


def test_clips_beside_folders_and_linked_folders_are_named(tmp_path: Path) -> None:
    put(tmp_path / "elsewhere/a.wav")
    root = tmp_path / "data"
    put(root / "loose.wav")
    put(root / "memo.m4a")
    put(root / "README.md")
    put(root / "no/b.wav")
    put(root / "computer/c.wav")
    (root / "computer/more").symlink_to(tmp_path / "elsewhere")
    tree = read_tree(root, "computer")
    assert len(tree.clips) == 2
    assert {part.file: part.reason.split(";")[0] for part in tree.skipped} == {
        "loose.wav": "in no folder of a label",
        "memo.m4a": ".m4a is not read",
        "computer/more/": "a link to a folder",
    }


def test_a_language_above_the_labels(tmp_path: Path) -> None:
    tree = tree_of(tmp_path, "en/computer/*2 en/no/*2 de/computer/*1 de/nein/*1")
    assert words(tree) == {"en/computer", "de/computer"}
    assert {clip.label for clip in tree.clips} == {"computer", "no", "nein"}


def test_folders_below_the_labels_are_speakers_if_there_are_many(tmp_path: Path) -> None:
    people = ["ann", "bob", "cyd", "dan", "eve", "fay"]
    tree = tree_of(tmp_path, " ".join(f"computer/{p}/*3 no/{p}/*2" for p in people))
    assert {(clip.file.split("/")[1], clip.speaker) for clip in tree.clips} == {
        (name, name) for name in people
    }
    assert tree.understood[-1] == "6 folders such as ann/ below the labels: a speaker each"
    corpus = load(tmp_path, "computer", test=0.3)
    assert not corpus.shared_speakers


def test_a_name_that_begins_with_the_label_tells_the_same_speaker(tmp_path: Path) -> None:
    for name in ("computer/computer_ann_nohash_0", "no/no_ann_nohash_1", "no/bob_nohash_0"):
        put(tmp_path / f"{name}.wav")
    speakers = [clip.speaker for clip in read_tree(tmp_path, "computer").clips]
    assert speakers == ["ann", "bob", "ann"]


@pytest.mark.parametrize(
    "files",
    [
        "computer/en/*9 computer/de/*9 no/en/*9",
        "computer/a/*9 no/b/*1 no/c/*1 no/d/*1 no/e/*1 no/f/*1",
        "computer/*9 no/a/*1 no/b/*1 no/c/*1 no/d/*1 no/e/*1",
    ],
)
def test_few_or_large_folders_below_the_labels_are_no_speakers(tmp_path: Path, files: str) -> None:
    assert {clip.speaker for clip in tree_of(tmp_path, files).clips} == {None}


@pytest.mark.parametrize(
    ("files", "readings"),
    [
        ("computer/*2 jarvis/computer/*1", "jarvis/computer/ may be the word as computer/, or a p"),
        ("no/*1 no/computer/*2", "no/computer/ may be the word, or a part of the label no/"),
        ("negative/computer/*2 yes/*1", "the word, or without it as negative/"),
        ("computer/*2 wake-word/*2 no/*2", "wake-word/ may be the word as computer/, or not"),
    ],
)
def test_trees_with_two_readings_are_refused(tmp_path: Path, files: str, readings: str) -> None:
    with pytest.raises(UsageError, match=readings) as caught:
        tree_of(tmp_path, files)
    assert "positive_dir" in str(caught.value)


def test_a_word_with_the_name_of_a_split_and_folders_of_splits(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"test/ may be the word, or the clips of a split"):
        tree_of(tmp_path, "train/test/*3 train/no/*3 test/test/*2 test/no/*2", word="test")


def test_noise_below_a_split_is_no_label(tmp_path: Path) -> None:
    tree = tree_of(tmp_path, "train/computer/*2 train/no/*2 train/_background_noise_/*1")
    assert len(tree.clips) == 4
    assert [part.file for part in tree.skipped] == ["train/_background_noise_/"]


def test_the_same_folder_for_both_classes_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="the same folder"):
        tree_of(tmp_path, "a/*2 b/*2", positive=Path("a"), negative=Path("a"))


def test_lists_and_folders_of_splits_are_refused(tmp_path: Path) -> None:
    tree_of(tmp_path, "computer/*2 no/*2 test/computer/*2 test/no/*2")
    put(tmp_path / "testing_list.txt", "computer\\0.wav\n")
    with pytest.raises(UsageError, match="lists of splits, and folders of splits"):
        load(tmp_path, "computer")


def test_lists_with_backslashes(tmp_path: Path) -> None:
    tree_of(tmp_path, "computer/*2 no/*2")
    put(tmp_path / "testing_list.txt", "computer\\0.wav\nno\\1.wav\n")
    corpus = load(tmp_path, "computer")
    assert {clip.file for clip in corpus.splits["test"]} == {"computer/0.wav", "no/1.wav"}


def test_options_override_names(tmp_path: Path) -> None:
    files = "computer/*2 wake-word/*3 no/*2 no/computer/*1 more/*1"
    options: dict[str, Any] = {"positive": Path("wake-word"), "negative": tmp_path / "no"}
    tree = tree_of(tmp_path, files, **options)
    assert words(tree) == {"wake-word"}
    assert others(tree) == {"no", "no/computer"}
    assert {part.file for part in tree.skipped} == {
        "computer/0.wav",
        "computer/1.wav",
        "more/0.wav",
    }
    with pytest.raises(UsageError, match="nothing: there is no such folder in"):
        read_tree(tmp_path, "computer", positive=Path("nothing"))


def test_a_word_that_is_the_name_of_a_split_or_a_role(tmp_path: Path) -> None:
    tree = tree_of(tmp_path, "test/*2 train/*2 other/*1", word="test")
    assert {clip.label for clip in tree.clips if clip.file.startswith("test/")} == {"test"}


NAMES = st.sampled_from(
    ["computer", "no", "wake-word", "not-wake-word", "test", "train", "en", "ann", "negative"]
)


@given(st.lists(st.lists(NAMES, max_size=3), min_size=1, max_size=6))
def test_every_file_is_a_clip_or_named_or_the_tree_is_refused(
    tmp_path_factory: pytest.TempPathFactory, folders: list[list[str]]
) -> None:
    root = tmp_path_factory.mktemp("tree")
    for number, folder in enumerate(folders):
        put(root.joinpath(*folder) / f"{number}.wav")
    try:
        tree = read_tree(root, "computer")
    except UsageError as error:
        assert " may be the word" in str(error)  # noqa: PT017
        return
    used = [clip.file for clip in tree.clips] + [part.file for part in tree.skipped]
    assert sorted(used) == sorted(path.relative_to(root).as_posix() for path in root.rglob("*.wav"))


def test_vowel_signs_tell_words_apart(tmp_path: Path) -> None:
    """Hindi: ki and ki with a long vowel; Thai: two words with other vowel signs."""
    for one, two in (("\u0915\u093f", "\u0915\u0940"), ("\u0e01\u0e34", "\u0e01\u0e35")):
        for label in (one, two):
            put(tmp_path / label / "a.wav")
        tree = read_tree(tmp_path, one)
        assert [clip.file for clip in tree.clips if clip.label == one] == [f"{one}/a.wav"]
