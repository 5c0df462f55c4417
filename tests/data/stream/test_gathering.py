"""Each split gets sound that no other has, at one level; what cannot be used is named."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.conftest import WriteClip

from stapes.audio.levels import SPEECH_DB, active_power, block_powers, power
from stapes.data.clip import SPLITS, Clip
from stapes.data.stream.gathering import Gathering, gather, noise_files
from stapes.data.stream.mixing import RATE
from stapes.errors import UsageError

NOTHING = Gathering([], [], [], [], [])


def tone(seconds: float, amplitude: float = 0.1) -> np.ndarray:
    return (amplitude * np.sin(np.arange(round(seconds * RATE)) / 5)).astype(np.float32)


def noises(folder: Path, names: list[str]) -> Path:
    folder.mkdir(exist_ok=True)
    for path in folder.iterdir():
        path.unlink()
    for name in names:
        (folder / name).touch()
    return folder


@given(st.sets(st.integers(0, 200), min_size=3, max_size=40))
def test_every_noise_is_in_one_split(tmp_path_factory: pytest.TempPathFactory, numbers) -> None:
    folder = noises(tmp_path_factory.getbasetemp() / "noise", [f"{n}.wav" for n in numbers])
    parts = [noise_files(folder, split) for split in SPLITS]
    assert sorted(path for part in parts for path in part) == sorted(folder.iterdir())
    assert parts[0]
    assert parts[2]


def test_parts_of_one_recording_of_noise_are_in_one_split(tmp_path: Path) -> None:
    names = [f"dog_bark_1-{n}-{part}.flac" for n in range(20) for part in "ABC"]
    folder = noises(tmp_path / "noise", names)
    homes: dict[str, set[str]] = {}
    for split in SPLITS:
        for path in noise_files(folder, split):
            homes.setdefault(path.stem[:-2], set()).add(split)
    assert len(homes) == 20
    assert all(len(splits) == 1 for splits in homes.values())
    assert set().union(*homes.values()) == set(SPLITS)


@pytest.mark.parametrize("names", [["a.wav"], ["a.wav", "b.wav"], ["1-22-A.wav", "1-22-B.wav"]])
def test_few_noises_are_the_tests(tmp_path: Path, names: list[str]) -> None:
    folder = noises(tmp_path / "noise", names)
    assert [len(noise_files(folder, split)) for split in SPLITS] == [0, 0, len(names)]


def test_without_a_folder_there_is_no_noise() -> None:
    assert [noise_files(None, split) for split in SPLITS] == [[], [], []]


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"noise .*absent: there is no such folder"):
        noise_files(tmp_path / "absent", "train")


def test_noise_is_made_where_there_is_none(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    sources, skipped = gather(tmp_path / "a", NOTHING, 3)
    again, _ = gather(tmp_path / "b", NOTHING, 3)
    assert not skipped
    assert [piece.name for piece in sources.noise.pieces] == ["white", "pink", "brown"]
    assert sources.noise.path.read_bytes() == again.noise.path.read_bytes()
    for tape in (sources.words, sources.others, sources.background):
        assert tape.samples == 0


def test_speech_has_one_level(tmp_path: Path, write_clip: WriteClip) -> None:
    loud = write_clip(tmp_path / "loud.wav", tone(2, 0.5))
    soft = write_clip(tmp_path / "soft.wav", tone(2, 0.01))
    clips = [Clip(path.name, path, "yes") for path in (loud, soft)]
    sources, _ = gather(tmp_path, Gathering(clips, clips[:1], [soft], [loud], []), 0)
    for tape in (sources.words, sources.others, sources.background, sources.noise):
        y = tape.open()
        for piece in tape.pieces:
            level = active_power(block_powers(y[piece.begin :][: piece.samples], RATE))
            assert level == pytest.approx(power(SPEECH_DB), rel=0.02)


def test_what_cannot_be_used_is_skipped_with_a_reason(
    tmp_path: Path, write_clip: WriteClip
) -> None:
    silent = write_clip(tmp_path / "silent.wav", np.zeros(RATE, np.float32))
    broken = tmp_path / "broken.wav"
    broken.write_text("no sound")
    bad = [silent, broken]
    clips = [Clip(path.name, path, "yes") for path in bad]
    sources, skipped = gather(tmp_path, Gathering(clips, clips, bad, bad, bad), 0)
    assert [row.file for row in skipped] == ["silent.wav", "broken.wav"] * 5
    assert all(row.reason for row in skipped)
    assert sources.rooms == ()
    assert [piece.name for piece in sources.noise.pieces] == ["white", "pink", "brown"]


def test_a_room_begins_at_its_direct_sound_and_has_energy_1(
    tmp_path: Path, write_clip: WriteClip
) -> None:
    y = np.zeros(3 * RATE, np.float32)
    y[500] = 0.5
    y[500 + RATE // 2] = -0.25
    y[500 + 2 * RATE] = 0.1
    path = write_clip(tmp_path / "room.wav", y, subtype="FLOAT")
    sources, skipped = gather(tmp_path, Gathering([], [], [], [], [path]), 0)
    [room] = sources.rooms
    assert not skipped
    assert len(room) == RATE
    assert np.flatnonzero(room).tolist() == [0, RATE // 2]
    assert room[0] == pytest.approx(-2 * room[RATE // 2])
    assert np.square(room).sum() == pytest.approx(1)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_room_that_is_not_finite_is_skipped(
    tmp_path: Path, write_clip: WriteClip, value: float
) -> None:
    y = np.full(100, 0.1, np.float32)
    y[50] = value
    path = write_clip(tmp_path / "room.wav", y, subtype="FLOAT")
    sources, [skipped] = gather(tmp_path, Gathering([], [], [], [], [path]), 0)
    assert sources.rooms == ()
    assert skipped.file == "room.wav"
