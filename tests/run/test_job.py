"""The output of a job's workers is in the log, and the error for a dead worker names it."""

from __future__ import annotations

import os

import pytest

from stapes.errors import StapesError
from stapes.run.folder import RunFolder
from stapes.run.job import Job
from stapes.run.settings import RunSettings


@pytest.fixture
def job(tmp_path):
    settings = RunSettings(word="go")
    return Job(settings, RunFolder(tmp_path, settings), jobs=2)


def test_what_workers_print_is_in_the_log(job):
    with job.workers() as executor:
        executor.submit(os.system, "echo from a worker").result()
    assert job.folder.log.read_text("utf-8") == "from a worker\n"


def test_a_worker_that_dies_is_an_error_that_names_the_log(job):
    message = r"worker process died .*log\.txt may say why"
    with pytest.raises(StapesError, match=message), job.workers() as executor:
        executor.submit(os._exit, 1).result()


def test_an_error_of_a_task_is_raised(job):
    with pytest.raises(ValueError, match="invalid literal"), job.workers() as executor:
        executor.submit(int, "x").result()
