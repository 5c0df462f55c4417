"""Crops hold first halves of words, as negatives, once it is known where words end."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from stapes.data.stream.frames import Words
from stapes.frontends.numerics.stream import real
from stapes.models.crops import Crops
from stapes.models.settings import StreamSettings

FIELD, STRIDE, CLIP = 30, 3, 60
WORD_END = 45
"""In a clip [frames]."""
HALF = 99
"""The value of every frame of sound with halves, which no other sound has."""


def words() -> Words:
    """Six clips of two words: frames of 10, of 20 at the word's end."""
    x = np.zeros((900, 40), np.int8)
    marks = []
    for number in range(6):
        begin = 100 + 130 * number
        x[begin : begin + CLIP] = 10
        x[begin + WORD_END - 3 : begin + WORD_END] = 20 + number % 2
        marks.append((begin, begin + CLIP, number % 2))
    return Words(x, np.array(marks, np.int64))


def crops(calls: list[Any], **settings) -> Crops:
    def halves(ends: Any) -> Any:
        calls.append(ends.copy())
        return np.full((500, 40), HALF, np.int8)

    options = StreamSettings(words=6, others=20, **settings)
    others = [np.full((2_000, 40), -5, np.int8)]
    return Crops(
        [words()], others, field=FIELD, stride=STRIDE, settings=options, seed=0, halves=halves
    )


def scores(x: Any) -> Any:
    """Highest where a receptive field ends with a word; of words with an odd number, lower."""
    ends = range(FIELD - 1, len(x), STRIDE)
    return np.array([0.9 - 0.3 * (x[f].max() % 2) if x[f].max() >= 20 else 0.1 for f in ends])


def of_halves(batch: Any) -> Any:
    x, _ = batch
    return (x == real(np.array(HALF, np.int8))).all(axis=(1, 2))


def test_before_words_are_located_no_crop_is_of_a_half():
    calls: list[Any] = []
    drawn = crops(calls)
    assert not of_halves(drawn.batch(0, 0, mask=False)).any()
    assert calls == []


@pytest.mark.parametrize(("parts", "count"), [(0.1, 2), (0.5, 10), (0.0, 0), (0.02, 0)])
def test_after_that_a_share_of_the_negatives_is_of_halves(parts, count):
    calls: list[Any] = []
    drawn = crops(calls, parts=parts)
    drawn.locate(scores)
    x, y = drawn.batch(0, 0, mask=False)
    halves = of_halves((x, y))
    assert len(x) == 26
    assert halves.sum() == count
    assert not halves[:6].any()
    assert (y[6:] == -1).all()
    drawn.batch(0, 1)
    assert len(calls) == bool(count)


def test_the_halves_are_made_from_where_the_words_end():
    calls: list[Any] = []
    drawn = crops(calls)
    drawn.locate(scores)
    drawn.batch(0, 0)
    np.testing.assert_allclose(calls[0], [WORD_END / CLIP] * 2, atol=STRIDE / CLIP)
    np.testing.assert_array_equal(calls[0], drawn.ends)


def test_halves_follow_from_known_ends_alone():
    """A training that continues has the ends, and not the halves."""
    calls: list[Any] = []
    located, continued = crops(calls), crops(calls)
    located.locate(scores)
    continued.ends = located.ends.copy()
    for one, other in zip(located.batch(3, 4), continued.batch(3, 4), strict=True):
        np.testing.assert_array_equal(one, other)


def test_finding_words_changes_nothing_and_has_their_scores():
    drawn = crops([])
    ends, highest = drawn.find(scores)
    np.testing.assert_allclose(ends, [WORD_END / CLIP] * 2, atol=STRIDE / CLIP)
    np.testing.assert_allclose(highest, [0.9, 0.6])
    assert (drawn.ends == -1).all()


def test_a_clip_that_is_in_no_sound_has_no_end():
    drawn = crops([])
    ends, highest = drawn.find(lambda x: np.zeros(0, np.float32))
    assert ends.tolist() == [-1, -1]
    assert highest.tolist() == [0, 0]
