"""The names of exported files."""

from __future__ import annotations

import unicodedata

from stapes.data.slug import slug
from stapes.errors import UsageError

_LONGEST = 64


def ascii_slug(phrase: str) -> str:
    """The slug of a phrase, without accents where that leaves ASCII alone.

    Examples
    --------
    >>> ascii_slug("Hé, Größe!"), ascii_slug("Привет")
    ('he_grosse', 'привет')
    """
    letters = unicodedata.normalize("NFKD", slug(phrase))
    plain = "".join(char for char in letters if not unicodedata.combining(char))
    return plain if plain.isascii() else slug(phrase)


def file_id(wake_word: str, name: str | None) -> str:
    """The stem of the files: the name, if one is given, or the wake word.

    Raises
    ------
    UsageError
        The wake word has no letter or digit.
    """
    stem = name or ascii_slug(wake_word)[:_LONGEST]
    if not stem:
        raise UsageError("--id: give a name for the files; the wake word has no letters.")
    return stem
