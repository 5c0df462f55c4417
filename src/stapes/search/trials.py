"""Ask, evaluate, tell: the trials of a search, until so many were trained."""

from __future__ import annotations

import hashlib
import logging
from collections import Counter

from stapes.contracts.results import Trial
from stapes.errors import StapesError
from stapes.search.candidate import Candidate
from stapes.search.engines import Engine
from stapes.search.job import SearchJob
from stapes.search.study import Study
from stapes.search.under_way import UnderWay, trial_file
from stapes.system.files import sha256, write_bytes
from stapes.system.text import percent

_IN_VAIN_AT_FIRST, _IN_VAIN_FOR_EACH = 100, 30
"""Trials that are refused or fail, in all and for each that is trained: more is hopeless."""

log = logging.getLogger("stapes")


def run_trials(job: SearchJob, study: Study, engine: Engine) -> list[Trial]:
    """Go on with the study until `trials` of the settings models were trained.

    Parameters
    ----------
    job : SearchJob
        The trials' files go into its folder, by their number.
    study : Study
    engine : Engine

    Returns
    -------
    trials : list of Trial
        All that are finished, those of earlier tries included.

    Raises
    ------
    StapesError
        No trial came to anything, or a file of one is damaged and not made again as it was.
    """
    told = study.told()
    _restore(job, told, engine)
    if sum(trial.frr is not None for trial in told) < job.settings.trials:
        _go_on(job, study, engine, told)
    if not any(trial.frr is not None for trial in told):
        raise StapesError(_in_vain(told))
    return told


def _restore(job: SearchJob, told: list[Trial], engine: Engine) -> None:
    """Make files again that are gone or damaged since: a trial's figures are of no other file."""
    progress = job.progress
    damaged = []
    for trial in told:
        path = trial_file(job.folder.trials, trial.number)
        if trial.file and not (path.is_file() and sha256(path) == trial.sha256):
            damaged.append((path, trial))
    if not damaged:
        return
    progress.begin("Making damaged files of trials again")
    again = [engine.submit(Candidate.model_validate(trial.candidate)) for _, trial in damaged]
    for (path, trial), future in zip(damaged, again, strict=True):
        try:
            content = future.result().tflite
        except OSError:
            raise
        except Exception as error:
            log.warning("%s: %s", path, error)
            content = None
        if content is None or hashlib.sha256(content).hexdigest() != trial.sha256:
            raise StapesError(
                f"{path}: is gone or damaged, and is not the same when it is made again; delete "
                "the search's folder and search again."
            )
        write_bytes(path, content)
    progress.end(f"{len(damaged)} files")


def _go_on(job: SearchJob, study: Study, engine: Engine, told: list[Trial]) -> None:
    settings, progress = job.settings, job.progress
    under_way = UnderWay(engine, job.folder.trials)
    progress.begin(f"Searching: {settings.trials} models")
    for number, candidate in sorted(study.open().items()):
        under_way.begin(number, candidate)
    while True:
        trained = sum(trial.frr is not None for trial in told)
        progress.update(trained, settings.trials, _said(told))
        enough = trained + under_way.count >= settings.trials or _is_hopeless(told)
        # One told, one asked: the order of both is the same whoever is quick.
        if under_way.count < settings.together and not enough:
            under_way.begin(*study.ask())
            continue
        if not under_way.count:
            break
        trial = under_way.finish_first()
        study.tell(trial)
        told.append(trial)
        log.info("%s", line(trial))
        if trial.refused is None:
            progress.note(line(trial))
    progress.end(_said(told))
    if _is_hopeless(told) and any(trial.frr is not None for trial in told):
        progress.note("So many were refused that the search ends here: allow more in --budget.")


def line(trial: Trial) -> str:
    """What a trial came to, for the terminal and the log."""
    if trial.failed is not None:
        return f"trial {trial.number}: failed ({trial.failed}): {trial.summary}"
    costs = f"{trial.bytes:,} bytes, arena {trial.arena_bytes:,}, {trial.macs:,} MACs"
    if trial.refused is not None:
        return f"trial {trial.number}: refused ({trial.refused}): {trial.summary}"
    rates = f"FRR {percent(trial.frr)}, accuracy {percent(trial.accuracy)}"
    return f"trial {trial.number}: {costs}, {rates}: {trial.summary}"


def _said(told: list[Trial]) -> str:
    trained = sum(trial.frr is not None for trial in told)
    refused = sum(trial.refused is not None for trial in told)
    failed = len(told) - trained - refused
    parts = [f"{trained} trained", f"{refused} refused"]
    return ", ".join([*parts, f"{failed} failed"] if failed else parts)


def _is_hopeless(told: list[Trial]) -> bool:
    trained = sum(trial.frr is not None for trial in told)
    return len(told) - trained >= _IN_VAIN_AT_FIRST + _IN_VAIN_FOR_EACH * trained


def _in_vain(told: list[Trial]) -> str:
    reasons = Counter(trial.refused or trial.failed or "" for trial in told)
    failed = [trial for trial in told if trial.failed]
    if failed:
        return f"No trial came to anything; the first failed: {failed[0].failed}."
    nearest = min(told, key=lambda trial: (trial.bytes or 0) + (trial.arena_bytes or 0))
    return (
        f"No model of {sum(reasons.values())} fits --budget; the nearest has {nearest.bytes:,} "
        f"bytes and an arena of {nearest.arena_bytes:,} ({nearest.summary}): allow more."
    )
