"""Every clip is in one split, and no speaker, recording or sound is in two."""

from __future__ import annotations

import hashlib
import os
import random
import re
import shutil
import unicodedata
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from stapes.data import corpus
from stapes.data.clip import SPLITS, Clip
from stapes.data.corpus import Corpus, load
from stapes.data.splitting import is_word
from stapes.errors import UsageError

WriteClip = Callable[..., Path]


def put(path: Path, content: str | bytes | None = None) -> Path:
    """A file, its own name in it if nothing else: nothing is decoded here."""
    path.parent.mkdir(parents=True, exist_ok=True)
    content = "/".join(path.parts[-2:]) if content is None else content
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def split_of(loaded: Corpus) -> dict[str, str]:
    """{file: split}; a file that is in two fails."""
    pairs = [(clip.name, split) for split, clips in loaded.splits.items() for clip in clips]
    assert len(dict(pairs)) == len(pairs)
    return dict(pairs)


def sizes(loaded: Corpus) -> tuple[int, ...]:
    return tuple(len(loaded.splits[split]) for split in SPLITS)


# The published rule of Speech Commands, written from its description: the speaker is the part
# before "_nohash_" of the file's name, its SHA-1 a number in one of 2**27 places.
def which_set(filename: str, validation_percentage: float, testing_percentage: float) -> str:
    most = 2**27 - 1
    speaker = re.sub(r"_nohash_.*$", "", os.path.basename(filename))  # noqa: PTH119
    place = int(hashlib.sha1(speaker.encode("utf-8")).hexdigest(), 16) % (most + 1)
    percentage = place * (100.0 / most)
    if percentage < validation_percentage:
        return "validation"
    if percentage < testing_percentage + validation_percentage:
        return "test"
    return "train"


@pytest.fixture(scope="module")
def spoken(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """800 clips of 400 invented speakers, most of them with names as in Speech Commands."""
    root = tmp_path_factory.mktemp("spoken")
    rng = random.Random(3)
    speakers = [f"{rng.getrandbits(32):08x}" for _ in range(300)]
    letters = "abcdefghijklmnopqrstuvwxyz_- .0123456789éüßяж漢字نعم"
    while len(speakers) < 400:
        speakers.append(f"{len(speakers)}" + "".join(rng.choices(letters, k=rng.randrange(1, 12))))
    for speaker in speakers:
        put(root / "yes" / f"{speaker}_nohash_0.wav")
        put(root / "no" / f"{speaker}_nohash_{rng.randrange(9)}.wav")
    return root


@pytest.mark.parametrize("percent", [(10, 20), (10, 10), (0, 20), (25, 50), (33.3, 0.5)])
def test_speakers_are_split_by_the_published_rule(
    spoken: Path, percent: tuple[float, float]
) -> None:
    validation, test = percent
    loaded = load(spoken, "yes", validation=validation / 100, test=test / 100)
    splits = split_of(loaded)
    assert len(splits) == 800
    assert splits == {file: which_set(file, validation, test) for file in splits}
    assert loaded.split_rule == "by a hash of the speaker"
    assert not loaded.shared_speakers


def test_the_splits_have_about_their_shares(spoken: Path) -> None:
    train, validation, test = sizes(load(spoken, "yes", validation=0.1, test=0.2))
    assert abs(validation - 80) < 40
    assert abs(test - 160) < 60
    assert train + validation + test == 800


def test_new_clips_do_not_move_others(tmp_path: Path) -> None:
    for number in range(40):
        put(tmp_path / "yes" / f"speaker{number}_nohash_0.wav")
        put(tmp_path / "no" / f"{number}.wav")
    before = split_of(load(tmp_path, "yes"))
    for number in range(40, 90):
        put(tmp_path / "yes" / f"speaker{number}_nohash_0.wav")
        put(tmp_path / "more" / f"{number}.wav")
    after = split_of(load(tmp_path, "yes"))
    assert len(after) == 180
    assert {file: after[file] for file in before} == before


# The hash of the content


@pytest.fixture
def unnamed(tmp_path: Path) -> Path:
    """60 clips without a speaker."""
    for number in range(60):
        put(tmp_path / ("yes", "no")[number % 2] / f"{number}.wav", f"sound {number}")
    return tmp_path


def test_clips_without_speakers_are_split_by_content(unnamed: Path) -> None:
    loaded = load(unnamed, "yes", validation=0.3, test=0.3)
    assert min(sizes(loaded)) > 5
    assert loaded.shared_speakers
    assert "speakers may be shared" in loaded.split_rule


def test_a_new_name_does_not_move_a_clip(unnamed: Path) -> None:
    before = split_of(load(unnamed, "yes", validation=0.3, test=0.3))
    for path in sorted(unnamed.glob("yes/*.wav")):
        path.rename(path.with_name(f"new {path.name}"))
    after = split_of(load(unnamed, "yes", validation=0.3, test=0.3))
    assert {file.replace("new ", ""): split for file, split in after.items()} == before


def test_two_copies_of_a_clip_are_in_one_split(unnamed: Path) -> None:
    for path in sorted(unnamed.glob("*/*.wav")):
        put(unnamed / "copies" / f"again {path.name}", path.read_bytes())
    splits = split_of(load(unnamed, "yes", validation=0.3, test=0.3))
    assert len(splits) == 120
    for number in range(60):
        word = ("yes", "no")[number % 2]
        assert splits[f"{word}/{number}.wav"] == splits[f"copies/again {number}.wav"]


def test_a_file_that_cannot_be_read_is_skipped(unnamed: Path) -> None:
    (unnamed / "yes/broken link.wav").symlink_to(unnamed / "absent.wav")
    loaded = load(unnamed, "yes")
    assert sum(sizes(loaded)) == 60
    assert [row.file for row in loaded.skipped] == ["yes/broken link.wav"]
    assert "No such file" in loaded.skipped[0].reason


# Lists and CSV files


def test_lists_have_the_split_and_other_clips_are_for_training(tmp_path: Path) -> None:
    for word in ("yes", "no"):
        for speaker in "abcd":
            put(tmp_path / word / f"{speaker}_nohash_0.wav")
    put(tmp_path / "_background_noise_/pink.wav")
    put(tmp_path / "validation_list.txt", "yes/a_nohash_0.wav\nno/a_nohash_0.wav\n")
    put(tmp_path / "testing_list.txt", "yes/b_nohash_0.wav\nno/b_nohash_0.wav\nno/gone.wav\n")
    loaded = load(tmp_path, "yes", validation=0.9, test=0.0)
    splits = split_of(loaded)
    assert {file for file, split in splits.items() if split == "validation"} == {
        "yes/a_nohash_0.wav",
        "no/a_nohash_0.wav",
    }
    assert {file for file, split in splits.items() if split == "test"} == {
        "yes/b_nohash_0.wav",
        "no/b_nohash_0.wav",
    }
    assert sizes(loaded) == (4, 2, 2)
    assert loaded.split_rule == "as validation_list.txt and testing_list.txt say"
    assert not loaded.shared_speakers


def csv_corpus(root: Path, **speakers: str) -> Path:
    """One CSV file a split, with a clip for each letter of its speakers."""
    for split, name in {"train": "train", "validation": "val", "test": "test"}.items():
        lines = ["file,label,speaker"]
        for number, speaker in enumerate(speakers[split]):
            file = f"{('yes', 'no')[number % 2]}/{split}{number}.wav"
            put(root / file)
            lines.append(f"{file},{file.split('/')[0]},{speaker.strip('-')}")
        put(root / f"{name}.csv", "\n".join(lines) + "\n")
    return root


def test_csv_files_are_the_splits(tmp_path: Path) -> None:
    loaded = load(csv_corpus(tmp_path, train="aabb", validation="c", test="dd"), "yes")
    assert sizes(loaded) == (4, 1, 2)
    assert all(file.split("/")[1].startswith(split) for file, split in split_of(loaded).items())
    assert loaded.split_rule == "as train.csv, val.csv and test.csv say"
    assert not loaded.shared_speakers
    assert loaded.speakers(list(loaded.splits["train"])) == 2


def test_speakers_that_csv_files_share_are_counted(tmp_path: Path) -> None:
    loaded = load(csv_corpus(tmp_path, train="aabb", validation="b", test="acd"), "yes")
    assert loaded.shared_speakers
    assert loaded.split_rule.endswith("; 2 speakers are in more than one split")


def test_a_clip_without_a_speaker_may_share_it(tmp_path: Path) -> None:
    loaded = load(csv_corpus(tmp_path, train="aa-", validation="b", test="cd"), "yes")
    assert loaded.shared_speakers
    assert loaded.speakers(list(loaded.splits["train"])) is None
    assert loaded.speakers(list(loaded.splits["test"])) == 2


def test_the_real_commands_have_their_18_6_and_6_speakers(speech: Path) -> None:
    loaded = load(speech / "commands", "yes")
    speakers = {split: {clip.speaker for clip in clips} for split, clips in loaded.splits.items()}
    assert {split: len(names) for split, names in speakers.items()} == {
        "train": 18,
        "validation": 6,
        "test": 6,
    }
    assert len(speakers["train"] | speakers["validation"] | speakers["test"]) == 30
    assert all(
        clip.speaker == clip.path.name[:8] for clips in loaded.splits.values() for clip in clips
    )
    assert sizes(loaded) == (1_800, 600, 600)
    assert [len(loaded.positives(split)) for split in SPLITS] == [180, 60, 60]
    assert not loaded.shared_speakers
    assert loaded.skipped == ()


def test_no_sound_of_the_real_wake_words_is_in_two_splits(speech: Path) -> None:
    loaded = load(speech / "wakewords", "computer")
    assert sum(sizes(loaded)) == 329 + 411 + 384
    homes: dict[str, set[str]] = {}
    for split, clips in loaded.splits.items():
        for clip in clips:
            digest = hashlib.md5(clip.path.read_bytes()).hexdigest()
            homes.setdefault(digest, set()).add(split)
    assert all(len(home) == 1 for home in homes.values())
    assert loaded.shared_speakers


# The word


@pytest.mark.parametrize(
    ("label", "word", "same"),
    [
        ("yes", "yes", True),
        ("Yes", "yES", True),
        ("hey_computer", "Hey Computer", True),
        ("hey-computer", "hey  computer", True),
        ("_hey computer_", "hey_-_computer", True),
        ("hey_computer", "Hey, computer!", True),
        ("straße", "STRASSE", True),
        (unicodedata.normalize("NFD", "café"), unicodedata.normalize("NFC", "café"), True),
        ("heycomputer", "hey computer", False),
        ("yes", "yess", False),
        ("yes", "", False),
        ("yes/", "yes", False),
        ("yes", None, False),
    ],
)
def test_a_label_is_the_word_in_any_case_and_spacing(
    label: str, word: str | None, same: bool
) -> None:
    assert is_word(label, word) is same


def test_positives_have_the_word_and_negatives_do_not(tmp_path: Path) -> None:
    for name in ("Hey_Computer/a.wav", "hey/b.wav", "computer/c.wav"):
        put(tmp_path / name)
    loaded = load(tmp_path, "hey computer", validation=0.0, test=0.0)
    assert [clip.file for clip in loaded.positives("train")] == ["Hey_Computer/a.wav"]
    assert {clip.file for clip in loaded.negatives("train")} == {"hey/b.wav", "computer/c.wav"}


def test_without_a_word_no_clip_is_positive(unnamed: Path) -> None:
    loaded = load(unnamed, None)
    assert [loaded.positives(split) for split in SPLITS] == [[], [], []]
    assert sum(len(loaded.negatives(split)) for split in SPLITS) == 60


def test_a_missing_word_is_named_with_the_labels(tmp_path: Path) -> None:
    for number in range(14):
        put(tmp_path / f"word{number:02}" / "a.wav")
    with pytest.raises(UsageError) as caught:
        load(tmp_path, "house")
    assert str(caught.value).startswith(f"{tmp_path} has no label house; ")
    assert "word00, word01" in str(caught.value)
    assert str(caught.value).endswith("word11 and more.")


@pytest.mark.parametrize("name", [None, "notes.txt", "_background_noise_/pink.wav"])
def test_a_folder_without_a_clip_is_named(tmp_path: Path, name: str | None) -> None:
    if name:
        put(tmp_path / name)
    with pytest.raises(UsageError, match="no folder in it holds a sound file") as caught:
        load(tmp_path, "yes")
    assert str(tmp_path) in str(caught.value)


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no such folder") as caught:
        load(tmp_path / "absent", "yes")
    assert str(tmp_path / "absent") in str(caught.value)
    with pytest.raises(UsageError, match=r"is no folder, and no \.zip"):
        load(put(tmp_path / "a.wav"), "yes")


# Recordings without the word


def without(folder: Path) -> Path:
    """The parent of a folder that is deleted."""
    shutil.rmtree(folder)
    return folder.parent


@pytest.fixture
def talk(tmp_path_factory: pytest.TempPathFactory, write_clip: WriteClip) -> Path:
    """40 recordings of three windows and two that are not."""
    folder = tmp_path_factory.mktemp("recordings") / "talk"
    for number in range(40):
        write_clip(folder / f"{number}.wav", seconds=3.2, rate=2_000)
    put(folder / "notes.txt")
    put(folder / "bad.wav", "no sound")
    return folder


def test_recordings_are_negative_and_never_cut_by_a_split(unnamed: Path, talk: Path) -> None:
    loaded = load(unnamed, "yes", negatives=talk, validation=0.3, test=0.3)
    homes: dict[str, list[str]] = {}
    for split, clips in loaded.splits.items():
        for clip in clips:
            if clip.file.startswith("talk/") and clip.file != "talk/bad.wav":
                assert not is_word(clip.label, "yes")
                homes.setdefault(clip.file, []).append(split)
    assert len(homes) == 40
    assert all(len(splits) == 3 for splits in homes.values())
    assert all(len(set(splits)) == 1 for splits in homes.values())
    assert Counter(splits[0] for splits in homes.values()).keys() == set(SPLITS)
    assert [(row.file, row.reason) for row in loaded.skipped] == [
        ("talk/notes.txt", "not a sound file (.txt)")
    ]


def test_recordings_move_no_clip(unnamed: Path, talk: Path) -> None:
    before = split_of(load(unnamed, "yes"))
    after = split_of(load(unnamed, "yes", negatives=talk))
    assert {file: after[file] for file in before} == before
    assert len(after) == len(before) + 40 * 3 + 1


@pytest.mark.parametrize(
    "names",
    [
        [f"{speaker}-{chapter}-000{n}" for speaker in range(61, 81) for chapter in (495, 12345)
         for n in (0, 7)],
        [f"R_{speaker:016}_{part}" for speaker in range(20) for part in ("names", "numbers")],
        [f"spk{speaker:03}_s00{n}_landline_005" for speaker in range(20) for n in (121, 124)],
    ],
    ids=["LibriSpeech", "participants", "telephone"],
)  # fmt: skip
def test_no_speaker_of_recordings_is_in_two_splits(
    unnamed: Path, tmp_path: Path, write_clip: WriteClip, names: list[str]
) -> None:
    for name in names:
        write_clip(tmp_path / "talk" / name[:5] / f"{name}.wav", seconds=2.1, rate=2_000)
    loaded = load(unnamed, "yes", negatives=tmp_path / "talk", validation=0.3, test=0.3)
    homes: dict[str | None, set[str]] = {}
    for split, clips in loaded.splits.items():
        for clip in clips:
            if clip.label == "talk/":
                homes.setdefault(clip.speaker, set()).add(split)
    assert len(homes) == 20
    assert all(len(splits) == 1 for splits in homes.values())
    assert set().union(*homes.values()) == set(SPLITS)


@pytest.mark.parametrize("name", ["2024-05-0{}", "05-11-202{}", "talk_{}"])
def test_a_date_is_no_speaker(
    unnamed: Path, tmp_path: Path, write_clip: WriteClip, name: str
) -> None:
    for number in range(3):
        write_clip(tmp_path / "talk" / f"{name.format(number)}.wav", seconds=1.1, rate=2_000)
    loaded = load(unnamed, "yes", negatives=tmp_path / "talk")
    clips = [clip for part in loaded.splits.values() for clip in part if clip.label == "talk/"]
    assert len({clip.speaker for clip in clips}) == 3


def test_of_equal_recordings_one_is_used(unnamed: Path, talk: Path, write_clip: WriteClip) -> None:
    (talk / "copies").mkdir()
    for number in range(5):
        copy = talk / "copies" / f"copy_{number}.wav"
        copy.write_bytes((talk / f"{number}.wav").read_bytes())
    loaded = load(unnamed, "yes", negatives=talk)
    reasons = {row.file: row.reason for row in loaded.skipped}
    for number in range(5):
        assert reasons[f"talk/copies/copy_{number}.wav"] == f"the same as talk/{number}.wav"
    assert split_of(loaded) == split_of(load(unnamed, "yes", negatives=without(talk / "copies")))


def test_longer_windows_are_fewer(unnamed: Path, talk: Path) -> None:
    loaded = load(unnamed, "yes", negatives=talk, window_seconds=1.6)
    assert sum(sizes(loaded)) == 60 + 40 * 2 + 1


def test_recordings_named_as_the_word_are_negative(
    unnamed: Path, talk: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = talk.rename(tmp_path_factory.mktemp("elsewhere") / "yes")
    loaded = load(unnamed, "yes", negatives=folder, validation=0.0, test=0.0)
    assert len(loaded.positives("train")) == 30
    assert len(loaded.negatives("train")) == 30 + 40 * 3 + 1


@pytest.mark.parametrize("place", ["talk", "more/talk"])
def test_recordings_within_the_folder_are_no_clips_of_a_label(
    unnamed: Path, talk: Path, place: str
) -> None:
    (unnamed / place).parent.mkdir(exist_ok=True)
    inside = talk.rename(unnamed / place)
    loaded = load(unnamed, "yes", negatives=inside, validation=0.3, test=0.3)
    splits = split_of(loaded)
    assert len(splits) == 60 + 40 * 3 + 1
    homes: dict[Path, set[str]] = {}
    for split, clips in loaded.splits.items():
        for clip in clips:
            homes.setdefault(clip.path, set()).add(split)
    assert all(len(home) == 1 for home in homes.values())
    assert [row.file for row in loaded.skipped] == ["talk/notes.txt"]


def test_the_folder_of_the_data_is_no_folder_of_recordings(unnamed: Path) -> None:
    with pytest.raises(UsageError, match="the data's own folder"):
        load(unnamed, "yes", negatives=unnamed / "yes" / "..")


# Synthetic speech


@pytest.mark.parametrize(
    ("content", "synthetic"),
    [
        ("synthetic: true\n", True),
        ("synthetic: false\n", False),
        ("synthetic: 1\n", False),
        ("voices: 3\n", False),
        ("- a list\n", False),
        ("{broken", False),
        (b"\xff\xfe\x00", False),
        (None, False),
    ],
)
def test_a_synthetic_corpus_is_recognized(
    unnamed: Path, content: str | bytes | None, synthetic: bool
) -> None:
    if content is not None:
        put(unnamed / corpus.CORPUS_FILE, content)
    assert load(unnamed, "yes").synthetic is synthetic


def test_a_clip_is_named_by_its_file_and_window() -> None:
    path = Path("a.wav")
    assert Clip("yes/a.wav", path, "yes").name == "yes/a.wav"
    assert Clip("talk/a.wav", path, "talk/", None, 0.0).name == "talk/a.wav@0s"
    assert Clip("talk/a.wav", path, "talk/", None, 12.5).name == "talk/a.wav@12.5s"
