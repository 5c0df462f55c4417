"""What was killed is measured again, alone, and is never kept as a result."""

from __future__ import annotations

import functools
import os
from dataclasses import replace

import numpy as np
import pytest
from tests.processes import be_killed
from tests.run.rows_by_hand import results, variant

from stapes.contracts.measurements import TargetResult
from stapes.contracts.results import Baseline, read
from stapes.errors import StapesError
from stapes.measure import on_targets
from stapes.measure.on_targets import KILLED
from stapes.run import measurement
from stapes.run.folder import RunFolder
from stapes.run.job import Job
from stapes.run.record import begin
from stapes.run.settings import RunSettings
from stapes.targets.litert_cost import Latency
from stapes.targets.registry import TARGETS
from stapes.targets.target import Tried, refused

pytestmark = pytest.mark.skipif(os.name != "posix", reason="signals are POSIX's here")
X = np.random.default_rng(0).normal(0, 60, (4, 30)).astype(np.float32)


def run_or_die(deaths, times, *_):
    be_killed(deaths, times)
    return Tried(TargetResult(runs=True, arena_bytes=7))


def time_or_die(deaths, times, *_):
    be_killed(deaths, times)
    return Latency(1.0, 2.0, 10)


def no_more(*_):
    return refused("it is a toaster")


@pytest.fixture
def record(tmp_path, dense_model):
    settings = RunSettings(word="go")
    folder = RunFolder(tmp_path / "run", settings)
    folder.models.mkdir(parents=True)
    content = dense_model(np.ones((3, 30), np.int8))
    rows = [variant(name) for name in ("float32", "int8")]
    record = begin(Job(settings, folder), results().data, Baseline(parameters=1, macs=1))
    for row in rows:
        row.targets = {}
        (folder.models / f"{row.name}.tflite").write_bytes(content)
        record.add(row)
    return record


@pytest.fixture
def job(record):
    settings = RunSettings(word="go")
    return Job(settings, RunFolder(record.path.parent, settings), jobs=1)


def try_targets(monkeypatch, job, record, deaths, times):
    attempt = functools.partial(run_or_die, deaths, times)
    targets = {
        "litert": replace(TARGETS["litert"], attempt=attempt),
        "tflm": replace(TARGETS["tflm"], attempt=no_more, package=""),
    }
    monkeypatch.setattr(measurement, "TARGETS", targets)
    monkeypatch.setattr(on_targets, "TARGETS", targets)
    return measurement.try_targets(job, record, lambda row: X)


@pytest.mark.parametrize("times", [1, 3])
def test_a_killed_target_is_tried_again(monkeypatch, job, record, tmp_path, times):
    assert try_targets(monkeypatch, job, record, tmp_path / "deaths", times) == []
    assert (tmp_path / "deaths").read_bytes() == bytes(times)
    for row in read(record.path).variants:
        assert row.targets["litert"] == TargetResult(runs=True, arena_bytes=7)
        assert row.targets["tflm"].reason == "it is a toaster"


def test_a_target_that_is_always_killed_is_named_and_the_same_command_measures_it(
    monkeypatch, job, record, tmp_path
):
    # Twice for each row, and twice for each row alone.
    killed = try_targets(monkeypatch, job, record, tmp_path / "deaths", 8)
    assert killed == ["float32 (LiteRT)", "int8 (LiteRT)"]
    for row in read(record.path).variants:
        assert row.targets["litert"] == TargetResult(runs=False, tried=False, reason=KILLED)
        assert row.targets["tflm"].reason == "it is a toaster"
    with pytest.raises(StapesError, match=r"^Not measured: float32 \(LiteRT\); int8"):
        measurement.require_all(killed, job)
    assert try_targets(monkeypatch, job, record, tmp_path / "deaths", 8) == []
    assert all(row.targets["litert"].runs for row in read(record.path).variants)


def test_a_target_on_another_that_was_killed_was_not_tried(monkeypatch, job, record, tmp_path):
    attempt = functools.partial(run_or_die, tmp_path / "deaths", 100)
    targets = {
        "tflm": replace(TARGETS["tflm"], attempt=attempt, package=""),
        "esphome": replace(TARGETS["esphome"], attempt=no_more, package=""),
    }
    monkeypatch.setattr(measurement, "TARGETS", targets)
    monkeypatch.setattr(on_targets, "TARGETS", targets)
    measurement.try_targets(job, record, lambda row: X)
    assert {result.reason for result in record.results.variants[0].targets.values()} == {KILLED}


def test_a_killed_timing_is_repeated_and_a_second_one_is_named(monkeypatch, job, record, tmp_path):
    for row in record.results.variants:
        row.targets = {"litert": TargetResult(runs=True)}
    for times, killed in ((1, []), (9, ["float32 (latency)", "int8 (latency)"])):
        deaths = tmp_path / str(times)
        monkeypatch.setattr(on_targets, "latency", functools.partial(time_or_die, deaths, times))
        assert measurement.time_models(job, record) == killed
        for row in record.results.variants:
            timed = None if killed else 1.0
            assert row.targets["litert"] == row.targets["litert"].model_copy(
                update={"latency_us_p50": timed, "reason": None}
            )
            row.targets = {"litert": TargetResult(runs=True)}
