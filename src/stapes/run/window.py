"""The window of a run that shall be as long as its word: `--window auto`."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from stapes.data.word_length import word_seconds
from stapes.errors import UsageError
from stapes.run.job import Job
from stapes.run.preparation import load_corpus, synthetic_folder
from stapes.run.settings import RunSettings
from stapes.system.options import checked
from stapes.system.progress import Progress

AnyJob = TypeVar("AnyJob", bound=Job)
Settings = TypeVar("Settings", bound=RunSettings)

_TENTHS = 10
_MARGIN_SECONDS = 0.2
"""Beyond the word, whose estimate leaves out a quiet begin or end."""


def windowed(job: AnyJob) -> AnyJob:
    """The job with a window in seconds, which its run.yaml will have.

    Raises
    ------
    UsageError
        The data is wrong, or no training clip of the word can be used.
    """

    def root() -> Path:
        return job.settings.data or synthetic_folder(job)

    settings = settled(job.settings, root, job.progress)
    if settings is job.settings:
        return job
    return replace(job, settings=settings, folder=type(job.folder)(job.folder.path, settings))


def settled(settings: Settings, root: Callable[[], Path], progress: Progress) -> Settings:
    """The settings with a window in seconds: the word's length and a margin, in whole tenths.

    `root` returns the folder of clips, and is called for `--window auto` alone.
    """
    if settings.window != "auto":
        return settings
    corpus = load_corpus(root(), settings)
    progress.begin("Measuring the word's length")
    seconds = word_seconds(corpus.positives("train"))
    if seconds is None:
        raise UsageError(
            f'--window auto: no training clip of "{settings.word}" can be used; give seconds.'
        )
    window = math.ceil(round(_TENTHS * (seconds + _MARGIN_SECONDS), 6)) / _TENTHS
    progress.end(f"95 of 100 clips need {seconds:g} s; the window is {window:g} s")
    return checked(type(settings), {**dict(settings), "window": window}, called=["window"])
