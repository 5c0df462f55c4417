"""Trials on a Ray cluster of two workers, made on this machine."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Iterator
from functools import partialmethod
from pathlib import Path
from typing import Any

import pytest
from tests.search.conftest import SETTINGS

from stapes.contracts.results import Trial
from stapes.errors import StapesError
from stapes.search import cluster, engines
from stapes.search.job import SearchFolder, SearchJob
from stapes.search.settings import SearchSettings
from stapes.search.study import open_study
from stapes.search.trials import run_trials
from stapes.search.under_way import trial_file
from stapes.targets import tflm

ray = pytest.importorskip("ray", reason="the extra `cluster` is not installed")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not tflm.available(), reason="needs the extra `micro`"),
]


@pytest.fixture(scope="module")
def two_workers() -> Iterator[Any]:
    """A head that runs nothing, and two workers of one processor each."""
    from ray.cluster_utils import Cluster

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


def _trials(folder: Path, engine: engines.Engine, settings: SearchSettings) -> list[Trial]:
    job = SearchJob(settings, SearchFolder(folder, settings))
    job.folder.trials.mkdir(parents=True)
    with open_study(job.folder.study, settings, ["int8"]) as study:
        return run_trials(job, study, engine)


def _without_time(trials: list[Trial]) -> list[Trial]:
    return [trial.model_copy(update={"seconds": None}) for trial in trials]


@pytest.mark.thorough
def test_a_worker_killed_in_the_middle_loses_no_trial(
    two_workers: Any, work: Path, tmp_path: Path
) -> None:
    marker = tmp_path / "killed"

    def killed_once(candidate: Any, settings: Any, sets: Any) -> Any:
        """The second trial's worker dies once, as if it had too little memory."""
        if candidate.sizes["width"] == 6 and not marker.exists():
            marker.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return engines.evaluate_sets(candidate, settings, sets)

    with cluster.on_ray(SETTINGS, work, evaluate=killed_once) as engine:
        trials = _trials(tmp_path / "ray", engine, SETTINGS)
    assert marker.exists()
    assert [trial.failed for trial in trials] == [None] * SETTINGS.trials
    assert ray.is_initialized()  # The cluster was there before, and stays.

    with engines.Local(SETTINGS, work, tmp_path / "log.txt", 2) as processes:
        local_trials = _trials(tmp_path / "local", processes, SETTINGS)
    assert _without_time(trials) == _without_time(local_trials)
    for trial in trials:
        ray_file, local_file = (
            trial_file(tmp_path / engine / "trials", trial.number) for engine in ("ray", "local")
        )
        assert ray_file.read_bytes() == local_file.read_bytes()


@pytest.mark.thorough
def test_a_trial_that_always_kills_its_worker_fails_and_stops_no_other(
    two_workers: Any, work: Path, tmp_path: Path
) -> None:
    def deadly(candidate: Any, settings: Any, sets: Any) -> Any:
        if candidate.sizes["width"] == 6:
            os.kill(os.getpid(), signal.SIGKILL)
        return engines.evaluate_sets(candidate, settings, sets)

    few = SETTINGS.model_copy(update={"trials": 1})
    with cluster.on_ray(few, work, evaluate=deadly) as engine:
        trials = _trials(tmp_path / "deadly", engine, few)
    reasons = [trial.failed for trial in trials if trial.failed]
    assert all("its worker died" in reason for reason in reasons)
    assert sum(trial.frr is not None for trial in trials) == 1


def test_an_error_of_a_trial_is_reported(two_workers: Any, work: Path, tmp_path: Path) -> None:
    def broken(candidate: Any, settings: Any, sets: Any) -> Any:
        if candidate.sizes["width"] == 8:
            raise RuntimeError("nothing works\nand so on")
        return engines.evaluate_sets(candidate, settings, sets)

    few = SETTINGS.model_copy(update={"trials": 1})
    with cluster.on_ray(few, work, evaluate=broken) as engine:
        trials = _trials(tmp_path / "broken", engine, few)
    assert trials[0].failed == "nothing works"


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
