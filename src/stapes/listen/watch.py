"""From the steps of a model to events: detections, and near misses."""

from __future__ import annotations

from dataclasses import dataclass

from stapes.contracts.captures import Kind
from stapes.listen.engine import Step

SECONDS = 1.0
"""After a detection, in which its highest score may come; and between two near misses."""
LONGEST = 3.0
"""After the highest score of a near miss until it is over, even if scores stay near."""


@dataclass
class Event:
    """A detection or a near miss.

    kind : what it is
    seconds : of the detection or, of a near miss, of its highest score
    score : at that moment
    peak : the highest score until `SECONDS` later, as far as it is known
    """

    kind: Kind
    seconds: float
    score: float
    peak: float


class Watch:
    """What one model hears in one recording.

    A near miss is a stretch of scores from `near` times the threshold on, without a detection in it
    or within a second after it; of one that lasts, each three seconds are one. While the device is
    deaf, there is none.
    """

    def __init__(self, threshold: float, near: float) -> None:
        self._least = near * threshold
        self._detection: Event | None = None
        self._near: Event | None = None
        self._last_near = 0.0

    def take(self, step: Step) -> list[Event]:
        """The events that a step completes: a detection at once, a near miss a second later."""
        events = []
        if step.detected:
            self._near = None
            self._detection = Event("detection", step.seconds, step.score, step.score)
            return [self._detection]
        if self._detection is not None and step.seconds <= self._detection.seconds + SECONDS:
            self._detection.peak = max(self._detection.peak, step.score)
        if self._near is not None and step.seconds > min(
            self._last_near + SECONDS, self._near.seconds + LONGEST
        ):
            events, self._near = [self._near], None
        if step.score >= self._least and not step.deaf:
            self._last_near = step.seconds
            if self._near is None or step.score > self._near.score:
                self._near = Event("near miss", step.seconds, step.score, step.score)
        return events

    def end(self) -> list[Event]:
        """The near miss that was not over when the sound ended."""
        return [] if self._near is None else [self._near]
