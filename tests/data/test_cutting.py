"""Recordings of many words become clips of one each, where made words are."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from stapes.data.corpus import load
from stapes.data.cutting import cut, words
from stapes.errors import UsageError

RATE = 16_000


def recording(seconds: list[float], pause: float, noise: float = 0.001) -> np.ndarray:
    """Words of so many seconds, as bursts of noise, after a pause each, and a pause at the end."""
    rng = np.random.default_rng(0)
    parts = []
    for length in seconds:
        parts += [np.zeros(round(pause * RATE)), rng.normal(0, 0.1, round(length * RATE))]
    y = np.concatenate([*parts, np.zeros(round(pause * RATE))])
    return (y + rng.normal(0, noise, len(y))).astype(np.float32)


@pytest.mark.parametrize("noise", [0.0, 0.001, 0.01])
def test_words_are_between_silences(noise: float) -> None:
    spans = words(recording([0.5, 0.8, 0.3], 1.0, noise), RATE)
    begins = [1.0, 2.5, 4.3]
    assert len(spans) == 3
    for (begin, end), at, length in zip(spans, begins, [0.5, 0.8, 0.3], strict=True):
        assert begin / RATE == pytest.approx(at - 0.25, abs=0.05)
        assert end / RATE == pytest.approx(at + length + 0.25, abs=0.05)


def test_a_short_pause_divides_no_word_and_a_click_is_none() -> None:
    assert len(words(recording([0.3, 0.3], 0.2), RATE)) == 1
    assert words(recording([0.02], 1.0), RATE) == []
    assert words(np.zeros(RATE, np.float32), RATE) == []
    assert words(np.zeros(10, np.float32), RATE) == []


def test_recordings_become_clips_that_stay_in_one_split(tmp_path: Path) -> None:
    for speaker in ("ann", "bob"):
        path = tmp_path / f"raw/computer/{speaker}.wav"
        path.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(path, recording([0.5] * 12, 0.8), RATE)
    result = cut(tmp_path / "raw", tmp_path / "out", None)
    assert (result.clips, result.recordings, result.skipped) == ({"computer": 24}, 2, [])
    (tmp_path / "out/no").mkdir()
    soundfile.write(tmp_path / "out/no/a.wav", recording([0.5], 0.2), RATE)
    corpus = load(tmp_path / "out", "computer")
    places = {
        (clip.speaker, split) for split, clips in corpus.splits.items() for clip in clips
        if clip.label == "computer"
    }  # fmt: skip
    assert len(places) == 2


def test_a_label_track_decides(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", recording([0.5, 0.5], 1.0), RATE)
    (tmp_path / "a.txt").write_text("1,0\t1,5\they\n\\\t100\t200\n2.5\t3.0\tyou\n", "utf-8")
    result = cut(tmp_path, tmp_path / "out", "other")
    assert result.clips == {"hey": 1, "you": 1}
    y, _ = soundfile.read(tmp_path / "out/hey/a_nohash_0.flac")
    assert len(y) == RATE


@pytest.mark.parametrize(
    "line",
    [
        "1.0 2.0 hey",
        "1.0\t2.0",
        "2.0\t1.0\they",
        "1.0\t99\they",
        "0.1\tinf\tx",
        "nan\tnan\tx",
        "1e999\t1e999\tx",
        "0.1\t1e308\tx",
        "2.6\t2.7\tx",
    ],
)
def test_a_broken_label_track_is_named_and_nothing_is_written(tmp_path: Path, line: str) -> None:
    soundfile.write(tmp_path / "a.wav", recording([0.5], 1.0), RATE)
    (tmp_path / "a.txt").write_text(line, "utf-8")
    with pytest.raises(UsageError, match=r"a\.txt, line 1"):
        cut(tmp_path, tmp_path / "out", None)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.txt", "a.wav"]


def test_what_gives_no_clip_is_named(tmp_path: Path) -> None:
    raw = tmp_path / "raw"
    raw.mkdir()
    soundfile.write(raw / "noise.wav", 0.1 * np.ones(RATE), RATE)
    soundfile.write(raw / "silent.wav", np.zeros(RATE), RATE)
    soundfile.write(raw / "word.wav", recording([0.5], 1.0), RATE)
    result = cut(raw, tmp_path / "out", "hey")
    assert result.clips == {"hey": 1}
    assert {Path(part.file).name: part.reason.split(" (")[0] for part in result.skipped} == {
        "noise.wav": "no word is between silences in it",
        "silent.wav": "silent",
    }
    with pytest.raises(UsageError, match="has files already"):
        cut(raw, tmp_path / "out", "hey")
