"""The newest seconds of a stream are its last samples."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from stapes.listen.engine import RATE
from stapes.listen.history import History

MEMORY = 8 * RATE


@given(
    st.lists(st.integers(1, 3 * RATE), max_size=8), st.integers(0, 12 * RATE), st.integers(0, RATE)
)
@settings(deadline=None)
def test_samples_are_those_of_the_stream(lengths, begin, count):
    whole = np.random.default_rng(0).integers(-99, 99, sum(lengths)).astype(np.int16)
    history = History()
    for end, length in zip(np.cumsum(lengths).tolist(), lengths, strict=True):
        history.add(whole[end - length : end])
    assert history.end == len(whole)
    assert history.begin <= max(0, len(whole) - MEMORY)
    first = max(begin, history.begin)
    expected = whole[first : max(first, begin + count)]
    np.testing.assert_array_equal(history.samples(begin, begin + count), expected)


def test_scores_are_forgotten_with_the_sound():
    history = History()
    for second in range(20):
        history.add(np.zeros(RATE, np.int16))
        history.score("one", second + 1.0, second / 20)
    assert history.scores("one", 15.0, 17.0) == [(16.0, 0.75), (17.0, 0.8)]
    assert len(history.scores("one", 0.0, 20.0)) <= 9
    assert history.scores("another", 0.0, 20.0) == []
