"""Operating points: figures of a sweep over thresholds, at a rate of false accepts or a threshold.

`measure.detection` has the rules. A sweep is of a window model (`measure.detection.Curve`) or of a
streaming model (`measure.stream.StreamCurve`).
"""

from __future__ import annotations

import math
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from stapes.contracts.measurements import DetCurve, OperatingPoint
from stapes.measure.intervals import poisson_rate, wilson
from stapes.system.text import hours as hours_of

_MOST_POINTS = 120
"""Of a curve in results.json."""

_UNREACHED = (
    "sound without the word reaches the highest score: no threshold is strict enough for this rate"
)


class Sweep(Protocol):
    """False accepts and misses at every threshold."""

    @property
    def thresholds(self) -> NDArray[np.float64]:
        """Ascending [shape=(t,)]."""

    @property
    def false_accepts(self) -> NDArray[np.int64]:
        """At each threshold [shape=(t,)]."""

    @property
    def misses(self) -> NDArray[np.int64]:
        """Embedded words that are not detected at each threshold [shape=(t,)]."""

    @property
    def n_words(self) -> int:
        """Embedded words."""

    @property
    def hours(self) -> float:
        """Of sound without the word, > 0."""

    def point(self, threshold: float) -> OperatingPoint:
        """The figures at any threshold."""


def at_rate(curve: Sweep, target: float) -> OperatingPoint:
    """The point for a target rate > 0 [false accepts an hour]."""
    allowed = allowed_accepts(curve, target)
    if allowed < 1:
        needed = 1 / target
        return OperatingPoint(
            target_fa_per_hour=target,
            resolvable=False,
            needs_hours=needed,
            reason=f"not resolvable: {target:g} an hour needs {hours_of(needed)} of sound without "
            f"the word, and there are {curve.hours:.3g}",
        )
    too_many = np.flatnonzero(curve.false_accepts > allowed)
    place = int(too_many[-1]) + 1 if len(too_many) else 0
    if place == len(curve.thresholds):
        return OperatingPoint(target_fa_per_hour=target, resolvable=False, reason=_UNREACHED)
    point = curve.point(float(curve.thresholds[place]))
    return point.model_copy(update={"target_fa_per_hour": target})


def allowed_accepts(curve: Sweep, target: float) -> int:
    """The false accepts that a rate [an hour] allows in the hours of a curve."""
    # Rounding must not lose the last one.
    return math.floor(target * curve.hours * (1 + 1e-9))


def at_threshold(curve: Sweep, threshold: float | None) -> OperatingPoint:
    """The point at a threshold that was chosen elsewhere; None gives a point without figures."""
    if threshold is None:
        return OperatingPoint(resolvable=False, reason="no threshold was found without noise")
    return curve.point(threshold)


def counted(
    threshold: float, accepts: int, misses: int, *, words: int, hours: float
) -> OperatingPoint:
    """The point of so many false accepts in these hours, and misses among these words."""
    return OperatingPoint(
        threshold=threshold,
        false_accepts=accepts,
        fa_per_hour=accepts / hours,
        fa_per_hour_ci95=poisson_rate(accepts, hours),
        misses=misses,
        frr=misses / words if words else None,
        frr_ci95=wilson(misses, words),
    )


def lowest_rate(hours: float) -> float:
    """The lowest rate of false accepts [an hour] that so many hours resolve."""
    return 1.0 / hours


def det(curve: Sweep) -> DetCurve:
    """The curve from the strictest threshold on, thinned, with points where a count changes."""
    counts, misses = curve.false_accepts[::-1], curve.misses[::-1]
    changes = np.append(True, (np.diff(counts) != 0) | (np.diff(misses) != 0))
    places = np.flatnonzero(changes)
    if len(places) > _MOST_POINTS:
        # Spaced evenly in the logarithm of the false accepts, which is the axis of its figure.
        height = np.log1p(np.maximum.accumulate(counts[places]))
        travelled = height / max(height[-1], 1e-9) + np.linspace(0, 1, len(places))
        even = np.linspace(0, travelled[-1], _MOST_POINTS)
        places = places[np.unique(np.searchsorted(travelled, even).clip(0, len(places) - 1))]
    words = max(1, curve.n_words)
    return DetCurve(
        threshold=[round(float(value), 9) for value in curve.thresholds[::-1][places]],
        fa_per_hour=[round(float(value) / curve.hours, 4) for value in counts[places]],
        frr=[round(float(value) / words, 6) for value in misses[places]],
    )
