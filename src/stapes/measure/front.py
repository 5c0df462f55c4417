"""The Pareto front: the points that no other point beats, where each coordinate is a cost.

A point beats another if it is as low in every coordinate and lower in one. Equal points do not
beat each other. Infinity means not measured.
"""

from __future__ import annotations

from collections.abc import Sequence

Point = tuple[float, ...]


def front(points: Sequence[Point]) -> list[int]:
    """Indices of the points that no other beats, in order, with all equal points.

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
    """The front, sorted by the first coordinate, with the first of equal points.

    Examples
    --------
    >>> stairs([(2, 1), (1, 2), (2, 2), (1, 2)])
    [1, 0]
    """
    first = {points[index]: index for index in reversed(front(points))}
    return [first[point] for point in sorted(first)]


def _beats(one: Point, other: Point) -> bool:
    return one != other and all(a <= b for a, b in zip(one, other, strict=True))
