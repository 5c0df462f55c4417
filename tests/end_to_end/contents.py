"""What a run folder holds, to compare two of them."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from stapes.system.files import sha256


def contents(run: Path) -> dict[str, Any]:
    """Every file of a run folder except its log and page, without latencies.

    A binary file is its hash; a table is its cells, so that a test shows which one differs. The
    recommendation depends on latencies too, and the page shows both.
    """
    ignored = {"log.txt", "report.html"}
    files = [path for path in run.rglob("*") if path.is_file() and path.name not in ignored]
    readers = {"results.json": without_times, "results.csv": columns_without_times}
    return {str(path.relative_to(run)): readers.get(path.name, sha256)(path) for path in files}


def part(run: Path, rows: Sequence[str]) -> dict[str, Any]:
    """What a run of these rows alone has in common with a run of more rows."""
    shared = contents(run)
    for name in ("run.yaml", "results.csv"):
        del shared[name]
    models = {f"models/{row}.tflite" for row in rows}
    shared = {k: v for k, v in shared.items() if not k.startswith("models/") or k in models}
    results = shared["results.json"]
    for name in ("settings", "clips"):  # The page plays the clips that a row has wrong.
        del results[name]
    results["variants"] = [row for row in results["variants"] if row["name"] in rows]
    return shared


def without_times(path: Path) -> Any:
    document = json.loads(path.read_text())
    del document["recommendation"]
    for row in document["variants"]:
        for name in ("latency_us_p50", "latency_us_p99", "configuration"):
            row["targets"]["litert"].pop(name)
    return document


def columns_without_times(path: Path) -> Any:
    return [
        {name: cell for name, cell in row.items() if "latency" not in name}
        for row in csv.DictReader(path.open())
    ]
