"""A results.json of an earlier Stapes still opens.

`older_results.json` comes from a real run of an earlier version: four of its 25 rows, every 16th
of its test clips and two of its five levels of noise.
"""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path

import pytest

from stapes.contracts.results import read, write
from stapes.report.writing import write_report

OLDER = Path(__file__).parent / "older_results.json"
NAMES = ["float32", "int8", "clustered_lut", "tiny"]


@pytest.fixture
def run(tmp_path):
    shutil.copy(OLDER, tmp_path / "results.json")
    return tmp_path


def test_it_loads_with_its_figures():
    results = read(OLDER)
    assert [row.name for row in results.variants] == NAMES
    assert results.float32 is not None
    assert results.float32.accuracy == results.baseline.accuracy == 438 / 448
    int8 = results.variants[1]
    assert (int8.bytes, int8.targets["tflm"].arena_bytes) == (23_204, 23_664)
    assert int8.detection is not None
    assert [condition.name for condition in int8.detection.conditions] == ["clean", "10 dB"]
    assert results.recommendation is not None
    assert results.recommendation.variant == "tiny"


def test_writing_it_again_loses_nothing(tmp_path):
    write(read(OLDER), tmp_path / "results.json")
    again = json.loads((tmp_path / "results.json").read_text("utf-8"))
    assert _holds(again, json.loads(OLDER.read_text("utf-8")))


def _holds(new, old):
    """Whether `new` has all of `old`; it may have more keys."""
    if isinstance(old, dict):
        return all(key in new and _holds(new[key], old[key]) for key in old)
    if isinstance(old, list):
        return len(new) == len(old) and all(map(_holds, new, old))
    return new == old


def test_the_report_writes_its_page_and_csv(run):
    results = write_report(run, plot=run / "plot.svg")
    assert [row.name for row in results.variants] == NAMES
    page = (run / "report.html").read_text("utf-8")
    assert all(name in page for name in NAMES)
    assert "Ship tiny, 3,860 bytes" in page
    with (run / "results.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))
    assert [row[0] for row in rows[1:]] == NAMES
    assert "23204" in rows[2]
    assert (run / "plot.svg").read_text("utf-8").startswith("<svg")
