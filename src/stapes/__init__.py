"""Stapes makes wake-word models small enough for the chip they run on, and measures what it cost.

The verbs: `run`, `search`, `evaluate`, `inspect`, `slim`, `export`, `listen`, `report`, `load`,
and `data.synth`, `data.fetch`, `data.check`, `data.cut`, `data.label`, `data.cache`.
`help(stapes.run)` shows its settings. `WakeWord` is a wake word in a stream of sound.

Examples
--------
>>> import stapes
>>> results = stapes.run(word="computer", data="recordings", out="runs/computer")  # doctest: +SKIP
>>> results["int8"].accuracy  # doctest: +SKIP
"""

from __future__ import annotations

import sys
from types import ModuleType

import lazy_loader

from stapes.system.version import __version__

# Late, so that `import stapes` and `stapes --help` do not wait for NumPy and SciPy. The stub gives
# signatures to type checkers, so `lazy_loader.attach_stub` cannot read the names from it.
__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "api": [
            "data",
            "evaluate",
            "export",
            "inspect",
            "listen",
            "load",
            "report",
            "run",
            "search",
            "slim",
        ],
        "listen.wake_word": ["Detection", "WakeWord"],
        "errors": ["AudioError", "MissingExtraError", "ModelError", "StapesError", "UsageError"],
    },
)
__all__ += ["__version__"]


class _Package(ModuleType):
    """Rooms have the names of verbs: importing the room `run` must not hide the function `run`."""

    def __setattr__(self, name: str, value: object) -> None:
        if not (name in __all__ and isinstance(value, ModuleType)):
            super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Package
