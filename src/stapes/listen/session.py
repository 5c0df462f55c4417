"""Several models listen to the same sound, one recording after the other."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np

from stapes.contracts.listening import Heard, ListenedModel, Listening
from stapes.contracts.measurements import SkippedFile
from stapes.errors import AudioError, UsageError
from stapes.listen import keeping, labels
from stapes.listen.engine import RATE, Step
from stapes.listen.health import Health
from stapes.listen.highest import LOWEST, Highest
from stapes.listen.history import History
from stapes.listen.listener import Listener
from stapes.listen.settings import ListenSettings
from stapes.listen.sounds import Recording, Recordings, Samples, of_file
from stapes.listen.wake_word import WakeWord
from stapes.listen.warm_up import led, warm_up
from stapes.listen.watch import Event, Watch


class Session:
    """Models that listen together.

    Parameters
    ----------
    words : sequence of WakeWord
        Their names differ.
    settings : ListenSettings
    source : str
        Of the sound, in words.
    listener : Listener
    """

    def __init__(
        self, words: Sequence[WakeWord], settings: ListenSettings, source: str, listener: Listener
    ) -> None:
        self.words, self.settings, self.source = words, settings, source
        self.listener = listener
        self._samples = 0
        self._heard: list[Heard] = []
        self._stopped = False
        self._highest = Highest(words) if settings.page is not None else None

    def live(self, chunks: Iterator[Samples], *, clock: bool) -> Listening:
        """Listen to a microphone or standard input until it ends, or Ctrl-C.

        With `clock`, the first sample is of now.
        """
        began = datetime.now().astimezone() if clock else None
        heard = self._hear(Recording(None, self._checked(chunks), began), lead=False)
        if self.settings.labels is not None:
            labels.write(self.settings.labels, heard)
        return self._summary(files=0, skipped=[])

    def recordings(self, found: Recordings) -> Listening:
        """Listen to each recording from a start of the models; see `warm_up`.

        Raises
        ------
        AudioError
            The only recording cannot be used.
        UsageError
            None of several can.
        """
        skipped = [SkippedFile(file=file, reason=reason) for file, reason in found.skipped]
        files, total = 0, len(found.paths)
        for number, (name, path) in enumerate(zip(found.names, found.paths, strict=True)):
            if self._stopped:
                break
            self.listener.recording(number, total, name)
            before = self._samples, len(self._heard)
            try:
                heard = self._hear(Recording(name, of_file(path), path=path), lead=True)
            except AudioError as error:
                if total == 1:
                    raise
                skipped.append(SkippedFile(file=name, reason=error.reason))
                self._samples, self._heard = before[0], self._heard[: before[1]]
                continue
            files += 1
            if self.settings.labels is not None:
                labels.write(labels.path_of(self.settings.labels, name, alone=found.single), heard)
        if not files and not self._stopped:
            first = f"{skipped[0].file}: {skipped[0].reason}"
            raise UsageError(f"{found.source}: no sound file in it can be used ({first}).")
        return self._summary(files, skipped)

    def _checked(self, chunks: Iterator[Samples]) -> Iterator[Samples]:
        health = Health(self.source)
        for chunk in chunks:
            if message := health.take(chunk):
                self.listener.note(message)
            yield chunk

    def _hear(self, recording: Recording, *, lead: bool) -> list[Heard]:
        """What is heard from a start; Ctrl-C ends it."""
        before, chunks = np.zeros(0, np.int16), recording.chunks
        hearing = _Hearing(self, recording)
        first = len(self._heard)
        try:
            if lead:
                before, chunks = led(chunks)
            for word in self.words:
                warm_up(word, before)
            for chunk in chunks:
                hearing.history.add(chunk)
                self._samples += len(chunk)
                for word in self.words:
                    for step in word.steps(chunk):
                        hearing.take(word, step.after(-len(before) / RATE))
                hearing.settle()
                self.listener.scores(self.words, hearing.history.seconds)
        except KeyboardInterrupt:
            self._stopped = True
        hearing.end()
        return self._heard[first:]

    def report(self, heard: Heard) -> None:
        """Count an event, and tell the listener."""
        self._heard.append(heard)
        self.listener.heard(heard)

    def keep(self, word: WakeWord, heard: Heard, history: History, recording: Recording) -> None:
        """Keep the seconds around an event, where they are wanted."""
        folder = self.settings.keep if heard.event != "lower score" else None
        highest = self._highest if self._highest and self._highest.takes(heard) else None
        if folder is None and highest is None:
            return
        clip = keeping.clip_of(heard.seconds, word, history)
        if folder is not None:
            keeping.save(folder, heard, word, clip, recording, self.source)
        if highest is not None:
            highest.add(heard, clip)

    def _summary(self, files: int, skipped: list[SkippedFile]) -> Listening:
        hours = self._samples / RATE / 3600
        return Listening(
            source=self.source,
            files=files,
            hours=hours,
            near=self.settings.near,
            models=[self._model(word, hours) for word in self.words],
            skipped=skipped,
            stopped=self._stopped,
            heard=self._heard,
            highest=self._highest.encoded() if self._highest else [],
        )

    def _model(self, word: WakeWord, hours: float) -> ListenedModel:
        # At the end: SciPy would make the start slow.
        from stapes.measure.intervals import poisson_rate

        events = [heard for heard in self._heard if heard.model == word.name]
        detections = [heard for heard in events if heard.event == "detection"]
        count = len(detections)
        return ListenedModel(
            name=word.name,
            wake_word=word.wake_word,
            path=str(word.path),
            threshold=word.threshold,
            detections=count,
            files=len({heard.file for heard in detections if heard.file is not None}),
            near_misses=len(events) - count,
            per_hour=count / hours if hours else None,
            per_hour_ci95=poisson_rate(count, hours) if hours else None,
        )


@dataclass(frozen=True)
class _Waiting:
    """An event whose later sound is still to come."""

    word: WakeWord
    event: Event
    heard: Heard


class _Hearing:
    """The events of one recording."""

    def __init__(self, session: Session, recording: Recording) -> None:
        self._session, self._recording = session, recording
        self.history = History()
        near = session.settings.near
        self._watches = {word.name: Watch(word.threshold, near) for word in session.words}
        # Below a near miss there are scores too, which a page may show.
        self._lower = {word.name: Watch(word.threshold, LOWEST) for word in session.words}
        self._waiting: list[_Waiting] = []

    def take(self, word: WakeWord, step: Step) -> None:
        """The next step of a model, in the time of the recording."""
        self.history.score(word.name, step.seconds, step.score)
        self._report(word, self._watches[word.name].take(step))
        if self._session.settings.page is not None:
            self._note_lower(word, self._lower[word.name].take(step))

    def end(self) -> None:
        """No sound comes any more."""
        for word in self._session.words:
            self._report(word, self._watches[word.name].end())
            if self._session.settings.page is not None:
                self._note_lower(word, self._lower[word.name].end())
        self.settle(lambda _: True)

    def settle(self, due: Callable[[float], bool] | None = None) -> None:
        """Keep what is wanted of the events whose sound is there."""
        due = due or (lambda seconds: keeping.is_due(seconds, self.history))
        for entry in [entry for entry in self._waiting if due(entry.event.seconds)]:
            self._waiting.remove(entry)
            entry.heard.peak = entry.event.peak
            self._session.keep(entry.word, entry.heard, self.history, self._recording)

    def _report(self, word: WakeWord, events: Iterable[Event]) -> None:
        for event in events:
            heard = self._heard(word, event)
            self._waiting.append(_Waiting(word, event, heard))
            self._session.report(heard)

    def _note_lower(self, word: WakeWord, events: Iterable[Event]) -> None:
        least = self._session.settings.near * word.threshold
        for event in events:
            if event.kind == "near miss" and event.score < least:
                heard = self._heard(word, event).model_copy(update={"event": "lower score"})
                self._waiting.append(_Waiting(word, event, heard))

    def _heard(self, word: WakeWord, event: Event) -> Heard:
        began, time = self._recording.began, None
        if began is not None:
            moment = began + timedelta(seconds=event.seconds)
            time = moment.isoformat(timespec="milliseconds")
        return Heard(
            event=event.kind,
            model=word.name,
            file=self._recording.name,
            seconds=round(event.seconds, 3),
            time=time,
            score=round(event.score, 4),
            threshold=word.threshold,
            peak=event.peak,
        )
