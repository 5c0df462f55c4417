"""Where trials run: worker processes of this machine, or a Ray cluster.

An engine takes a candidate and gives a future of its outcome. A worker that dies loses no trial:
what it had is done again. A trial whose worker dies again and again is given up.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator
from concurrent.futures import BrokenExecutor, Executor, Future
from pathlib import Path
from typing import Protocol

import numpy as np

from stapes.run import steps
from stapes.search.candidate import Candidate
from stapes.search.evaluating import Outcome, Sets, evaluate
from stapes.search.settings import SearchSettings
from stapes.system.files import send_output_to
from stapes.system.workers import pool

TEACHER = "teacher.npy"
MOST_DEATHS = 3
"""Of workers, with the same trial in them."""

log = logging.getLogger("stapes")


class Engine(Protocol):
    """Runs trials."""

    def submit(self, candidate: Candidate) -> Future[Outcome]:
        """Begin a trial; its future raises BrokenExecutor where the workers are to be renewed."""

    def renew(self) -> None:
        """Start workers anew, after they died."""


class Local:
    """Worker processes of this machine, which read the features from the run's work folder."""

    def __init__(self, settings: SearchSettings, work: Path, log_file: Path, jobs: int) -> None:
        self._settings, self._work, self._log, self._jobs = settings, work, log_file, jobs
        self._stack = contextlib.ExitStack()
        self._executor: Executor | None = None

    def submit(self, candidate: Candidate) -> Future[Outcome]:
        """Begin a trial."""
        if self._executor is None:
            initial = (send_output_to, (self._log.resolve(),))
            self._executor = self._stack.enter_context(pool(self._jobs, *initial))
        return self._executor.submit(evaluate_files, candidate, self._settings, self._work)

    def renew(self) -> None:
        """Kill what is left of the workers; the next trial starts others."""
        self._executor = None
        stack, self._stack = self._stack, contextlib.ExitStack()
        with contextlib.suppress(BrokenExecutor):
            # A pool kills its workers where its block ends by an error.
            stack.__exit__(BrokenExecutor, BrokenExecutor(), None)

    def close(self) -> None:
        """End the workers once they are done."""
        self._stack.close()


@contextlib.contextmanager
def local(settings: SearchSettings, work: Path, log_file: Path, jobs: int) -> Iterator[Local]:
    """Worker processes that end with the block."""
    made = Local(settings, work, log_file, jobs)
    try:
        yield made
    except BaseException:
        made.renew()
        raise
    made.close()


@steps.plainly
def evaluate_files(candidate: Candidate, settings: SearchSettings, work: Path) -> Outcome:
    """A trial on features in files."""
    return evaluate(candidate, settings, load_sets(work / candidate.frontend, settings))


@steps.plainly
def evaluate_sets(candidate: Candidate, settings: SearchSettings, sets: Sets) -> Outcome:
    """A trial on features in memory, in a process that need not see this machine's files."""
    return evaluate(candidate, settings, sets)


def load_sets(folder: Path, settings: SearchSettings) -> Sets:
    """What a trial of one frontend works from.

    Parameters
    ----------
    folder : Path
        With the features of the splits; beside it, the teacher's scores.
    settings : SearchSettings
    """
    training = steps.load_features(folder, "train")
    rows = steps.calibration_rows(training, settings.calibration_clips, settings.seed)
    return Sets(
        training=training,
        validation=steps.load_features(folder, "validation"),
        calibration=np.asarray(training.x[rows]),
        teacher=np.load(folder.parent / TEACHER, allow_pickle=False),
    )
