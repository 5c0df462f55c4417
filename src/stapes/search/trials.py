"""Draw, evaluate, store: the trials of a search, until so many were trained."""

from __future__ import annotations

import hashlib
import logging

from stapes.contracts.results import Trial
from stapes.errors import StapesError
from stapes.search.candidate import Candidate
from stapes.search.engines import Engine
from stapes.search.job import SearchJob
from stapes.search.study import Study
from stapes.search.under_way import UnderWay, trial_file
from stapes.system.files import sha256, write_bytes
from stapes.system.text import percent

_UNTRAINED_AT_FIRST, _UNTRAINED_PER_TRAINED = 100, 30
"""A search ends after 100 trials without a model, plus 30 for each trained one."""

log = logging.getLogger("stapes")


def run_trials(job: SearchJob, study: Study, engine: Engine) -> list[Trial]:
    """Continue the study until `trials` of the settings models were trained.

    Returns
    -------
    trials : list of Trial
        All finished trials, also those from before the search was stopped.

    Raises
    ------
    StapesError
        No trial gave a model, or a damaged file is not the same when it is made again.
    """
    trials = study.finished()
    _restore(job, trials, engine)
    if sum(trial.frr is not None for trial in trials) < job.settings.trials:
        _continue(job, study, engine, trials)
    if not any(trial.frr is not None for trial in trials):
        raise StapesError(_no_model(trials))
    return trials


def _restore(job: SearchJob, trials: list[Trial], engine: Engine) -> None:
    """Make missing and damaged files again: a trial's figures belong to its file."""
    progress = job.progress
    damaged = []
    for trial in trials:
        path = trial_file(job.folder.trials, trial.number)
        if trial.file and not (path.is_file() and sha256(path) == trial.sha256):
            damaged.append((path, trial))
    if not damaged:
        return
    progress.begin("Making damaged files of trials again")
    futures = [engine.submit(Candidate.model_validate(trial.candidate)) for _, trial in damaged]
    for (path, trial), future in zip(damaged, futures, strict=True):
        try:
            content = future.result().tflite
        except OSError:
            raise
        except Exception as error:
            log.warning("%s: %s", path, error)
            content = None
        if content is None or hashlib.sha256(content).hexdigest() != trial.sha256:
            raise StapesError(
                f"{path}: is missing or damaged, and is not the same when it is made again; delete "
                "the search's folder and search again."
            )
        write_bytes(path, content)
    progress.end(f"{len(damaged)} files")


def _continue(job: SearchJob, study: Study, engine: Engine, trials: list[Trial]) -> None:
    settings, progress = job.settings, job.progress
    under_way = UnderWay(engine, job.folder.trials)
    progress.begin(f"Searching: {settings.trials} models")
    for number, candidate in sorted(study.open().items()):
        under_way.begin(number, candidate)
    while True:
        trained = sum(trial.frr is not None for trial in trials)
        progress.update(trained, settings.trials, _counts(trials))
        enough = trained + under_way.count >= settings.trials or _is_hopeless(trials)
        # A trial is drawn when one is stored, so the order does not depend on which is fast.
        if under_way.count < settings.together and not enough:
            under_way.begin(*study.ask())
            continue
        if not under_way.count:
            break
        trial = under_way.finish_first()
        study.tell(trial)
        trials.append(trial)
        log.info("%s", line(trial))
        if trial.refused is None:
            progress.note(line(trial))
    progress.end(_counts(trials))
    if _is_hopeless(trials) and any(trial.frr is not None for trial in trials):
        progress.note("The search ends here: too many trials are refused. Raise the --budget.")


def line(trial: Trial) -> str:
    """A trial and its result, for the terminal and the log."""
    if trial.failed is not None:
        return f"trial {trial.number}: failed ({trial.failed}): {trial.summary}"
    if trial.refused is not None:
        return f"trial {trial.number}: refused ({trial.refused}): {trial.summary}"
    costs = f"{trial.bytes:,} bytes, arena {trial.arena_bytes:,}, {trial.macs:,} MACs"
    rates = f"FRR {percent(trial.frr)}"
    if trial.accuracy is not None:
        rates += f", accuracy {percent(trial.accuracy)}"
    return f"trial {trial.number}: {costs}, {rates}: {trial.summary}"


def _counts(trials: list[Trial]) -> str:
    trained = sum(trial.frr is not None for trial in trials)
    refused = sum(trial.refused is not None for trial in trials)
    failed = len(trials) - trained - refused
    parts = [f"{trained} trained", f"{refused} refused"]
    return ", ".join([*parts, f"{failed} failed"] if failed else parts)


def _is_hopeless(trials: list[Trial]) -> bool:
    trained = sum(trial.frr is not None for trial in trials)
    return len(trials) - trained >= _UNTRAINED_AT_FIRST + _UNTRAINED_PER_TRAINED * trained


def _no_model(trials: list[Trial]) -> str:
    failed = [trial for trial in trials if trial.failed]
    if failed:
        return f"No trial gave a model; the first failed: {failed[0].failed}."
    nearest = min(trials, key=lambda trial: (trial.bytes or 0) + (trial.arena_bytes or 0))
    return (
        f"No model of {len(trials)} fits --budget; the nearest has {nearest.bytes:,} bytes and an "
        f"arena of {nearest.arena_bytes:,} ({nearest.summary}): allow more."
    )
