"""Limits of a device, as they are written: `flash=20k,arena=24k,latency=5ms`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Literal, get_args

Limit = Literal["flash", "arena", "latency"]
LIMITS: tuple[Limit, ...] = get_args(Limit)

_NUMBER = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*([a-zA-Z]*)")
_BYTES = {"": 1, "b": 1, "k": 1000, "kb": 1000, "mb": 10**6}
_BYTES |= {"ki": 1024, "kib": 1024, "mib": 1 << 20}
_MILLISECONDS = {"": 1.0, "ms": 1.0, "us": 1e-3, "s": 1e3}


def parse_budget(text: str) -> dict[Limit, float]:
    """Limits as they are given on the command line.

    Parameters
    ----------
    text : str
        E.g. `flash=20k,arena=24KiB,latency=5ms`. k is 1,000 bytes and Ki 1,024; a latency without
        a unit is in milliseconds.

    Returns
    -------
    budget : dict
        `flash` and `arena` in bytes, `latency` in milliseconds.

    Raises
    ------
    ValueError
        It cannot be read.

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
            raise ValueError(
                f"{part}: give {', '.join(LIMITS)}, as in flash=20k,arena=24k,latency=5ms"
            )
        units: Mapping[str, float] = _MILLISECONDS if name == "latency" else _BYTES
        match = _NUMBER.fullmatch(number)
        unit = match[2].lower() if match else ""
        if not match or unit not in units or not float(match[1]) > 0:
            known = ", ".join(filter(None, units))
            raise ValueError(f"{part}: {name} wants a number above 0 and one of {known}")
        if name in budget:
            raise ValueError(f"{part}: {name} is given twice")
        budget[name] = float(match[1]) * units[unit]
    if not budget:
        raise ValueError("names no limit, as in flash=20k,arena=24k,latency=5ms")
    return budget


def budget_of(value: Any) -> Any:
    """A budget in words as its limits; anything else as it is, for a validator."""
    return parse_budget(value) if isinstance(value, str) else value
