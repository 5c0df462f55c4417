"""The storage of a search: an Optuna study in an SQLite file, used in a fixed order.

Trial n is drawn when all but the last `together` before it are stored. Trials are stored in the
order of their numbers, whichever worker finished first. So the sampler always knows the same when
it draws a trial, with any number of workers and after a kill, and draws the same trial. Each trial
has its own seed for the sampler, because the storage has no state of a generator.

Sources: Akiba et al. 2019, "Optuna", arXiv:1907.10902; the sampler: Ozaki et al. 2022,
"Multiobjective tree-structured Parzen estimator", JAIR 73.
"""

from __future__ import annotations

import functools
import sqlite3
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from stapes.contracts.reading import consistent
from stapes.contracts.results import Trial
from stapes.errors import StapesError
from stapes.run.budget import Limit
from stapes.search import stream_space
from stapes.search.candidate import Candidate
from stapes.search.front import OBJECTIVES
from stapes.search.settings import SearchSettings
from stapes.search.space import starts, suggest

_NAME = "stapes"
_FIX = "delete its folder and search again"
_TIMEOUT_SECONDS = 60.0
_STARTUP = 12
"""Trials that are drawn without the results of others, including the first ones."""

_CANDIDATE, _TRIAL = "candidate", "trial"


class Study:
    """The trials of a search; open it with `open_study`."""

    def __init__(
        self, path: Path, study: Any, settings: SearchSettings, techniques: list[str]
    ) -> None:
        self._path = path
        self._study = study
        self._settings = settings
        self._draw: Callable[[Any], Candidate]
        if settings.in_streams:
            epochs = settings.epochs
            self._draw = functools.partial(
                stream_space.suggest,
                techniques=techniques,
                frontend=settings.stream.frontend,
                epochs=epochs,
            )
            first = stream_space.starts(techniques, epochs)
        else:
            choices = (
                settings.architectures,
                [frontend.kind for frontend in settings.frontends],
                techniques,
            )
            self._draw = lambda trial: suggest(trial, *choices)
            first = starts(*choices)
        known = len(self._trials())
        for start in list(first)[known:]:
            study.enqueue_trial(start)

    def finished(self) -> list[Trial]:
        """The stored trials, in the order of their numbers."""
        # A trial that was killed between its result and its state is still open.
        finished = [trial for trial in self._trials() if trial.state.is_finished()]
        return [Trial.model_validate_json(trial.user_attrs[_TRIAL]) for trial in finished]

    def check(self) -> None:
        """Read all that is stored, and raise any error if it makes no sense."""
        for number, trial in enumerate(self._trials()):
            if trial.number != number:
                raise ValueError(f"trial {number} is missing")
            if trial.state.is_finished():
                result = Trial.model_validate_json(trial.user_attrs[_TRIAL])
                Candidate.model_validate(result.candidate)
                if result.number != number:
                    raise ValueError(f"trial {number} has the result of trial {result.number}")
                if trial.state.name == "COMPLETE" and result.frr is None:
                    raise ValueError(f"trial {number} is complete and has no FRR")
            elif _CANDIDATE in trial.user_attrs:
                Candidate.model_validate_json(trial.user_attrs[_CANDIDATE])

    def open(self) -> dict[int, Candidate]:
        """Trials that were drawn and not stored, by number."""
        import optuna

        running = optuna.trial.TrialState.RUNNING
        candidates = {}
        for trial in self._trials():
            if trial.state == running:
                text = trial.user_attrs.get(_CANDIDATE)
                candidates[trial.number] = (
                    Candidate.model_validate_json(text)
                    if text
                    # Killed while it was drawn: what was drawn stays, the rest follows.
                    else self._suggest(self._reopen(trial.number))
                )
        return candidates

    def ask(self) -> tuple[int, Candidate]:
        """Draw the next trial."""
        number = sum(trial.state.name != "WAITING" for trial in self._trials())
        self._seed(number)
        trial = self._study.ask()
        return trial.number, self._suggest(trial)

    def tell(self, result: Trial) -> None:
        """Store the result of a trial."""
        import optuna

        trial = self._reopen(result.number)
        if result.refused or result.frr is not None:
            costs: dict[Limit, int | None] = {"flash": result.bytes, "arena": result.arena_bytes}
            for limit, most in self._settings.budget.items():
                value = costs[limit]
                if value is not None and limit not in trial.constraints:
                    trial.set_constraint(limit, value / most - 1)
        trial.set_user_attr(_TRIAL, result.model_dump_json())
        states = optuna.trial.TrialState
        if result.frr is not None:
            values = [float(getattr(result, name) or 0) for name in OBJECTIVES]
            self._study.tell(result.number, values)
        else:
            state = states.PRUNED if result.refused else states.FAIL
            self._study.tell(result.number, state=state)

    def _trials(self) -> list[Any]:
        return list(self._study.get_trials(deepcopy=False))

    def _reopen(self, number: int) -> Any:
        import optuna

        self._seed(number)
        return optuna.trial.Trial(self._study, self._trials()[number]._trial_id)

    def _suggest(self, trial: Any) -> Candidate:
        with consistent(self._path, _FIX):
            candidate = self._draw(trial)
        trial.set_user_attr(_CANDIDATE, candidate.model_dump_json())
        return candidate

    def _seed(self, number: int) -> None:
        import optuna

        seed = np.random.SeedSequence([self._settings.seed, number]).generate_state(1)[0]
        with _quiet():
            self._study.sampler = optuna.samplers.TPESampler(
                seed=int(seed), multivariate=True, group=True, n_startup_trials=_STARTUP
            )


@contextmanager
def open_study(path: Path, settings: SearchSettings, techniques: list[str]) -> Iterator[Study]:
    """Open the study in an SQLite file, which is made if it is missing.

    Raises
    ------
    StapesError
        The file is damaged, or cannot be written.
    """
    import optuna
    from sqlalchemy.exc import DatabaseError
    from sqlalchemy.pool import NullPool

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    try:
        with _quiet():
            storage = optuna.storages.RDBStorage(
                "sqlite://",  # A path may have characters that an address cannot have.
                engine_kwargs={
                    "creator": lambda: sqlite3.connect(path, timeout=_TIMEOUT_SECONDS),
                    "poolclass": NullPool,
                },
            )
            # Neither SQLite nor Optuna checks what is stored: it may have been changed by hand.
            with consistent(path, _FIX):
                study = optuna.create_study(
                    study_name=_NAME,
                    storage=storage,
                    directions=["minimize"] * len(OBJECTIVES),
                    load_if_exists=True,
                )
                opened = Study(path, study, settings, techniques)
                opened.check()
            yield opened
    except (DatabaseError, optuna.exceptions.StorageInternalError) as error:
        # Optuna's error hides the message of SQLite, e.g. that the disk is full.
        cause = error if isinstance(error, DatabaseError) else error.__cause__
        message = getattr(cause, "orig", None) or cause or error
        raise StapesError(
            f"{path}: cannot be used ({message}); if it is damaged, {_FIX}."
        ) from None


@contextmanager
def _quiet() -> Iterator[None]:
    """Hide Optuna's warnings that a sampler's option is experimental."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
