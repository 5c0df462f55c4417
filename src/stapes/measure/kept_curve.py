"""The curve that results.json keeps of a detector in a stream, to choose another point of it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stapes.contracts.measurements import Condition, OperatingPoint
from stapes.measure.device import HIGHEST
from stapes.measure.operating_points import counted


@dataclass(frozen=True)
class KeptCurve:
    """A sweep over the kept cutoffs of a condition (`measure.operating_points.Sweep`).

    A long curve is thinned, so a point for a rate may be a little stricter than the best one.
    """

    condition: Condition

    @property
    def thresholds(self) -> NDArray[np.float64]:
        """Ascending [shape=(t,)]."""
        return np.array(self.condition.det.threshold[::-1])

    @property
    def false_accepts(self) -> NDArray[np.int64]:
        """At each threshold [shape=(t,)]."""
        rates = np.array(self.condition.det.fa_per_hour[::-1])
        return np.asarray(np.rint(rates * self.hours), np.int64)

    @property
    def misses(self) -> NDArray[np.int64]:
        """Words that are not detected at each threshold [shape=(t,)]."""
        parts = np.array(self.condition.det.frr[::-1])
        return np.asarray(np.rint(parts * self.n_words), np.int64)

    @property
    def cutoffs(self) -> NDArray[np.int64]:
        """Each threshold as a device compares it [shape=(t,)]."""
        return np.asarray(np.floor(self.thresholds * HIGHEST), np.int64)

    @property
    def n_words(self) -> int:
        """Embedded words."""
        return self.condition.words

    @property
    def hours(self) -> float:
        """Of sound without the word."""
        return self.condition.hours

    def point(self, threshold: float) -> OperatingPoint:
        """The figures at a threshold of the curve."""
        place = int(np.flatnonzero(self.thresholds == threshold)[0])
        accepts, misses = int(self.false_accepts[place]), int(self.misses[place])
        point = counted(threshold, accepts, misses, words=self.n_words, hours=self.hours)
        return point.model_copy(update={"cutoff": int(self.cutoffs[place])})
