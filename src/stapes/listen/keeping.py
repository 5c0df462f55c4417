"""The seconds around an event: as a WAV file with a sidecar, and as sound for a page."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from stapes.audio.write import write_wav
from stapes.contracts import captures
from stapes.contracts.captures import Capture
from stapes.contracts.listening import Heard
from stapes.data.slug import slug
from stapes.listen.engine import RATE
from stapes.listen.history import AFTER_SECONDS, BEFORE_SECONDS, History
from stapes.listen.sounds import Recording
from stapes.listen.wake_word import WakeWord


@dataclass(frozen=True)
class Clip:
    """The seconds around an event.

    samples : np.ndarray [shape=(n,)], 16 kHz
    begin : where they begin in the stream [s]
    scores : of the model, the first at `step_seconds` after `begin`
    """

    samples: NDArray[np.int16]
    begin: float
    scores: list[float]

    @property
    def floats(self) -> NDArray[np.float32]:
        """The samples in [-1, 1]."""
        return self.samples.astype(np.float32) / np.float32(32_768)


def is_due(seconds: float, history: History) -> bool:
    """Whether the sound after an event is there."""
    return history.seconds >= seconds + AFTER_SECONDS


def clip_of(seconds: float, word: WakeWord, history: History) -> Clip:
    """The seconds around a moment of the stream, or what there is of them."""
    first = max(0.0, seconds - BEFORE_SECONDS, history.begin / RATE)
    until = min(seconds + AFTER_SECONDS, history.seconds)
    steps = history.scores(word.name, first + word.step_seconds - 1e-9, until)
    # The clip begins a step before its first score.
    begin = steps[0][0] - word.step_seconds if steps else first
    samples = history.samples(round(begin * RATE), round(until * RATE))
    return Clip(samples, begin, [round(score, 4) for _, score in steps])


def save(
    folder: Path, heard: Heard, word: WakeWord, clip: Clip, recording: Recording, source: str
) -> Path:
    """Write a clip and its sidecar; returns the WAV file.

    The same event of the same recording has the same name, so that listening again adds nothing.
    """
    assert heard.event != "lower score"
    began = recording.began
    recorded = None if began is None else began + timedelta(seconds=clip.begin)
    if recorded is None:
        moment = f"{slug(heard.file or source)}-{heard.seconds:09.2f}"
    else:
        moment = f"{recorded:%Y%m%d-%H%M%S}-{recorded.microsecond // 10_000:02d}"
    path = folder / f"{slug(word.name)}-{moment}-{slug(heard.event)}.wav"
    capture = Capture(
        model=word.name,
        wake_word=word.wake_word,
        kind=heard.event,
        recorded=None if recorded is None else recorded.isoformat(timespec="milliseconds"),
        source=heard.file or source,
        source_sha256=recording.sha256,
        seconds=round(heard.seconds - clip.begin, 3),
        score=heard.peak,
        threshold=word.threshold,
        step_seconds=word.step_seconds,
        scores=clip.scores,
    )
    # The sidecar first: a WAV file without one would be no capture.
    captures.write(capture, path.with_suffix(".json"))
    write_wav(path, clip.samples, RATE)
    return path
