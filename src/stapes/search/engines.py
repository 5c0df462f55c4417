"""Where trials run: worker processes of this machine, or a Ray cluster.

An engine takes a candidate and gives a future of its outcome. A worker that dies loses no trial:
what it had is done again. A trial whose worker dies again and again is given up.
"""

from __future__ import annotations

import logging
from concurrent.futures import Future
from pathlib import Path
from typing import Protocol

import numpy as np

from stapes.run import steps
from stapes.run.feature_files import calibration, load_features
from stapes.search.candidate import Candidate
from stapes.search.evaluating import Outcome, Sets, evaluate
from stapes.search.settings import SearchSettings
from stapes.system.files import send_output_to
from stapes.system.workers import Workers

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


class Local(Workers):
    """Worker processes of this machine, which read the features from the run's work folder."""

    def __init__(self, settings: SearchSettings, work: Path, log_file: Path, jobs: int) -> None:
        super().__init__(jobs, send_output_to, (log_file.resolve(),))
        self._settings, self._work = settings, work

    def submit(self, candidate: Candidate) -> Future[Outcome]:
        """Begin a trial."""
        return self.executor().submit(evaluate_files, candidate, self._settings, self._work)

    def renew(self) -> None:
        """Kill what is left of the workers; the next trial starts others."""
        self.kill()


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
    training = load_features(folder, "train")
    return Sets(
        training=training,
        validation=load_features(folder, "validation"),
        calibration=calibration(training, settings),
        teacher=np.load(folder.parent / TEACHER, allow_pickle=False),
    )
