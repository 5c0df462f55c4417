"""Limits of a device as text: `flash=20k,arena=24k,latency=5ms`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal, get_args

from pydantic import BeforeValidator, Field

Limit = Literal["flash", "arena", "latency"]
LIMITS: tuple[Limit, ...] = get_args(Limit)

_EXAMPLE = "flash=20k,arena=24k,latency=5ms"
_NUMBER = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*([a-zA-Z]*)")
_MOST = 1e12
_BYTES = {"": 1, "b": 1, "k": 1000, "kb": 1000, "mb": 10**6}
_BYTES |= {"ki": 1024, "kib": 1024, "mib": 1 << 20}
_MILLISECONDS = {"": 1.0, "ms": 1.0, "us": 1e-3, "s": 1e3}


def parse_budget(text: str) -> dict[Limit, float]:
    """Read limits: `flash` and `arena` in bytes, `latency` in milliseconds.

    k is 1,000 bytes and Ki is 1,024. A latency without a unit is in milliseconds.

    Raises
    ------
    ValueError
        A part is not a limit with a number and a unit.

    Examples
    --------
    >>> parse_budget("flash=20k,latency=500us")
    {'flash': 20000.0, 'latency': 0.5}
    """
    budget: dict[Limit, float] = {}
    for part in filter(None, map(str.strip, text.split(","))):
        key, _, number = (piece.strip() for piece in part.partition("="))
        name = next((limit for limit in LIMITS if limit == key), None)
        if name is None:
            raise ValueError(f"{part}: give {', '.join(LIMITS)}, as in {_EXAMPLE}")
        units: Mapping[str, float] = _MILLISECONDS if name == "latency" else _BYTES
        match = _NUMBER.fullmatch(number)
        unit = match[2].lower() if match else ""
        if not match or unit not in units or not 0 < float(match[1]) < _MOST:
            known = ", ".join(filter(None, units))
            raise ValueError(
                f"{part}: {name} needs a number above 0 and one of {known}, 1e12 at most"
            )
        if name in budget:
            raise ValueError(f"{part}: {name} is given twice")
        budget[name] = float(match[1]) * units[unit]
    if not budget:
        raise ValueError(f"names no limit, as in {_EXAMPLE}")
    return budget


def _parsed(budget: Any) -> Any:
    return parse_budget(budget) if isinstance(budget, str) else budget


Budget = Annotated[dict[Limit, Annotated[float, Field(gt=0, le=1e15)]], BeforeValidator(_parsed)]
"""Limits as a setting: a text, or numbers."""
