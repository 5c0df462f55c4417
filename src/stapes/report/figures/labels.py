"""Names next to the points of a picture, none over another.

Points that are close together share a column of names to their right, in the order of their
heights; a line leads from each point to its name.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

LINE = 14.0
"""From one name to the next [px]."""

_LETTER = 6.7
"""The mean width of a letter at 12 px."""

_CLOSE, _AWAY = 24.0, 18.0


@dataclass(frozen=True)
class Point:
    """A point and its name."""

    x: float
    y: float
    name: str


def width(name: str) -> float:
    """About the width of a name [px]."""
    return _LETTER * len(name)


def columns(points: Sequence[Point]) -> list[list[int]]:
    """The points, by number, that share a column of names, from left to right."""
    ordered = sorted(range(len(points)), key=lambda n: (points[n].x, points[n].y))
    groups: list[list[int]] = []
    for number in ordered:
        x = points[number].x
        # A point joins a group if it is close to the others, or would be among their names.
        if groups and x < max(_last(groups[-1], points) + _CLOSE, _end(groups[-1], points)):
            groups[-1].append(number)
        else:
            groups.append([number])
    return groups


def places(points: Sequence[Point], top: float, bottom: float) -> list[tuple[float, float]]:
    """Where each name begins and its height, in the order of the points."""
    place: dict[int, tuple[float, float]] = {}
    for group in columns(points):
        x = _last(group, points) + _AWAY
        ordered = sorted(group, key=lambda n: points[n].y)
        heights = apart([points[n].y for n in ordered], LINE, top, bottom)
        place |= {n: (x, y) for n, y in zip(ordered, heights, strict=True)}
    return [place[n] for n in range(len(points))]


def apart(values: Sequence[float], least: float, low: float, high: float) -> list[float]:
    """The nearest places to ascending values that are at least so far from each other.

    They are between `low` and `high`, if there is room for all.
    """
    # Without the distances the places must only ascend, which is isotonic regression: values that
    # descend are pooled into their mean.
    pools: list[list[float]] = []
    for number, value in enumerate(values):
        pools.append([value - number * least, 1.0])
        while len(pools) > 1 and pools[-2][0] > pools[-1][0]:
            mean, size = pools.pop()
            other, other_size = pools[-1]
            total = size + other_size
            pools[-1] = [(mean * size + other * other_size) / total, total]
    base = [mean for mean, size in pools for _ in range(int(size))]
    last = high - (len(values) - 1) * least
    return [max(low, min(last, value)) + number * least for number, value in enumerate(base)]


def _last(group: Sequence[int], points: Sequence[Point]) -> float:
    return max(points[n].x for n in group)


def _end(group: Sequence[int], points: Sequence[Point]) -> float:
    return _last(group, points) + _AWAY + max(width(points[n].name) for n in group) + 6.0
