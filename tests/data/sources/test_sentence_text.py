"""Drawn sentences never contain the wake word, depend on the seed alone, and seldom repeat."""

from __future__ import annotations

import doctest
import re
from collections import Counter
from itertools import islice

import numpy as np
import pytest

from stapes.data.sources import sentence_text
from stapes.data.sources.sentence_text import has_word, normal, sentences


def drawn(word, count=2000, seed=0):
    return list(islice(sentences(word, np.random.default_rng(seed)), count))


@pytest.mark.parametrize("word", ["house", "HOUSE", "the", "and", "ing", "red", "Good morning!"])
def test_no_sentence_contains_the_word(word):
    without = drawn(word)
    letters = re.sub(r"\W+", " ", word).strip().lower()
    assert len(without) == 2000
    assert not any(letters in re.sub(r"\W+", " ", sentence).lower() for sentence in without)
    # It is often in the sentences of another word.
    assert any(letters in sentence.lower() for sentence in drawn("jarvis"))


@pytest.mark.parametrize("word", ["a", "I", "on"])
def test_a_short_word_may_be_a_part_of_others(word):
    without = drawn(word)
    assert not any(word.lower() in sentence.lower().split() for sentence in without)
    assert any(word.lower() in sentence.lower() for sentence in without)


def test_the_seed_decides():
    assert drawn("house", 100) == drawn("house", 100)
    assert drawn("house", 100) != drawn("house", 100, seed=1)


def test_sentences_seldom_repeat_and_use_hundreds_of_words():
    counts = Counter(drawn("jarvis"))
    assert len(counts) > 0.9 * 2000
    assert max(counts.values()) <= 0.01 * 2000
    assert len({word for sentence in counts for word in normal(sentence).split()}) > 400


def test_a_sentence_is_words_with_an_end():
    for sentence in drawn("jarvis"):
        assert re.fullmatch(r"[A-Z][A-Za-z' ,:]*[.?!]", sentence)


def test_words_are_compared_without_case_and_punctuation():
    assert has_word("Turn on the light.", "Light!")
    assert has_word("Say: hey, computer.", "hey_computer")
    assert not has_word("The computer is on.", "hey computer")
    assert has_word("SCHÖN", "schön")


def test_where_every_sentence_has_the_word_there_is_none(monkeypatch):
    monkeypatch.setattr(sentence_text, "_OFTEN", ["A house is {quality}."])
    assert drawn("house", 1) == []


def test_examples_run():
    assert doctest.testmod(sentence_text).failed == 0
