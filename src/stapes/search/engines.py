"""Where trials run: worker processes of this machine, or a Ray cluster.

An engine returns a future of a candidate's outcome. If a worker dies, its trial is done again. A
trial whose worker dies again and again fails.
"""

from __future__ import annotations

import logging
from concurrent.futures import Future
from pathlib import Path
from typing import Protocol

import numpy as np

from stapes.run import steps
from stapes.run.feature_files import calibration, load_features
from stapes.search import stream_evaluating
from stapes.search.candidate import Candidate
from stapes.search.evaluating import Outcome, Sets, evaluate
from stapes.search.settings import SearchSettings
from stapes.system.files import send_output_to
from stapes.system.workers import Workers

TEACHER = "teacher.npy"
MOST_DEATHS = 3
"""Deaths of workers that a trial survives."""

log = logging.getLogger("stapes")


class Engine(Protocol):
    """Runs trials."""

    def submit(self, candidate: Candidate) -> Future[Outcome]:
        """Begin a trial; its future raises BrokenExecutor if the workers must be renewed."""

    def renew(self) -> None:
        """Start new workers, after they died."""


class Local(Workers):
    """Worker processes of this machine, which read the features from the run's work folder."""

    def __init__(self, settings: SearchSettings, work: Path, log_file: Path, jobs: int) -> None:
        super().__init__(jobs, send_output_to, (log_file.resolve(),))
        self._settings, self._work = settings, work

    def submit(self, candidate: Candidate) -> Future[Outcome]:
        """Begin a trial."""
        return self.executor().submit(evaluate_files, candidate, self._settings, self._work)

    def renew(self) -> None:
        """Kill the other workers; the next trial starts new ones."""
        self.kill()


@steps.plainly
def evaluate_files(candidate: Candidate, settings: SearchSettings, work: Path) -> Outcome:
    """A trial on features, or on frames of sound, in files."""
    if settings.in_streams:
        return stream_evaluating.evaluate(candidate, settings, work)
    return evaluate(candidate, settings, load_sets(work / candidate.frontend, settings))


@steps.plainly
def evaluate_sets(candidate: Candidate, settings: SearchSettings, sets: Sets) -> Outcome:
    """A trial on features in memory, in a process that may not see this machine's files."""
    return evaluate(candidate, settings, sets)


def load_sets(folder: Path, settings: SearchSettings) -> Sets:
    """The data of a trial: a frontend's features in `folder`, the teacher's scores next to it."""
    training = load_features(folder, "train")
    return Sets(
        training=training,
        validation=load_features(folder, "validation"),
        calibration=calibration(training, settings),
        teacher=np.load(folder.parent / TEACHER, allow_pickle=False),
    )
