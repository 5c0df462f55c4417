"""The results of a run so far: the one owner of results.json.

Every step changes the results through a Record and saves it. So results.json always holds what is
done, and a run that was killed continues from there.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path

from stapes.contracts import results as results_file
from stapes.contracts.measurements import TestClip
from stapes.contracts.results import Baseline, Data, Results, VariantResult
from stapes.data.features import Chosen
from stapes.errors import StapesError
from stapes.run.folder import RunFolder
from stapes.run.job import Job
from stapes.run.versions import versions
from stapes.system.files import sha256
from stapes.techniques.registry import TECHNIQUES

log = logging.getLogger("stapes")


@dataclass(frozen=True)
class Record:
    """The results of a run under way, and their file."""

    results: Results
    path: Path

    def save(self) -> None:
        """Write results.json."""
        results_file.write(self.results, self.path)

    def add(self, row: VariantResult) -> None:
        """Put a variant at its place in the table, and save."""
        results, order = self.results, list(TECHNIQUES)
        results.variants = sorted([*results.variants, row], key=lambda row: order.index(row.name))
        if results.float32:
            results.baseline.accuracy = results.float32.accuracy
        self.save()


def begin(job: Job, data: Data, baseline: Baseline) -> Record:
    """A record with the baseline and no variants, not saved yet."""
    settings = job.settings
    results = Results(
        word=settings.word,
        seed=settings.seed,
        preset=settings.preset,
        versions=versions(),
        data=data,
        baseline=baseline,
        variants=[],
        settings=job.folder.description["settings"],
    )
    return Record(results, job.folder.results)


def earlier(folder: RunFolder) -> Results | None:
    """The results that the same run saved before it stopped; None if its baseline is not whole."""
    if not folder.results.is_file() or not folder.baseline.is_file():
        return None
    try:
        results = results_file.read(folder.results)
    except StapesError as error:
        # The file is damaged: the run measures everything again.
        log.warning("%s", error)
        return None
    if sha256(folder.baseline) != results.baseline.sha256:
        log.warning(
            "%s is not the baseline that the results are of; it is made again.", folder.baseline
        )
        return None
    return results


def resume(job: Job, data: Data) -> Record | None:
    """The record from before the run stopped, with the variants whose files are whole, or None."""
    folder = job.folder
    results = earlier(folder)
    if results is None:
        return None
    results.variants = [
        row
        for row in results.variants
        if row.name in TECHNIQUES
        and (folder.path / row.file).is_file()
        and sha256(folder.path / row.file) == row.sha256
    ]
    results.data = data
    results.settings = folder.description["settings"]
    return Record(results, folder.results)


def clips_of(test: Chosen) -> list[TestClip]:
    """The test clips as results.json has them."""
    return [
        TestClip(name=clip.name, label=clip.label, word=bool(y))
        for clip, y in zip(test.clips, test.y, strict=True)
    ]
