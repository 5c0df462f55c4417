"""What `stapes listen` reports: each event as it comes, and the summary; `--json` prints them."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from stapes.contracts.measurements import Part, SkippedFile


class Heard(Part):
    """A detection or a near miss."""

    event: Literal["detection", "near miss", "lower score"]
    """A lower score is on a page alone."""
    model: str
    file: str | None
    """The recording; None of a microphone and of standard input."""
    seconds: float
    """From the start of the recording: the detection or, of a near miss, its highest score."""
    time: str | None = None
    """Of the day, in ISO 8601; None unless it is from a microphone."""
    score: float
    """At that moment; of a microWakeWord model, the mean of its last outputs."""
    threshold: float
    peak: float = Field(exclude=True)
    """The highest score until a second later. It is not known when the event is reported."""
    sound: str = Field(default="", exclude=True)
    """An MP3 in base64 of the seconds around it, for a page."""


class ListenedModel(Part):
    """What one model heard."""

    name: str
    wake_word: str
    path: str
    threshold: float
    detections: int
    files: int
    """With a detection."""
    near_misses: int
    per_hour: float | None
    """Detections per hour, which are false accepts where the word is not in the sound. None where
    there was no sound."""
    per_hour_ci95: tuple[float, float] | None


class Listening(Part):
    """All that was heard."""

    event: Literal["summary"] = "summary"
    source: str
    files: int
    """0 for a microphone and for standard input."""
    hours: float
    near: float
    """The part of the threshold from which on a score is a near miss."""
    models: list[ListenedModel]
    skipped: list[SkippedFile]
    stopped: bool = False
    """Whether the user stopped it."""
    heard: list[Heard] = Field(default_factory=list, exclude=True)
    """Detections and near misses, in the order of the sound."""
    highest: list[Heard] = Field(default_factory=list, exclude=True)
    """The few highest scores of each model with their sound, for a page."""
