"""A word or phrase as the name of a folder."""

from __future__ import annotations

import re


def slug(phrase: str) -> str:
    """The letters and digits of a phrase, lower case, with `_` between its words.

    Examples
    --------
    >>> slug("Hey, Computer!")
    'hey_computer'
    >>> slug("../x")
    'x'
    """
    return re.sub(r"[\W_]+", "_", phrase.casefold()).strip("_")
