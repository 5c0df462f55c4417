"""What a figure shows, apart from how it is drawn; `figures/` draws it."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field

DASHES = ("solid", "dash", "dot", "dashdot", "longdash")
SYMBOLS = ("circle", "square", "diamond", "triangle-up", "triangle-down", "cross", "x", "star")
COLOURS = 7
"""Of Okabe and Ito's eight, all but yellow, which is lost on white."""


@dataclass(frozen=True)
class Look:
    """How a series differs from the others, by more than its colour."""

    variant: int
    """Its row in the table; -1 for what is no variant."""
    colour: int
    dash: str
    symbol: str
    chosen: bool = True
    """Whether it stands out at first; what does not is grey."""


def look(number: int, *, variant: int = -1, chosen: bool = True) -> Look:
    """The look of so many: no two of the first 280 are equal."""
    return Look(
        variant=variant,
        colour=number % COLOURS,
        dash=DASHES[number % len(DASHES)],
        symbol=SYMBOLS[number % len(SYMBOLS)],
        chosen=chosen,
    )


@dataclass(frozen=True)
class Axis:
    """An axis with its ticks."""

    title: str
    low: float
    high: float
    ticks: list[tuple[float, str]]
    log: bool = False

    def place(self, value: float) -> float:
        """Where a value is, from 0 at the low end to 1."""
        if self.log:
            return math.log(value / self.low) / math.log(self.high / self.low)
        return (value - self.low) / (self.high - self.low)


@dataclass(frozen=True)
class Series:
    """Points that belong together, usually one variant's."""

    name: str
    look: Look
    x: list[float]
    y: list[float]
    hover: list[str]
    """The tooltip of each point, plain text in lines; empty for a curve with `values`."""
    low: list[float] = field(default_factory=list)
    """The ends of each point's interval in y; empty where there is none."""
    high: list[float] = field(default_factory=list)
    values: list[tuple[str, ...]] = field(default_factory=list)
    """What each point of a curve has to show in the chart's `tip`."""
    small: bool = False
    """Whether its points stand back behind the others."""


@dataclass(frozen=True)
class Chart:
    """Series over two axes."""

    key: str
    title: str
    x: Axis
    y: Axis
    series: list[Series]
    lines: bool = True
    labels: bool = False
    """Whether each point is named beside it."""
    guide: list[tuple[float, float]] = field(default_factory=list)
    """A dotted line."""
    mark: tuple[float, str] | None = None
    """A vertical line at x, and what it says."""
    tip: str = ""
    """The tooltip of a curve's point, with {0}, {1} and so on for its values.

    A curve has hundreds of points: a whole sentence for each would fill the page.
    """


@dataclass(frozen=True)
class Panel:
    """How the weights of one layer are distributed."""

    name: str
    detail: str
    low: float
    """Where the first bin begins."""
    high: float
    """Where the last bin ends."""
    counts: list[int]
    """How many weights lie in each bin of equal width; at least one is not zero."""
    ends: tuple[str, str]
    """What stands below the first and the last bin."""
    title: str = ""
    """What a screen reader adds to the name."""


@dataclass(frozen=True)
class Bars:
    """A bar a row, stacked from parts."""

    key: str
    title: str
    axis: Axis
    rows: list[str]
    parts: list[tuple[str, list[int]]]
    """Each part's name, and what each row has of it."""


def log_ticks(low: float, high: float) -> list[float]:
    """1, 2 and 5 of each decade between two values."""
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    steps = (unit * 10.0**power for power in range(first, last + 1) for unit in (1, 2, 5))
    return [value for value in steps if low <= value <= high]


def linear_ticks(low: float, high: float, most: int = 6) -> list[float]:
    """Round values between two, evenly spaced, as many as `most` allows."""
    span = high - low
    unit = 10.0 ** math.floor(math.log10(span / most))
    step = next(unit * times for times in (1, 2, 5, 10, 20) if span / (unit * times) <= most)
    first = math.ceil(low / step - 1e-9)
    count = math.floor(high / step + 1e-9) - first + 1
    return [round((first + n) * step, 10) for n in range(count)]


def short(value: float) -> str:
    """A tick's value, no longer than it need be."""
    return f"{value:,.10g}"


def bounds(values: Iterable[float], *, room: float = 0.05) -> tuple[float, float]:
    """The least and the greatest, with room on both sides."""
    known = [value for value in values if math.isfinite(value)]
    low, high = min(known), max(known)
    extra = room * (high - low) or 0.5
    return low - extra, high + extra
