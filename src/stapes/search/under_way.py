"""The trials that an engine works on; none is lost if a worker dies."""

from __future__ import annotations

import logging
from collections import Counter
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Future, wait
from pathlib import Path

from stapes.contracts.results import Trial
from stapes.search.candidate import Candidate
from stapes.search.engines import MOST_DEATHS, Engine
from stapes.search.evaluating import Outcome
from stapes.system.files import sha256, write_bytes

log = logging.getLogger("stapes")


class UnderWay:
    """Trials that were drawn and are not finished. Their files go to `folder`, by their number."""

    def __init__(self, engine: Engine, folder: Path) -> None:
        self._engine, self._folder = engine, folder
        self._candidates: dict[int, Candidate] = {}
        self._pending: dict[Future[Outcome], int] = {}
        self._done: dict[int, Trial] = {}
        self._deaths: Counter[int] = Counter()

    @property
    def count(self) -> int:
        """Their number, with those that wait for an earlier one."""
        return len(self._candidates)

    def begin(self, number: int, candidate: Candidate) -> None:
        """Begin a trial."""
        self._candidates[number] = candidate
        self._submit(number)

    def finish_first(self) -> Trial:
        """Wait for the trial of the lowest number."""
        first = min(self._candidates)
        while first not in self._done:
            self._collect()
        del self._candidates[first]
        return self._done.pop(first)

    def _submit(self, number: int) -> None:
        self._pending[self._engine.submit(self._candidates[number])] = number

    def _collect(self) -> None:
        """Wait for one trial or several, and store the results."""
        broken = []
        for future in wait(self._pending, return_when=FIRST_COMPLETED).done:
            number = self._pending.pop(future)
            try:
                self._done[number] = _finish(number, future.result(), self._folder)
            except BrokenExecutor:
                broken.append(number)
            except OSError:
                raise
            except Exception as error:
                reason = (str(error).splitlines() or [""])[0] or type(error).__name__
                self._fail(number, reason)
        if broken:
            self._renew(broken)

    def _renew(self, broken: list[int]) -> None:
        """Begin all trials of a broken pool again: nobody knows which one killed the worker."""
        numbers = sorted([*broken, *self._pending.values()])
        log.warning("a worker died; %d trials are done again", len(numbers))
        self._pending.clear()
        self._engine.renew()
        for number in numbers:
            self._deaths[number] += number in broken
            if self._deaths[number] > MOST_DEATHS:
                self._fail(number, "its worker died (out of memory?)")
            else:
                self._submit(number)

    def _fail(self, number: int, reason: str) -> None:
        self._done[number] = self._candidates[number].trial(number, failed=reason)


def _finish(number: int, outcome: Outcome, folder: Path) -> Trial:
    """Write a trial's file, and return the trial with its number and file."""
    trial = outcome.trial.model_copy(update={"number": number})
    if outcome.tflite is not None:
        path = trial_file(folder, number)
        write_bytes(path, outcome.tflite)
        trial.file = f"{folder.name}/{path.name}"
        trial.sha256 = sha256(path)
    return trial


def trial_file(folder: Path, number: int) -> Path:
    """The .tflite of a trial."""
    return folder / f"{number:04d}.tflite"
