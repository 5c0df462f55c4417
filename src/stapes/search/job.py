"""One search under way: a run's job with a study and trials in its folder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from stapes.run.folder import RunFolder
from stapes.run.job import Job
from stapes.search.settings import LATER, SearchSettings

Cluster = Literal["ray"]


class SearchFolder(RunFolder):
    """A run folder with a study and the files of trials."""

    command = "search"
    later = LATER

    def __init__(self, path: Path, settings: SearchSettings) -> None:
        super().__init__(path, settings)
        self.study = path / "study.db"
        self.trials = path / "trials"
        self.streams_only = settings.in_streams
        self._kind = settings.frontend.kind

    @property
    def features(self) -> Path:
        """The folder of the features for the baseline's frontend; each frontend has one."""
        return self.work / self._kind


@dataclass(frozen=True)
class SearchJob(Job):
    """The settings of a search, its folder, and where its trials run: here if `cluster` is None."""

    settings: SearchSettings
    folder: SearchFolder
    cluster: Cluster | None = None
