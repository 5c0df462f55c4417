"""Trials on a Ray cluster of two workers, made on this machine."""

from __future__ import annotations

import os
import signal
import socket
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from functools import partialmethod
from pathlib import Path
from typing import Any

import pytest
from tests.search import by_hand
from tests.search.conftest import SETTINGS

from stapes.contracts.results import Trial
from stapes.errors import StapesError
from stapes.search import cluster, engines
from stapes.search.candidate import Candidate
from stapes.search.evaluating import Outcome, Sets
from stapes.search.job import SearchFolder, SearchJob
from stapes.search.settings import SearchSettings
from stapes.search.study import open_study
from stapes.search.trials import run_trials
from stapes.search.under_way import trial_file
from stapes.targets import tflm

Evaluate = Callable[[Candidate, SearchSettings, Sets], Outcome]

ray = pytest.importorskip("ray", reason="the extra `cluster` is not installed")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not tflm.available(), reason="needs the extra `micro`"),
]


@pytest.fixture(scope="module")
def two_workers() -> Iterator[Any]:
    """A head that runs nothing, and two workers of one processor each."""
    from ray.cluster_utils import Cluster

    # Workers may not find the files of tests.
    by_value = [by_hand, sys.modules[__name__]]
    for module in by_value:
        ray.cloudpickle.register_pickle_by_value(module)
    with pytest.MonkeyPatch.context() as patch:
        # Ray kills a worker when this machine is short of memory, whoever uses it.
        patch.setenv("RAY_memory_monitor_refresh_ms", "0")
        # A node of a busy machine may need more than the 30 s that Ray gives it.
        patch.setattr(Cluster, "_wait_for_node", partialmethod(Cluster._wait_for_node, timeout=600))
        cluster_of_two = Cluster(initialize_head=True, head_node_args={"num_cpus": 0})
        try:
            for _ in range(2):
                cluster_of_two.add_node(num_cpus=1)
            ray.init(address=cluster_of_two.address, log_to_driver=False)
            yield cluster_of_two
        finally:
            ray.shutdown()
            cluster_of_two.shutdown()
            for module in by_value:
                ray.cloudpickle.unregister_pickle_by_value(module)


def _trials(folder: Path, engine: engines.Engine, settings: SearchSettings) -> list[Trial]:
    job = SearchJob(settings, SearchFolder(folder, settings))
    job.folder.trials.mkdir(parents=True)
    with open_study(job.folder.study, settings, ["int8"]) as study:
        return run_trials(job, study, engine)


def _by_hand(candidate: Candidate, settings: SearchSettings, sets: Sets) -> Outcome:
    """An outcome without training, whose loss is a sum of all data."""
    result = by_hand.outcome(candidate, settings)
    arrays = (sets.training.x, sets.validation.x, sets.calibration, sets.teacher)
    result.trial.loss = float(sum(array.sum() for array in arrays))
    return result


class Here:
    """An engine without workers."""

    def __init__(self, evaluate: Evaluate, sets: Sets) -> None:
        self.evaluate, self.sets = evaluate, sets

    def submit(self, candidate: Candidate) -> Future[Outcome]:
        future: Future[Outcome] = Future()
        future.set_result(self.evaluate(candidate, SETTINGS, self.sets))
        return future

    def renew(self) -> None:
        raise AssertionError("nothing died")


def test_a_worker_killed_in_the_middle_loses_no_trial(
    two_workers: Any, work: Path, tmp_path: Path
) -> None:
    marker = tmp_path / "killed"

    def killed_once(candidate: Any, settings: Any, sets: Any) -> Any:
        """The second trial's worker dies once, as if it had too little memory."""
        if candidate.sizes["width"] == 6 and not marker.exists():
            marker.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return _by_hand(candidate, settings, sets)

    with cluster.on_ray(SETTINGS, work, evaluate=killed_once) as engine:
        trials = _trials(tmp_path / "ray", engine, SETTINGS)
    assert marker.exists()
    assert [trial.failed for trial in trials] == [None] * SETTINGS.trials
    assert ray.is_initialized()  # The cluster was there before, and stays.

    here = Here(_by_hand, engines.load_sets(work / "logmel", SETTINGS))
    assert trials == _trials(tmp_path / "here", here, SETTINGS)
    for trial in trials:
        ray_file, file = (
            trial_file(tmp_path / engine / "trials", trial.number) for engine in ("ray", "here")
        )
        assert ray_file.read_bytes() == file.read_bytes()


def test_a_trial_that_always_kills_its_worker_fails_and_stops_no_other(
    two_workers: Any, work: Path, tmp_path: Path
) -> None:
    def deadly(candidate: Any, settings: Any, sets: Any) -> Any:
        if candidate.sizes["width"] == 6:
            os.kill(os.getpid(), signal.SIGKILL)
        return _by_hand(candidate, settings, sets)

    few = SETTINGS.model_copy(update={"trials": 2})
    with cluster.on_ray(few, work, evaluate=deadly) as engine:
        trials = _trials(tmp_path / "deadly", engine, few)
    reasons = [trial.failed for trial in trials if trial.failed]
    assert len(reasons) == 1
    assert "its worker died" in reasons[0]
    assert sum(trial.frr is not None for trial in trials) == 2


def test_a_trial_trains_as_on_this_machine_and_an_error_of_another_is_reported(
    two_workers: Any, work: Path, tmp_path: Path
) -> None:
    def broken(candidate: Any, settings: Any, sets: Any) -> Any:
        if candidate.sizes["width"] == 8:
            raise RuntimeError("nothing works\nand so on")
        return engines.evaluate_sets(candidate, settings, sets)

    few = SETTINGS.model_copy(update={"trials": 1})
    with cluster.on_ray(few, work, evaluate=broken) as engine:
        failed, trained = _trials(tmp_path / "broken", engine, few)
    assert failed.failed == "nothing works"
    candidate = Candidate.model_validate(trained.candidate)
    # In a worker of its own: what a process did before decides how TensorFlow divides its sums.
    with engines.Local(few, work, tmp_path / "log.txt", 1) as local:
        expected = local.submit(candidate).result()
    assert (
        trial_file(tmp_path / "broken" / "trials", trained.number).read_bytes() == expected.tflite
    )
    assert (trained.frr, trained.loss) == (expected.trial.frr, expected.trial.loss)


def test_the_error_for_a_bad_address_names_it_and_the_fix(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(**_: Any) -> None:
        raise ValueError("Invalid address format: nonsense")

    monkeypatch.setattr(ray, "is_initialized", lambda: False)
    monkeypatch.setattr(ray, "init", refuse)
    with (
        pytest.raises(StapesError, match=r"no cluster answers .Invalid address .*RAY_ADDRESS"),
        cluster.on_ray(SETTINGS, tmp_path),
    ):
        pass


def test_an_address_where_nothing_listens_is_an_error_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ray, "is_initialized", lambda: False)
    monkeypatch.setattr(ray, "init", lambda **_: pytest.fail("Ray would try for minutes"))
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))  # The port is taken, and nobody listens.
        monkeypatch.setenv("RAY_ADDRESS", f"127.0.0.1:{silent.getsockname()[1]}")
        with (
            pytest.raises(StapesError, match=r"no cluster answers .*refused.*RAY_ADDRESS"),
            cluster.on_ray(SETTINGS, tmp_path),
        ):
            pass
