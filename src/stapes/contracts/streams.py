"""The parts of results.json about detectors in a stream."""

from __future__ import annotations

from pydantic import Field

from stapes.contracts.measurements import Part, SkippedFile


class StreamBaseline(Part):
    """The float model of the detectors in a stream."""

    parameters: int
    macs: int
    """Of one step."""
    receptive_field: int
    """Frames of 10 ms that an output depends on."""
    stride: int
    """Frames from one output to the next."""
    step_ms: float
    history: dict[str, list[float]] = Field(default_factory=dict)
    kept_epoch: int
    clips: int | None = None
    """Training clips of the word. None in older files."""
    clips_not_found: int | None = None
    """Of these, those in which the model does not find the word: where.csv lists all."""


class StreamSound(Part):
    """What the detectors in a stream were trained on."""

    frontend: str = "micro"
    """Of `stream.frontend`: what computed the frames. `micro` in older files."""

    words: int
    """Embedded words, with copies."""
    hours: float
    """Of sound without the word, with changed copies."""
    train_minutes: float
    """Of recordings without the word, as they are."""
    validation_minutes: float
    recordings: int
    """Files of `--negatives` in training."""
    spoken: int = 0
    """Files of sentences that espeak-ng spoke, in training. With neither, clips were joined."""
    word_frames: int
    """The length of the word [frames of 10 ms]: 95 of 100 clips are at most as long."""
    made_rooms: bool
    made_noise: bool
    captured_words: int = 0
    """Captures with the word, of `--captures`."""
    captured_others: int = 0
    """Captures without."""
    skipped: list[SkippedFile]


class Streams(Part):
    """The detectors in a stream of a run."""

    baseline: StreamBaseline
    sound: StreamSound


class StreamForm(Part):
    """What a detector in a stream takes and keeps."""

    frontend: str = "micro"
    """What computes the features that it takes. `micro` in older files."""

    stride: int
    """Frames that it takes in a step."""
    step_ms: float
    receptive_field: int
    """Frames that a score depends on."""
