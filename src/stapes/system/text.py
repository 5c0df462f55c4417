"""Figures as text, the same in every report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

_LONGEST_WORD = 200
"""Of a name between two spaces. A longer path loses its middle."""

_LONGEST_SENTENCE = 4000

UNKNOWN = "–"
"""In place of a figure that was not measured."""


def printable(text: str, place: str = "\N{MIDDLE DOT}") -> str:
    """Text from a file for a terminal: `place` for each control character.

    Examples
    --------
    >>> printable("\x1b[31mred", "?")
    '?[31mred'
    """
    return "".join(char if char.isprintable() else place for char in text)


def shown(text: str) -> str:
    """A sentence about things of strangers as a terminal shows it: `printable`, and not too long.

    Examples
    --------
    >>> len(shown("op " + 20_000 * "x"))
    203
    """
    words = printable(text).split(" ")
    whole = " ".join(shortened(word, _LONGEST_WORD) for word in words)
    return shortened(whole, _LONGEST_SENTENCE)


def shortened(text: str, most: int) -> str:
    """Text of at most so many characters: a longer one loses its middle.

    Examples
    --------
    >>> shortened("0123456789", 5)
    '01…89'
    """
    if len(text) <= most:
        return text
    end = (most - 1) // 2
    return f"{text[: most - 1 - end]}…{text[-end:]}"


def percent(part: float | None, digits: int = 2) -> str:
    """A share as a percentage.

    Examples
    --------
    >>> percent(0.93654)
    '93.65 %'
    """
    return UNKNOWN if part is None else f"{100 * part:.{digits}f} %"


def interval(ends: tuple[float, float] | None, digits: int = 1) -> str:
    """A 95 % interval of shares in percent; empty where there is none.

    Examples
    --------
    >>> interval((0.8012, 0.98))
    '80.1 to 98.0'
    """
    if ends is None:
        return ""
    return f"{100 * ends[0]:.{digits}f} to {100 * ends[1]:.{digits}f}"


def points(difference: float | None) -> str:
    """A difference of two shares in percentage points, with its sign.

    Examples
    --------
    >>> points(-0.025)
    '-2.50'
    """
    # The sum turns -0.0 into 0.0.
    return UNKNOWN if difference is None else f"{round(100 * difference, 2) + 0.0:+.2f}"


def points_interval(ends: tuple[float, float]) -> str:
    """A 95 % interval of a difference, in percentage points."""
    return f"{100 * ends[0]:+.1f} to {100 * ends[1]:+.1f}"


def count(value: float | None) -> str:
    """A whole number with commas between thousands."""
    return UNKNOWN if value is None else f"{value:,.0f}"


def measure(value: float) -> str:
    """A quantity: one decimal below a hundred, none above.

    Examples
    --------
    >>> measure(15.84), measure(1168.2)
    ('15.8', '1,168')
    """
    return f"{value:,.1f}" if value < 100 else f"{value:,.0f}"


def probability(p: float) -> str:
    """A p-value, not below a thousandth."""
    return "< 0.001" if p < 0.001 else f"{p:.3f}" if p < 0.1 else f"{p:.2f}"


def p_value(p: float) -> str:
    """`p = 0.031`, or `p < 0.001`."""
    return f"p {probability(p)}" if p < 0.001 else f"p = {probability(p)}"


def rate(value: float) -> str:
    """False accepts per hour, with three digits.

    Examples
    --------
    >>> rate(0.06187), rate(1327.8)
    ('0.0619', '1,330')
    """
    return f"{float(f'{value:.3g}'):,.10g}"


def rate_interval(ends: tuple[float, float]) -> str:
    """A 95 % interval of false accepts per hour."""
    return f"{rate(ends[0])} to {rate(ends[1])}"


def plural(number: float, noun: str) -> str:
    """`1 clip`, `2 clips`."""
    return f"{number:,.10g} {noun}{'' if number == 1 else 's'}"


def hours(number: float) -> str:
    """Hours with three digits.

    Examples
    --------
    >>> hours(1), hours(0.06187)
    ('1 hour', '0.0619 hours')
    """
    return plural(float(f"{number:.3g}"), "hour")


def limits(budget: Mapping[Any, float]) -> str:
    """The limits of a device in words; empty without limits.

    Examples
    --------
    >>> limits({"flash": 20_000.0, "latency": 5.0})
    'flash 20,000 bytes, latency 5 ms'
    """
    return ", ".join(
        f"{name} {limit:,.10g} {'ms' if name == 'latency' else 'bytes'}"
        for name, limit in budget.items()
    )


def for_inputs(shapes: Sequence[Sequence[int]]) -> str:
    """Shapes of inputs, as the end of a sentence; empty for none.

    Examples
    --------
    >>> for_inputs([(1, 1024)])
    ' for inputs of [1, 1024]'
    """
    if not shapes:
        return ""
    return " for inputs of " + ", ".join(str(list(shape)) for shape in shapes)
