"""The Pareto front: of points whose every coordinate is a cost, those that no other beats.

A point beats another where it is at least as low in every coordinate and lower in one. Equal
points do not beat each other. Infinity stands for what was not measured.
"""

from __future__ import annotations

from collections.abc import Sequence

Point = tuple[float, ...]


def front(points: Sequence[Point]) -> list[int]:
    """Indices of the points that no other beats, in their order; of equal points, all.

    Examples
    --------
    >>> front([(2, 1), (1, 2), (2, 2), (1, 2)])
    [0, 1, 3]
    """
    return [
        index
        for index, point in enumerate(points)
        if not any(_beats(other, point) for other in points)
    ]


def stairs(points: Sequence[Point]) -> list[int]:
    """The front with the lowest first coordinate first; of equal points, the first alone.

    Examples
    --------
    >>> stairs([(2, 1), (1, 2), (2, 2), (1, 2)])
    [1, 0]
    """
    first = {points[index]: index for index in reversed(front(points))}
    return [first[point] for point in sorted(first)]


def _beats(one: Point, other: Point) -> bool:
    return one != other and all(a <= b for a, b in zip(one, other, strict=True))
