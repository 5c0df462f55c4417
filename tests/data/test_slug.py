"""Any phrase becomes the name of one folder."""

from __future__ import annotations

import doctest
import os
import unicodedata
from pathlib import PurePosixPath, PureWindowsPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stapes.data import slug as module
from stapes.data.slug import slug


@pytest.mark.parametrize(
    ("phrase", "expected"),
    [
        ("house", "house"),
        ("Hey Computer", "hey_computer"),
        ("  hey,   COMPUTER!? ", "hey_computer"),
        ("hey_computer", "hey_computer"),
        ("hey-computer", "hey_computer"),
        ("__init__", "init"),
        ("Straße", "strasse"),
        ("Öffne Tür 2", "öffne_tür_2"),
        ("../../etc/passwd", "etc_passwd"),
        ("C:\\x", "c_x"),
        (".hidden", "hidden"),
        ("!?", ""),
        ("", ""),
    ],
)
def test_phrases_and_their_slugs(phrase: str, expected: str) -> None:
    assert slug(phrase) == expected


def is_mark(letter: str) -> bool:
    return unicodedata.category(letter) in ("Mn", "Mc", "Me")


@given(st.text())
def test_a_slug_is_one_plain_name(phrase: str) -> None:
    name = slug(phrase)
    for part in name.split("_"):
        assert not part or part[0].isalnum()
        assert all(letter.isalnum() or is_mark(letter) for letter in part)
    assert name == name.strip("_")
    assert "__" not in name
    assert os.sep not in name
    for flavour in (PurePosixPath, PureWindowsPath):
        assert flavour(name).parts == ((name,) if name else ())


@given(st.text())
def test_a_slug_is_its_own_slug(phrase: str) -> None:
    assert slug(slug(phrase)) == slug(phrase)


@given(st.text(st.characters(categories=["L", "N"]), min_size=1))
def test_case_does_not_matter(word: str) -> None:
    assert slug(word.casefold()) == slug(word)


def test_the_examples_in_the_source_run() -> None:
    result = doctest.testmod(module)
    assert result.attempted > 0
    assert result.failed == 0
