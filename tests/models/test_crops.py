"""Crops hold the word where their labels ask for it, and follow the model's faults."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stapes.data.stream.frames import Words
from stapes.frontends.numerics.stream import real
from stapes.models.crops import Captured, Crops
from stapes.models.settings import StreamSettings

FIELD, STRIDE = 20, 3
SETTINGS = StreamSettings(words=6, others=10, frequency_mask=0)


def tape(frames: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(-128, 128, (frames, 40)).astype(np.int8)


def words(*marks: tuple[int, int, int], frames: int = 2000) -> Words:
    """Sound whose bin 0 counts the frames of a word, from its begin on; elsewhere it is -128."""
    x = np.full((frames, 40), -128, np.int8)
    for begin, end, _ in marks:
        x[begin:end, 0] = 0
    return Words(x, np.array(marks, np.int64))


def crops(
    parts: list[Words], others: list[np.ndarray] | None = None, seed: int = 0, **options: Any
) -> Crops:
    captured = options.pop("captured", None)
    return Crops(
        parts,
        [tape(3000)] if others is None else others,
        field=options.pop("field", FIELD),
        stride=options.pop("stride", STRIDE),
        settings=SETTINGS.model_copy(update=options),
        seed=seed,
        captured=captured,
    )


def test_shapes_and_labels() -> None:
    drawn = crops([words((200, 280, 0), (500, 590, 1))])
    x, y = drawn.batch(0, 0)
    assert x.shape == (16, drawn.frames, 40)
    assert y.shape == (16, drawn.outputs)
    assert drawn.frames == FIELD + (drawn.outputs - 1) * STRIDE
    assert set(np.unique(y[:6])) == {0, 1}
    assert (y[:6] > 0).any(axis=1).all()
    assert (y[6:] == -1).all()


def test_the_same_seed_epoch_and_number_give_the_same_batch() -> None:
    parts = [words((200, 280, 0), (500, 590, 1))]
    one = crops(parts, frequency_mask=10).batch(3, 4)
    again = crops(parts, frequency_mask=10).batch(3, 4)
    np.testing.assert_array_equal(one[0], again[0])
    np.testing.assert_array_equal(one[1], again[1])
    others = [crops(parts, seed=1).batch(3, 4), crops(parts).batch(2, 4), crops(parts).batch(3, 5)]
    assert all((other[0] != one[0]).any() for other in others)


@given(
    begin=st.integers(100, 400),
    length=st.integers(10, 300),
    stride=st.integers(1, 5),
    field=st.integers(10, 250),
)
def test_the_word_may_be_detected_from_its_begin_to_soon_after_its_end(
    begin: int, length: int, stride: int, field: int
) -> None:
    drawn = crops([words((begin, begin + length, 0))], stride=stride, field=field)
    x, y = drawn.batch(0, 0)
    for features, labels in zip(x[:6], y[:6], strict=True):
        in_word = np.flatnonzero(features[:, 0])
        assert len(in_word) <= length
        if begin + length + 40 < field:
            continue  # The tape has no whole receptive field before the end of the word.
        ends = field - 1 + stride * np.flatnonzero(labels > 0)
        assert len(ends)
        assert len(in_word) == length
        assert ends.min() > in_word[0] + 25
        assert ends.max() < in_word[-1] + 1 + 40


def test_a_located_word_is_asked_for_where_it_ends() -> None:
    drawn = crops([words((300, 400, 0))])
    drawn.ends[0] = 0.5
    x, y = drawn.batch(0, 0)
    for features, labels in zip(x[:6], y[:6], strict=True):
        centre = np.flatnonzero(features[:, 0])[0] + 50
        ends = FIELD - 1 + STRIDE * np.flatnonzero(labels > 0)
        assert centre - 8 < ends.min() <= centre - 8 + STRIDE
        assert centre + 30 - STRIDE <= ends.max() < centre + 30


def test_a_clip_that_is_longer_than_a_crop_shows_its_located_word() -> None:
    """Its crop would else begin after the word, and would teach that the word is none."""
    marks = [(200 + 150 * n, 230 + 150 * n, n) for n in range(99)]
    long = (200 + 150 * 99, 200 + 150 * 99 + 500, 99)
    drawn = crops([words(*marks, long, frames=16_000)], words=300)
    assert drawn.frames < 500
    drawn.ends[99] = 0.1
    _, y = drawn.batch(0, 0)
    assert (y[:300] > 0).any(axis=1).all()


def test_negatives_are_drawn_by_their_score() -> None:
    others = [tape(3000, 1), tape(4000, 2)]
    drawn = crops([words((200, 280, 0))], others)
    assert np.ptp(drawn.weights) == 0
    bad = 2000

    def scores(x: np.ndarray) -> np.ndarray:
        steps = np.zeros((len(x) - FIELD) // STRIDE + 1, np.float32)
        if len(x) == 4000:
            steps[bad // STRIDE] = 1.0
        return steps

    mean = drawn.rescore(scores)
    assert 0 < mean < 0.1
    x = np.concatenate([drawn.batch(0, number)[0][6:] for number in range(8)])
    at = {others[1][n].tobytes(): n for n in range(len(others[1]))}
    starts = []
    for crop in x:
        key = np.rint(crop[0] * 255 / 26 - 128).astype(np.int8).tobytes()
        starts.append(at.get(key, -1))
    near = [start for start in starts if 0 <= bad - start <= drawn.frames + 40]
    assert len(near) > len(x) / 2


def test_the_word_is_located_by_the_median_of_its_copies() -> None:
    parts = [words((200, 300, 0)), words((400, 500, 0)), words((700, 800, 0))]
    drawn = crops(parts)
    places = iter([60, 80, 70])

    def scores(x: np.ndarray) -> np.ndarray:
        """The highest where the field ends so many frames after the word's begin."""
        ends = FIELD - 1 + STRIDE * np.arange((len(x) - FIELD) // STRIDE + 1)
        begin = np.flatnonzero(x[:, 0] == 0)[0]
        return np.asarray(np.exp(-np.abs(ends - begin - next(places)) / 50), np.float32)

    drawn.locate(scores)
    assert drawn.ends[0] == pytest.approx(0.7, abs=0.02)


@pytest.mark.parametrize("frames", [1, 30, 119])
def test_a_stretch_that_is_shorter_than_a_crop_is_repeated(frames: int) -> None:
    drawn = crops([words((20, 28, 0), frames=30)], [tape(frames)])
    x, y = drawn.batch(0, 0)
    assert x.shape[1] == drawn.frames
    assert (y[6:] == -1).all()
    drawn.rescore(lambda x: np.zeros(max(0, (len(x) - FIELD) // STRIDE + 1), np.float32))
    drawn.locate(lambda x: np.zeros(max(0, (len(x) - FIELD) // STRIDE + 1), np.float32))
    drawn.batch(1, 0)


def test_masks_hide_bands_of_bins() -> None:
    parts, others = [words((200, 280, 0))], [np.full((3000, 40), 100, np.int8)]
    plain, _ = crops(parts, others).batch(0, 0)
    masked, _ = crops(parts, others, frequency_mask=39).batch(0, 0)
    unmasked, _ = crops(parts, others, frequency_mask=39).batch(0, 0, mask=False)
    np.testing.assert_array_equal(plain, unmasked)
    hidden = (masked[6:] == 0).all(axis=1)
    assert hidden.any()
    for row in hidden:
        assert (np.diff(np.flatnonzero(row)) == 1).all()
    shown = ~hidden.any(axis=0)
    np.testing.assert_array_equal(masked[6:][:, :, shown], plain[6:][:, :, shown])


def test_captures_are_drawn_often_but_few_of_them_not_too_often() -> None:
    marks = [(200 + 100 * clip, 280 + 100 * clip, clip) for clip in range(40)]
    parts = [words(*marks, frames=5000)]
    # Captures have 3 in bin 1.
    accept = tape(3000)
    accept[:, 1] = 3
    others = [np.full((60_000, 40), 5, np.int8), accept]
    rates = {}
    for count in (2, 10, 200):
        drawn = crops(parts, others, captured=Captured(words=1, others=count, recordings=1))
        drawn.weights[:] = np.where(drawn._is_captured, 1e-6, 1.0)
        batches = [drawn.batch(0, number)[0] for number in range(100)]
        of_captures = np.float32(real(np.full((1, 1, 1), 3, np.int8)).item())
        rates[count] = np.mean([(x[6:, 0, 1] == of_captures).mean() for x in batches])
    assert rates[2] == pytest.approx(0.01, abs=0.01)
    assert rates[10] == pytest.approx(0.05, abs=0.025)
    assert rates[200] == pytest.approx(0.1, abs=0.03)


def test_captured_words_are_a_part_of_a_batch() -> None:
    marks = [(200 + 100 * clip, 280 + 100 * clip, clip) for clip in range(40)]
    drawn = crops([words(*marks, frames=5000)], captured=Captured(words=2))
    rng = np.random.default_rng(0)
    chosen = np.concatenate([drawn._chosen_words(rng) for _ in range(2_000)])
    # 2 of 40 without being captures, and 1 % more.
    assert np.isin(chosen, [38, 39]).mean() == pytest.approx(0.05 + 0.95 * 0.01, abs=0.004)


def test_captures_that_the_model_finds_hard_are_drawn_by_their_score() -> None:
    drawn = crops(
        [words((200, 280, 0))], [tape(3000), tape(3000)], captured=Captured(0, 1, recordings=1)
    )
    drawn.weights[:] = np.where(drawn._is_captured, 3.0, 1.0)
    odds = drawn._odds()
    assert odds[drawn._is_captured].sum() == pytest.approx(0.75)
    assert odds.sum() == pytest.approx(1)
