"""The length of a window as a setting: seconds, or `auto`."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator

_SHORTEST, _LONGEST = 0.1, 60.0
"""Of a window that may hold a word."""


def _parsed(window: Any) -> Any:
    if window is None or window == "auto":
        return window
    try:
        seconds = 0.0 if isinstance(window, bool) else float(window)
    except (TypeError, ValueError):
        seconds = 0.0
    if not _SHORTEST <= seconds <= _LONGEST:
        raise ValueError(f"give seconds from {_SHORTEST:g} to {_LONGEST:g}, or auto; not {window}")
    return seconds


WindowSeconds = Annotated[float | Literal["auto"] | None, BeforeValidator(_parsed)]
"""As a setting: a number, its text, or `auto`; None where the frontend has it."""
