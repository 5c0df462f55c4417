"""The first halves of words are sound without the word; another process finds the tapes again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

pytest.importorskip("pymicro_features", reason="needs the extra `micro`")

from stapes.audio.levels import SPEECH_DB, power
from stapes.data.sound.tape import Piece, Tape
from stapes.data.stream import frames, mixing, tapes
from stapes.data.stream.mixing import RATE, Mixed, Sources
from stapes.frontends.registry import STREAMS

BEFORE, WORD, AFTER = 0.3, 0.6, 0.4
"""Of each clip [s]."""
END = (BEFORE + WORD) / (BEFORE + WORD + AFTER)


def clip(number: int) -> NDArray[np.float32]:
    """A word of noise between quiet noise."""
    rng = np.random.default_rng(number)
    levels = ((BEFORE, 1e-4), (WORD, 0.1), (AFTER, 1e-4))
    return np.concatenate(
        [rng.normal(0, level, round(seconds * RATE)) for seconds, level in levels]
    ).astype(np.float32)


def tape(path: Path, *clips: NDArray[Any]) -> Tape:
    written = Tape(path, RATE)
    for number, y in enumerate(clips):
        written.append(f"{path.stem}/{number}.wav", iter([y]), power=power(SPEECH_DB))
    return written


@pytest.fixture
def sources(tmp_path: Path) -> Sources:
    rng = np.random.default_rng(9)
    return Sources(
        words=tape(tmp_path / "words.f32", *map(clip, range(4))),
        others=tape(tmp_path / "others.f32", clip(7)),
        background=tape(tmp_path / "background.f32", rng.normal(0, 0.1, 8 * RATE)),
        noise=tape(tmp_path / "noise.f32", rng.normal(0, 0.1, 2 * RATE)),
        rooms=(np.array([1.0, 0.5], np.float32), np.array([1.0], np.float32)),
    )


def halves_of(sources: Sources, ends: list[float], monkeypatch, tmp_path: Path) -> list[Piece]:
    """The pieces that are put into other sound."""
    mixed: list[Piece] = []

    def words_in_sound(halved, rng, *ranges):
        mixed.extend(halved.words.pieces)
        return Mixed(np.zeros(RATE, np.float32), np.zeros((0, 3), np.int64), [])

    monkeypatch.setattr(mixing, "words_in_sound", words_in_sound)
    frames.write_halves(sources, STREAMS["micro"], np.array(ends), [0], tmp_path / "halves.npy")
    return mixed


def test_a_half_ends_half_a_word_before_the_words_end(sources, monkeypatch, tmp_path):
    halves = halves_of(sources, [END] * 4, monkeypatch, tmp_path)
    assert [half.name for half in halves] == [piece.name for piece in sources.words.pieces]
    for half, piece in zip(halves, sources.words.pieces, strict=True):
        assert half.begin == piece.begin
        assert half.samples / RATE == pytest.approx(BEFORE + WORD / 2, abs=0.06)


@pytest.mark.parametrize("end", [0.5, 1.0, 1.3])
def test_a_half_ends_before_either_end_of_the_word(sources, monkeypatch, tmp_path, end):
    """Where a model finds it too late, the word's energy ends it."""
    for half in halves_of(sources, [end] * 4, monkeypatch, tmp_path):
        seconds = min(end * (BEFORE + WORD + AFTER), BEFORE + WORD)
        assert half.samples / RATE < seconds - 0.4 * WORD


def test_words_without_an_end_or_a_half_are_left_out(sources, monkeypatch, tmp_path):
    halves = halves_of(sources, [-1.0, END, 0.25, -1.0], monkeypatch, tmp_path)
    assert [half.name for half in halves] == ["words/1.wav"]


def test_at_most_so_many_are_mixed(sources, monkeypatch, tmp_path):
    monkeypatch.setattr(frames, "_MOST_HALVES", 3)
    halves = halves_of(sources, [END] * 4, monkeypatch, tmp_path)
    assert len({half.name for half in halves}) == 3


def test_halves_of_a_seed_are_the_same_bytes(sources, tmp_path):
    for name in ("one", "two"):
        frames.write_halves(
            sources, STREAMS["micro"], np.array([END] * 4), [3, 15], tmp_path / f"{name}.npy"
        )
    assert (tmp_path / "one.npy").read_bytes() == (tmp_path / "two.npy").read_bytes()
    x = frames.read_frames(tmp_path / "one.npy")
    # Four halves of about half a second, and five gaps of a second or more.
    assert x.dtype == np.int8
    assert x.shape[1] == 40
    assert 600 < len(x) < 1800


def test_without_any_end_there_is_other_sound_alone(sources, tmp_path):
    frames.write_halves(sources, STREAMS["micro"], np.full(4, -1.0), [3, 15], tmp_path / "none.npy")
    assert 90 < len(frames.read_frames(tmp_path / "none.npy")) < 300


def test_another_process_has_the_same_sources(sources, tmp_path):
    tapes.describe(sources, tmp_path)
    described = tapes.described(tmp_path)
    for name in ("words", "others", "background", "noise"):
        here, there = getattr(sources, name), getattr(described, name)
        assert (here.path, here.sample_rate, here.pieces) == (
            there.path,
            there.sample_rate,
            there.pieces,
        )
        np.testing.assert_array_equal(here.open(), there.open())
    assert [room.tolist() for room in described.rooms] == [[1.0, 0.5], [1.0]]
    assert frames.word_frames(described) == frames.word_frames(sources)


def test_sources_without_rooms_are_described_too(sources, tmp_path):
    bare = Sources(sources.words, sources.others, sources.others, sources.noise)
    tapes.describe(bare, tmp_path)
    described = tapes.described(tmp_path)
    assert described.rooms == ()
    assert described.background.path == sources.others.path
