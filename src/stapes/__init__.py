"""Stapes makes wake-word models small enough for the chip they run on, and measures what it cost.

Examples
--------
>>> import stapes
>>> results = stapes.run(word="computer", data="recordings", out="runs/computer")  # doctest: +SKIP
>>> results.variants[0].accuracy  # doctest: +SKIP
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from stapes._version import __version__

if TYPE_CHECKING:
    from stapes.api import evaluate, inspect, run, slim
    from stapes.api_search import search, search_words

__all__ = ["__version__", "evaluate", "inspect", "run", "search", "search_words", "slim"]


def __getattr__(name: str) -> object:
    # Late, so that `import stapes` and `stapes --help` do not wait for NumPy and SciPy.
    if name in __all__:
        if name in ("search", "search_words"):
            from stapes import api_search

            return getattr(api_search, name)
        from stapes import api

        return getattr(api, name)
    raise AttributeError(f"module 'stapes' has no attribute '{name}'")
