"""Trials through Ray, on as many machines as a cluster has.

Ray moves the features to each machine once, sends a trial where a processor is free, and does it
again elsewhere where a worker or a machine is lost. The storage stays here, with the process that
asks and tells. Every machine needs Stapes with its extra `cluster` and the same versions.
"""

from __future__ import annotations

import contextlib
import importlib.util
import logging
import os
import socket
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import numpy as np

from stapes.data.features import FeatureSet
from stapes.errors import MissingExtraError, StapesError
from stapes.search.candidate import Candidate
from stapes.search.engines import MOST_DEATHS, evaluate_sets, load_sets
from stapes.search.evaluating import Outcome, Sets
from stapes.search.settings import SearchSettings

_REACH_SECONDS = 10.0


class Ray:
    """Trials as tasks of one processor each.

    Parameters
    ----------
    settings : SearchSettings
    sets : mapping of str to reference
        Where Ray has the Sets of each frontend.
    evaluate : callable
        Does a trial, on another machine.
    """

    def __init__(
        self,
        settings: SearchSettings,
        sets: Mapping[str, Any],
        evaluate: Callable[[Candidate, SearchSettings, Sets], Outcome] = evaluate_sets,
    ) -> None:
        import ray

        self._settings, self._sets = settings, sets
        # `max_retries` is for workers and machines that are lost, not for errors of a trial.
        self._task = ray.remote(num_cpus=1, max_retries=MOST_DEATHS)(evaluate)

    def submit(self, candidate: Candidate) -> Future[Outcome]:
        """Begin a trial."""
        reference = self._task.remote(candidate, self._settings, self._sets[candidate.frontend])
        return _plainly(reference.future())

    def renew(self) -> None:
        """Nothing: Ray starts workers itself."""


def require() -> None:
    """Raise MissingExtraError where Ray is not installed."""
    if importlib.util.find_spec("ray") is None:
        raise MissingExtraError("A search on a cluster", "cluster")


@contextlib.contextmanager
def on_ray(
    settings: SearchSettings,
    work: Path,
    jobs: int | None = None,
    evaluate: Callable[[Candidate, SearchSettings, Sets], Outcome] = evaluate_sets,
) -> Iterator[Ray]:
    """Ray's cluster: the one that this process is in, or that the environment names (RAY_ADDRESS).

    Without either, Ray makes one of this machine, of so many processors as there are `jobs`.

    Raises
    ------
    MissingExtraError
        Ray is not installed.
    StapesError
        The cluster does not answer.
    """
    require()
    import ray

    ours = not ray.is_initialized()
    if ours:
        try:
            address = os.environ.get("RAY_ADDRESS", "")
            _reach(address)
            ray.init(
                num_cpus=None if address else jobs,
                log_to_driver=False,
                logging_level=logging.ERROR,
                include_dashboard=None if address else False,
            )
        except (OSError, ValueError) as error:  # An address that is none is the latter.
            first = (str(error).splitlines() or [""])[0].rstrip(".")
            raise StapesError(
                f"--cluster ray: no cluster answers ({first}); see RAY_ADDRESS, or unset it to use "
                "this machine."
            ) from None
    try:
        sets: dict[str, Any] = {
            each.kind: ray.put(_in_memory(load_sets(work / each.kind, settings)))
            for each in settings.frontends
        }
        yield Ray(settings, sets, evaluate)
    finally:
        if ours:
            ray.shutdown()


def _reach(address: str) -> None:
    """Raise OSError where nothing listens at `host:port`: Ray itself would try for minutes."""
    host, _, port = address.rpartition(":")
    if "://" not in address and host and port.isdigit():
        socket.create_connection((host.strip("[]"), int(port)), _REACH_SECONDS).close()


def _in_memory(sets: Sets) -> Sets:
    """Sets whose arrays are in no file of this machine."""
    return Sets(
        training=_copied(sets.training),
        validation=_copied(sets.validation),
        calibration=sets.calibration,
        teacher=np.array(sets.teacher),
    )


def _copied(features: FeatureSet) -> FeatureSet:
    return FeatureSet(np.array(features.x), np.array(features.y), features.clip)


def _plainly(future: Future[Outcome]) -> Future[Outcome]:
    """The same future, with the errors of a trial as they are and Ray's own in a few words."""
    from ray import exceptions

    died = (
        exceptions.WorkerCrashedError,
        exceptions.NodeDiedError,
        exceptions.OutOfMemoryError,
        exceptions.ObjectLostError,
    )
    made: Future[Outcome] = Future()

    def pass_on(done: Future[Outcome]) -> None:
        error = done.exception()
        if error is None:
            made.set_result(done.result())
        elif isinstance(error, exceptions.RayTaskError):
            made.set_exception(error.cause or error)
        elif isinstance(error, died):
            # It was tried again as often as it may be.
            made.set_exception(RuntimeError(f"its worker died ({type(error).__name__})"))
        else:
            # No fault of the trial's: it stays open.
            said = (str(error).splitlines() or [""])[0].rstrip(".")
            made.set_exception(
                ConnectionError(
                    f"Ray's cluster is lost ({said}); the same command goes on from here"
                )
            )

    future.add_done_callback(pass_on)
    return made
