"""What the tests of a file share, and a run of detectors in a stream for all of them."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from filelock import FileLock
from tests.end_to_end import toy_word
from tests.end_to_end.command import stapes


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The cache of a file's commands."""
    return tmp_path_factory.mktemp("cache")


@dataclass(frozen=True)
class StreamRun:
    """A finished run of all detectors in a stream, on a toy word.

    sound : folder that `toy_word.write` filled
    out : folder of the run
    printed : what it wrote to standard output
    cache : of the run
    """

    sound: Path
    out: Path
    printed: str
    cache: Path

    def call(self, out: Path, *options: object) -> tuple[object, ...]:
        """The arguments of the same run in another folder."""
        return (
            *("run", "--word", "rise", "--config", self.sound / "tiny.yaml"),
            *("--data", self.sound / "data", "--negatives", self.sound / "talk"),
            *("--continuous", self.sound / "continuous", "--noise", self.sound / "noise"),
            *("--rooms", self.sound / "rooms", "--techniques", "stream*", "--out", out, *options),
        )


@pytest.fixture(scope="session")
def stream_run(tmp_path_factory: pytest.TempPathFactory) -> StreamRun:
    """The run, made once for all workers of the tests; no test may change its folders."""
    base = tmp_path_factory.getbasetemp()
    # Every worker has a folder of its own in one that they share.
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    folder = shared / "streams"
    printed = folder / "printed.txt"
    run = StreamRun(folder / "sound", folder / "run", "", folder / "cache")
    with FileLock(shared / "streams.lock"):
        if not printed.is_file():
            toy_word.write(run.sound)
            done = stapes(*run.call(run.out, "--jobs", 1), cache=run.cache)
            printed.write_text(done.stdout, "utf-8")
    return replace(run, printed=printed.read_text("utf-8"))
