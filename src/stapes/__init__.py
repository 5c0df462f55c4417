"""Stapes makes wake-word models small enough for the chip they run on, and measures what it cost.

Examples
--------
>>> import stapes
>>> results = stapes.run(word="computer", data="recordings", out="runs/computer")  # doctest: +SKIP
>>> results.variants[0].accuracy  # doctest: +SKIP
"""

from __future__ import annotations

import importlib
import sys
from types import ModuleType
from typing import TYPE_CHECKING

from stapes.system.version import __version__

if TYPE_CHECKING:
    from stapes.api import evaluate, inspect, run, slim
    from stapes.api_search import search, search_words

__all__ = ["__version__", "evaluate", "inspect", "run", "search", "search_words", "slim"]


class _Package(ModuleType):
    """Rooms are named as verbs are: importing the room `run` must not hide the function `run`."""

    def __setattr__(self, name: str, value: object) -> None:
        if not (name in __all__ and isinstance(value, ModuleType)):
            super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Package


def __getattr__(name: str) -> object:
    # Late, so that `import stapes` and `stapes --help` do not wait for NumPy and SciPy.
    if name in __all__:
        # By name: an import statement here would have the import graph run in a circle.
        module = "stapes.api_search" if name.startswith("search") else "stapes.api"
        return getattr(importlib.import_module(module), name)
    raise AttributeError(f"module 'stapes' has no attribute '{name}'")
