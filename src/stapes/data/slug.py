"""A word or phrase as the name of a folder."""

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
    return re.sub(r"[\W_]+", "_", unicodedata.normalize("NFKC", whole)).strip("_")
