"""where.csv has where a word is found in each clip; `data check --where` reads it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from stapes.audio.levels import SPEECH_DB, power
from stapes.contracts.evaluation import Place
from stapes.data.sound.tape import Tape
from stapes.data.stream import where
from stapes.errors import UsageError

RATE = 16_000
LISTED = [
    Place(clip="yes/a.wav", begin_seconds=0.3, end_seconds=0.9, score=0.98),
    Place(clip='yes/b, "c".wav', begin_seconds=0.1, end_seconds=0.7, score=0.5),
    Place(clip="yes/\N{SNOWMAN}.wav", begin_seconds=0.0, end_seconds=0.2, score=0.12),
    Place(clip="yes/d.wav", score=0.0),
]


@pytest.fixture
def words(tmp_path: Path) -> Tape:
    """Three clips of 1.3 s with 0.6 s of loud noise after 0.3 s."""
    rng = np.random.default_rng(0)
    tape = Tape(tmp_path / "words.f32", RATE)
    for name in ("a", "b", "c"):
        y = rng.normal(0, 1e-4, round(1.3 * RATE))
        y[round(0.3 * RATE) : round(0.9 * RATE)] += rng.normal(0, 0.1, round(0.6 * RATE))
        tape.append(name, iter([y.astype(np.float32)]), power=power(SPEECH_DB))
    return tape


def test_places_are_in_seconds_of_the_clip(words):
    places = where.places(words, np.array([0.9 / 1.3, 1.2, -1.0]), np.array([0.99, 0.40004, 0.0]))
    first, late, unknown = places
    assert (first.clip, first.end_seconds, first.score) == ("a", 0.9, 0.99)
    assert first.begin_seconds == pytest.approx(0.36, abs=0.06)
    # The end of a word is in its clip.
    assert (late.end_seconds, late.score) == (1.3, 0.4)
    assert unknown == Place(clip="c", score=0.0)
    assert where.not_found(places) == 2


def test_what_was_written_is_read_with_low_scores_first(tmp_path):
    where.write(LISTED, tmp_path / where.FILE)
    lines = (tmp_path / where.FILE).read_text("utf-8").splitlines()
    assert lines[:2] == ["clip,begin_seconds,end_seconds,score", "yes/a.wav,0.3,0.9,0.98"]
    assert lines[-1] == "yes/d.wav,,,0.0"
    read = where.read(tmp_path, {"yes/a.wav"}, tmp_path)
    assert read.clips == LISTED[::-1]
    assert read.run == str(tmp_path)
    assert read.not_found == 2
    assert read.median_end_seconds == 0.8


def test_the_same_places_are_the_same_bytes(tmp_path):
    for name in ("one", "two"):
        where.write(LISTED, tmp_path / name)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


def test_without_a_word_found_there_is_no_median(tmp_path):
    where.write(LISTED[2:], tmp_path / where.FILE)
    assert where.read(tmp_path, {"yes/d.wav"}, tmp_path).median_end_seconds is None


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, r"has no where\.csv; name the folder of a run"),
        (b"\xff\xfe", r"has no where\.csv"),
        (b"clip,score\na,b\n", "is broken"),
        (b"clip,begin_seconds,end_seconds,score\na,1\n", "is broken"),
        (b"clip,begin_seconds,end_seconds,score\na,0,1,0.5,more\n", "is broken"),
        (b"", "its clips are not in"),
        (b"clip,begin_seconds,end_seconds,score\nother.wav,0,1,0.5\n", "its clips are not in"),
    ],
)
def test_another_file_is_refused(tmp_path, content, message):
    if content is not None:
        (tmp_path / where.FILE).write_bytes(content)
    with pytest.raises(UsageError, match=message) as caught:
        where.read(tmp_path, {"yes/a.wav"}, tmp_path / "data")
    assert str(caught.value).startswith("where ")
