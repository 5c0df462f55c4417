"""One run under way: its settings, its folder and its workers.

A Job stays in the process of the command. Worker processes get paths and settings.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from concurrent.futures import BrokenExecutor, Executor
from dataclasses import dataclass

from stapes.errors import StapesError
from stapes.run.folder import RunFolder
from stapes.run.settings import RunSettings
from stapes.system.isolation import TRAINING_MEMORY, begin
from stapes.system.progress import SILENT, Progress
from stapes.system.workers import pool


@dataclass(frozen=True)
class Job:
    """The settings of a run, its folder, its worker processes and its progress.

    jobs : int > 0, worker processes; no result depends on their number
    """

    settings: RunSettings
    folder: RunFolder
    jobs: int = 1
    progress: Progress = SILENT

    @contextlib.contextmanager
    def workers(self, tasks: int = 1) -> Iterator[Executor]:
        """At most `tasks` worker processes, which print into the log.

        Raises
        ------
        StapesError
            A worker died.
        """
        log = self.folder.log.resolve()
        # Models of Stapes on a large corpus may use all memory of the machine.
        memory = TRAINING_MEMORY if self.settings.model else None
        jobs = max(1, min(self.jobs, tasks))
        with self.explained(), pool(jobs, begin, (log, memory)) as executor:
            yield executor

    @contextlib.contextmanager
    def explained(self) -> Iterator[None]:
        """Raise StapesError, with the fix, if a worker died in the block."""
        try:
            yield
        except BrokenExecutor:
            raise StapesError(
                f"A worker process died (out of memory?); {self.folder.log} may say why. The same "
                "command continues the run."
            ) from None
