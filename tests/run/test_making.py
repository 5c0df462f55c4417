"""The order in which models are made; a technique that fails does not stop the others."""

from __future__ import annotations

import logging
from concurrent.futures import BrokenExecutor, ThreadPoolExecutor
from threading import Lock

import pytest
from tests.run.rows_by_hand import results, variant

from stapes.contracts.results import Baseline, read
from stapes.contracts.streams import StreamSound
from stapes.run import making, steps
from stapes.run.folder import RunFolder
from stapes.run.job import Job
from stapes.run.record import begin
from stapes.run.settings import RunSettings

SETTINGS = RunSettings(word="go")


class Steps:
    """Replaces the steps: records what is made, and fails for the names in `failing`."""

    def __init__(self, monkeypatch, folder, failing=()):
        self.order, self.failing, self.folder = [], failing, folder
        self.lock = Lock()
        monkeypatch.setattr(steps, "make_stage", self.stage)
        monkeypatch.setattr(steps, "make_variant", self.variant)

    def stage(self, name, settings, work, keras_file):
        self.record(f"stage {name}")
        steps.stage_file(work, name, keras_file).write_bytes(b"")

    def variant(self, name, settings, work, keras_file, models):
        self.record(name)
        return variant(name)

    def record(self, name):
        with self.lock:
            self.order.append(name)
        if name in self.failing:
            raise RuntimeError(f"{name} broke\nsecond line")


@pytest.fixture
def job(tmp_path):
    folder = RunFolder(tmp_path / "run", SETTINGS)
    folder.work.mkdir(parents=True)
    return Job(SETTINGS, folder)


def make(job, monkeypatch, names, failing=(), workers=2):
    stand_in = Steps(monkeypatch, job.folder, failing)
    record = begin(job, results().data, Baseline(parameters=1, macs=1))
    with ThreadPoolExecutor(workers) as executor:
        failed = making._make_variants(job, names, record, executor)
    return stand_in.order, failed, [row.name for row in record.results.variants]


def test_a_stage_is_made_once_and_before_what_needs_it(job, monkeypatch):
    names = ["float32", "pruned_int8", "pruned", "pcqat"]
    order, failed, rows = make(job, monkeypatch, names)
    assert failed == {}
    assert sorted(order) == sorted(["stage pruned", "stage sparse_clustered", *names])
    assert order.index("stage pruned") < order.index("pruned_int8")
    assert order.index("stage pruned") < order.index("stage sparse_clustered")
    assert order.index("stage sparse_clustered") < order.index("pcqat")
    assert rows == ["float32", "pruned", "pruned_int8", "pcqat"]
    assert [row.name for row in read(job.folder.results).variants] == rows


def test_a_stage_that_is_there_is_not_made_again(job, monkeypatch):
    steps.stage_file(job.folder.work, "pruned", job.folder.baseline).write_bytes(b"")
    order, _, _ = make(job, monkeypatch, ["pruned"])
    assert order == ["pruned"]


def test_a_row_in_streams_waits_for_a_training_that_is_done_again(job, monkeypatch):
    """Its stage is there, and what it reads of the training is not: the training fails here."""
    steps.stage_file(job.folder.work, "stream_clustered", job.folder.baseline).write_bytes(b"")
    stand_in = Steps(monkeypatch, job.folder, ["stage stream"])
    monkeypatch.setattr(steps, "train_stream", lambda *_: stand_in.record("stage stream"))
    record = begin(job, results().data, Baseline(parameters=1, macs=1))
    sound = StreamSound.model_construct(word_frames=50)
    with ThreadPoolExecutor(2) as executor:
        making._make_variants(job, ["float32", "stream_clustered"], record, executor, sound)
    assert sorted(stand_in.order) == ["float32", "stage stream"]


def test_a_technique_that_fails_does_not_stop_the_others(job, monkeypatch, caplog):
    with caplog.at_level(logging.INFO, "stapes"):
        _, failed, rows = make(job, monkeypatch, ["float32", "int8", "qat"], ["int8"])
    assert failed == {"int8": "int8 broke"}
    assert rows == ["float32", "qat"]
    assert "qat is done" in caplog.text


def test_what_needs_a_stage_that_failed_is_not_made(job, monkeypatch):
    names = ["float32", "pruned", "pruned_int8"]
    order, failed, rows = make(job, monkeypatch, names, ["stage pruned"])
    assert failed == {"stage pruned": "stage pruned broke"}
    assert rows == ["float32"]
    assert sorted(order) == ["float32", "stage pruned"]


def test_a_worker_that_dies_ends_the_run(job, monkeypatch):
    def die(*_):
        raise BrokenExecutor

    record = begin(job, results().data, Baseline(parameters=1, macs=1))
    monkeypatch.setattr(steps, "make_variant", die)
    with ThreadPoolExecutor(1) as executor, pytest.raises(BrokenExecutor):
        making._make_variants(job, ["float32"], record, executor)
