"""The trials that an engine works on; a worker that dies loses none of them."""

from __future__ import annotations

import logging
from collections import Counter
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Future, wait
from dataclasses import asdict
from pathlib import Path

from stapes.contracts.results import Trial
from stapes.search.candidate import Candidate
from stapes.search.engines import MOST_DEATHS, Engine
from stapes.search.evaluating import Outcome
from stapes.system.files import sha256, write_bytes

log = logging.getLogger("stapes")


class UnderWay:
    """Trials that were asked and not told.

    Parameters
    ----------
    engine : Engine
    folder : Path
        Where the trials' files go, by their number.
    """

    def __init__(self, engine: Engine, folder: Path) -> None:
        self._engine, self._folder = engine, folder
        self._candidates: dict[int, Candidate] = {}
        self._pending: dict[Future[Outcome], int] = {}
        self._done: dict[int, Trial] = {}
        self._deaths: Counter[int] = Counter()

    @property
    def count(self) -> int:
        """How many there are, those included that wait for an earlier one."""
        return len(self._candidates)

    def begin(self, number: int, candidate: Candidate) -> None:
        """Begin a trial."""
        self._candidates[number] = candidate
        self._submit(number)

    def finish_first(self) -> Trial:
        """The trial of the lowest number, when it is done."""
        first = min(self._candidates)
        while first not in self._done:
            self._collect()
        del self._candidates[first]
        return self._done.pop(first)

    def _submit(self, number: int) -> None:
        self._pending[self._engine.submit(self._candidates[number])] = number

    def _collect(self) -> None:
        """Wait for a trial, or for several, and keep what it came to."""
        broken = []
        for future in wait(self._pending, return_when=FIRST_COMPLETED).done:
            number = self._pending.pop(future)
            try:
                outcome = future.result()
                self._done[number] = _trial(number, self._candidates[number], outcome, self._folder)
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
        """Begin again all that a pool had which lost a worker; whose fault it was is not known."""
        again = [*broken, *self._pending.values()]
        log.warning("a worker died; %d trials are done again", len(again))
        self._pending.clear()
        self._engine.renew()
        for number in sorted(again):
            self._deaths[number] += number in broken
            if self._deaths[number] > MOST_DEATHS:
                self._fail(number, "its worker died (out of memory?)")
            else:
                self._submit(number)

    def _fail(self, number: int, reason: str) -> None:
        candidate = self._candidates[number]
        self._done[number] = Trial(
            number=number,
            candidate=candidate.model_dump(mode="json"),
            summary=candidate.summary,
            failed=reason,
        )


def _trial(number: int, candidate: Candidate, outcome: Outcome, folder: Path) -> Trial:
    """A trial as results.json has it; its file is written."""
    figures = asdict(outcome)
    content = figures.pop("tflite")
    figures |= {"refused": outcome.refused or None, "seconds": round(outcome.seconds, 1)}
    trial = Trial(
        number=number,
        candidate=candidate.model_dump(mode="json"),
        summary=candidate.summary,
        **figures,
    )
    if content is not None:
        path = trial_file(folder, number)
        write_bytes(path, content)
        trial.file = f"{folder.name}/{path.name}"
        trial.sha256 = sha256(path)
    return trial


def trial_file(folder: Path, number: int) -> Path:
    """Where a trial's .tflite is."""
    return folder / f"{number:04d}.tflite"
