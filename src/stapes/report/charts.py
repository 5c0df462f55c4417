"""What a figure shows, apart from how it is drawn; `figures/` draws it."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field

DASHES = ("solid", "dash", "dot", "dashdot", "longdash")
SYMBOLS = ("circle", "square", "diamond", "triangle-up", "triangle-down", "cross", "x", "star")
_FEWEST_TICKS = 3
COLOURS = 7
"""Of Okabe and Ito's eight, all but yellow, which cannot be seen on white."""


@dataclass(frozen=True)
class Look:
    """How a series differs from the others, by more than its colour."""

    variant: int
    """Its row in the table of models; -1 for a series that is no variant."""
    colour: int
    dash: str
    symbol: str
    chosen: bool = True
    """Whether it is in colour at first; the others are grey."""


def look(number: int, *, variant: int = -1, chosen: bool = True) -> Look:
    """The look of a series by its number: no two of the first 280 are equal."""
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
    """For each point of a curve, the values in the chart's `tip`."""
    small: bool = False


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
    """Whether each point has its name next to it."""
    guide: list[tuple[float, float]] = field(default_factory=list)
    """A dotted line."""
    mark: tuple[float, str] | None = None
    """A vertical line at x, and its label."""
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
    """How many weights are in each bin of equal width; at least one is not zero."""
    ends: tuple[str, str]
    """The labels below the first and the last bin."""
    title: str = ""
    """Added to the name for a screen reader."""


@dataclass(frozen=True)
class Bars:
    """A bar for each row, stacked from parts."""

    title: str
    axis: Axis
    rows: list[str]
    parts: list[tuple[str, list[int]]]
    """Each part's name, and its size in each row."""


def log_axis(title: str, low: float, high: float, most: float = math.inf) -> Axis:
    """A logarithmic axis with round ticks up to `most`."""
    high_tick = min(high, most)
    values = log_ticks(low, high_tick)
    if len(values) < _FEWEST_TICKS:
        # Less than a decade may hold one of them or none.
        values = linear_ticks(low, high_tick)
    return Axis(title, low, high, [(value, short(value)) for value in values], log=True)


def linear_axis(title: str, low: float, high: float, most: float = math.inf) -> Axis:
    """A linear axis with round ticks up to `most`."""
    ticks = [(value, short(value)) for value in linear_ticks(low, min(high, most))]
    return Axis(title, low, high, ticks)


def log_ticks(low: float, high: float) -> list[float]:
    """1, 2 and 5 of each decade between two values."""
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    steps = (unit * 10.0**power for power in range(first, last + 1) for unit in (1, 2, 5))
    return [value for value in steps if low <= value <= high]


def linear_ticks(low: float, high: float) -> list[float]:
    """Round values between two, evenly spaced, six steps at most."""
    span = (high - low) / 6
    unit = 10.0 ** math.floor(math.log10(span))
    step = next(unit * times for times in (1, 2, 5, 10, 20) if unit * times >= span)
    first = math.ceil(low / step - 1e-9)
    count = math.floor(high / step + 1e-9) - first + 1
    return [round((first + n) * step, 10) for n in range(count)]


def short(value: float) -> str:
    """A tick's value with no more digits than it needs."""
    return f"{value:,.10g}"


def bounds(values: Iterable[float]) -> tuple[float, float]:
    """The least and the greatest finite value, with room on both sides."""
    finite = [value for value in values if math.isfinite(value)]
    low, high = min(finite), max(finite)
    extra = 0.05 * (high - low) or 0.5
    return low - extra, high + extra


def steps(corners: list[tuple[float, float]], end: float) -> list[tuple[float, float]]:
    """A line in steps through the corners, and on to the x `end`."""
    line = corners[:1]
    for x, y in corners[1:]:
        line += [(x, line[-1][1]), (x, y)]
    return [*line, (end, line[-1][1])]
