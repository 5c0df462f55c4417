"""Names beside the points of a picture, none over another.

Points that stand close together share a column of names to their right, in the order of their
heights; a line leads from each point to its name.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

LINE = 14.0
"""From one name to the next [px]."""

_LETTER = 6.7
"""Of a name at 12 px, on average; names are short, and a little room too much does no harm."""

_CLOSE, _AWAY = 24.0, 18.0


@dataclass(frozen=True)
class Point:
    """A point and the name that it wants."""

    x: float
    y: float
    name: str


def width(name: str) -> float:
    """About what a name takes [px]."""
    return _LETTER * len(name)


def columns(points: Sequence[Point]) -> list[list[int]]:
    """The points, by number, that share a column of names, from left to right."""
    ordered = sorted(range(len(points)), key=lambda n: (points[n].x, points[n].y))
    groups: list[list[int]] = []
    for number in ordered:
        at = points[number].x
        # A point joins where it is close to the others, or would stand in their names.
        if groups and at < max(_last(groups[-1], points) + _CLOSE, _end(groups[-1], points)):
            groups[-1].append(number)
        else:
            groups.append([number])
    return groups


def places(points: Sequence[Point], top: float, bottom: float) -> list[tuple[float, float]]:
    """Where each name begins and its height, in the order of the points."""
    found: dict[int, tuple[float, float]] = {}
    for group in columns(points):
        x = _last(group, points) + _AWAY
        ordered = sorted(group, key=lambda n: points[n].y)
        heights = apart([points[n].y for n in ordered], LINE, top, bottom)
        found |= {n: (x, y) for n, y in zip(ordered, heights, strict=True)}
    return [found[n] for n in range(len(points))]


def apart(wanted: Sequence[float], least: float, low: float, high: float) -> list[float]:
    """Places at least so far from each other and as near as can be to those that are wanted.

    Parameters
    ----------
    wanted : sequence of float
        In ascending order.
    least : float
        The least distance.
    low, high : float
        Between these, if there is room for all.
    """
    # Without the distances the places must only ascend, which is isotonic regression: what
    # descends is pooled into its mean.
    pools: list[list[float]] = []
    for number, value in enumerate(wanted):
        pools.append([value - number * least, 1.0])
        while len(pools) > 1 and pools[-2][0] > pools[-1][0]:
            mean, many = pools.pop()
            other, more = pools[-1]
            pools[-1] = [(mean * many + other * more) / (many + more), many + more]
    base = [mean for mean, many in pools for _ in range(int(many))]
    last = high - (len(wanted) - 1) * least
    return [max(low, min(last, value)) + number * least for number, value in enumerate(base)]


def _last(group: Sequence[int], points: Sequence[Point]) -> float:
    return max(points[n].x for n in group)


def _end(group: Sequence[int], points: Sequence[Point]) -> float:
    return _last(group, points) + _AWAY + max(width(points[n].name) for n in group) + 6.0
