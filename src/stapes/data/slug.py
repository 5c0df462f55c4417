"""A word or phrase as the name of a folder, and as a label to compare."""

from __future__ import annotations

import re
import unicodedata


def slug(phrase: str) -> str:
    """The letters and digits of a phrase, lower case, with `_` between its words.

    Examples
    --------
    >>> slug("Hey, Computer!")
    'hey_computer'
    >>> slug("../x")
    'x'
    """
    # A folder that a Mac named may have an accent as a letter of its own.
    whole = unicodedata.normalize("NFKC", phrase).casefold()
    whole = unicodedata.normalize("NFKC", whole)
    # Marks are vowels in the scripts of India and Thailand: without them, words become one.
    kinds = "".join(unicodedata.category(character)[0] for character in whole)
    parts = [whole[match.start() : match.end()] for match in re.finditer("[LN][LNM]*", kinds)]
    return "_".join(parts)


def same_label(label: str, word: str) -> bool:
    """Whether two labels are the same, without regard to case, spaces and punctuation.

    Letters that only look alike are not the same.

    Examples
    --------
    >>> same_label("hey-computer", "Hey, Computer"), same_label("\u0915\u093f", "\u0915\u0940")
    (True, False)
    """
    return slug(label) == slug(word)
