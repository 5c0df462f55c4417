"""The record of a run: saved at every row, and resumed from what is whole."""

from __future__ import annotations

import hashlib

import pytest
from tests.run.rows_by_hand import results, variant

from stapes.contracts.results import Baseline, read
from stapes.run.folder import RunFolder
from stapes.run.job import Job
from stapes.run.record import begin, earlier, resume
from stapes.run.settings import RunSettings

SETTINGS = RunSettings(word="go", seed=3)


@pytest.fixture
def job(tmp_path):
    """A job whose folder holds a baseline and the files of two variants."""
    folder = RunFolder(tmp_path / "run", SETTINGS)
    folder.models.mkdir(parents=True)
    folder.baseline.write_bytes(b"baseline")
    for name in ("float32", "int8"):
        (folder.models / f"{name}.tflite").write_bytes(name.encode())
    return Job(SETTINGS, folder)


@pytest.fixture
def data():
    return results().data


@pytest.fixture
def record(job, data):
    digest = hashlib.sha256(b"baseline").hexdigest()
    return begin(job, data, Baseline(parameters=1, macs=1, sha256=digest))


def row(name, wrong=()):
    digest = hashlib.sha256(name.encode()).hexdigest()
    return variant(name, wrong=wrong).model_copy(update={"sha256": digest})


def test_a_record_begins_with_the_settings_of_the_run_and_no_file(job, record):
    assert record.results.settings == SETTINGS.model_dump(mode="json")
    assert (record.results.word, record.results.seed) == ("go", 3)
    assert not job.folder.results.exists()


def test_each_row_is_saved_at_its_place_in_the_table(job, record):
    for name, expected in (("int8", ["int8"]), ("float32", ["float32", "int8"])):
        record.add(row(name, wrong=[0, 1]))
        assert [saved.name for saved in read(job.folder.results).variants] == expected
    assert read(job.folder.results).baseline.accuracy == 0.99


def test_it_is_resumed_as_it_was_saved(job, record, data):
    record.add(row("float32"))
    record.add(row("int8"))
    resumed = resume(job, data)
    assert resumed is not None
    assert resumed.results == record.results


def test_without_a_file_or_a_baseline_there_is_nothing_to_resume(job, record, data):
    assert resume(job, data) is None
    record.save()
    job.folder.baseline.unlink()
    assert resume(job, data) is None


@pytest.mark.parametrize("content", [b"", b"other"])
def test_a_variant_whose_file_is_gone_or_another_is_made_again(job, record, data, content):
    record.add(row("float32"))
    record.add(row("int8"))
    path = job.folder.models / "int8.tflite"
    path.write_bytes(content) if content else path.unlink()
    resumed = resume(job, data)
    assert resumed is not None
    assert [row.name for row in resumed.results.variants] == ["float32"]


def test_another_baseline_or_a_damaged_file_is_not_resumed(job, record):
    record.save()
    assert earlier(job.folder) == record.results
    job.folder.baseline.write_bytes(b"another")
    assert earlier(job.folder) is None
    job.folder.baseline.write_bytes(b"baseline")
    job.folder.results.write_text("{")
    assert earlier(job.folder) is None


def test_a_resumed_run_has_the_settings_that_it_is_called_with(job, record, data):
    record.save()
    changed = SETTINGS.model_copy(update={"max_drop": 2.0})
    resumed = resume(Job(changed, RunFolder(job.folder.path, changed)), data)
    assert resumed is not None
    assert resumed.results.settings["max_drop"] == 2.0
