"""Trials through Ray, on as many machines as a cluster has.

Ray copies the features to each machine once and sends a trial to a free processor. If a worker or a
machine is lost, Ray repeats the trial elsewhere. The storage stays in this process. Every machine
needs Stapes with its extra `cluster` and the same versions.
"""

from __future__ import annotations

import contextlib
import logging
import os
import socket
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from stapes.data.features import FeatureSet
from stapes.errors import StapesError
from stapes.search.candidate import Candidate
from stapes.search.engines import MOST_DEATHS, evaluate_sets, load_sets
from stapes.search.evaluating import Outcome, Sets
from stapes.search.settings import SearchSettings

_REACH_SECONDS = 10.0


class Ray:
    """Trials as tasks of one processor each; `sets` are Ray's references by frontend."""

    def __init__(
        self,
        settings: SearchSettings,
        sets: Mapping[str, Any],
        evaluate: Callable[[Candidate, SearchSettings, Sets], Outcome] = evaluate_sets,
    ) -> None:
        import ray

        self._settings, self._sets = settings, sets
        # `max_retries` counts lost workers and machines, not errors of a trial.
        self._task = ray.remote(num_cpus=1, max_retries=MOST_DEATHS)(evaluate)

    def submit(self, candidate: Candidate) -> Future[Outcome]:
        """Begin a trial."""
        reference = self._task.remote(candidate, self._settings, self._sets[candidate.frontend])
        return _plain(reference.future())

    def renew(self) -> None:
        """Nothing: Ray starts workers itself."""


@contextlib.contextmanager
def on_ray(
    settings: SearchSettings,
    work: Path,
    jobs: int | None = None,
    evaluate: Callable[[Candidate, SearchSettings, Sets], Outcome] = evaluate_sets,
) -> Iterator[Ray]:
    """Ray's cluster: the one of this process, or the one that RAY_ADDRESS names.

    Without either, Ray starts one on this machine, with `jobs` processors.

    Raises
    ------
    StapesError
        The cluster does not answer.
    """
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
        except (OSError, ValueError) as error:  # Ray raises ValueError for a bad address.
            raise StapesError(
                f"--cluster ray: no cluster answers ({_first_line(error)}); see RAY_ADDRESS, or "
                "unset it to use this machine."
            ) from None
    try:
        sets: dict[str, Any] = {
            frontend.kind: ray.put(_in_memory(load_sets(work / frontend.kind, settings)))
            for frontend in settings.frontends
        }
        yield Ray(settings, sets, evaluate)
    finally:
        if ours:
            ray.shutdown()


def _reach(address: str) -> None:
    """Raise OSError if nothing listens at `host:port`: Ray itself would try for minutes."""
    host, _, port = address.rpartition(":")
    if "://" not in address and host and port.isdigit():
        socket.create_connection((host.strip("[]"), int(port)), _REACH_SECONDS).close()


def _in_memory(sets: Sets) -> Sets:
    """Copies of memory-mapped sets, for other machines."""

    def copy(features: FeatureSet) -> FeatureSet:
        return FeatureSet(np.array(features.x), np.array(features.y), features.clip)

    return replace(sets, training=copy(sets.training), validation=copy(sets.validation))


def _first_line(error: BaseException) -> str:
    return (str(error).splitlines() or [""])[0].rstrip(".")


def _plain(future: Future[Outcome]) -> Future[Outcome]:
    """The same future, with the errors of a trial as they are and Ray's own in a few words."""
    from ray import exceptions

    died = (
        exceptions.WorkerCrashedError,
        exceptions.NodeDiedError,
        exceptions.OutOfMemoryError,
        exceptions.ObjectLostError,
    )
    plain: Future[Outcome] = Future()

    def pass_on(done: Future[Outcome]) -> None:
        error = done.exception()
        if error is None:
            plain.set_result(done.result())
        elif isinstance(error, exceptions.RayTaskError):
            plain.set_exception(error.cause or error)
        elif isinstance(error, died):
            # Ray has repeated it MOST_DEATHS times.
            plain.set_exception(RuntimeError(f"its worker died ({type(error).__name__})"))
        else:
            # Not the trial's fault, so it stays open.
            message = (
                f"Ray's cluster is lost ({_first_line(error)}); the same command continues the "
                "search"
            )
            plain.set_exception(ConnectionError(message))

    future.add_done_callback(pass_on)
    return plain
