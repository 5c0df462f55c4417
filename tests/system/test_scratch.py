"""A command's temporary files go with it, or with the next command."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from stapes.system.scratch import scratch_folder, sweep

pytestmark = pytest.mark.skipif(os.name != "posix", reason="folders are locked on POSIX alone")

LIVE = """
import sys, tempfile
from stapes.system.scratch import scratch_folder
with scratch_folder():
    open(tempfile.mkstemp()[1], "w").write("x")
    print(tempfile.gettempdir(), flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", None)
    return tmp_path


def command():
    """A command at work, and its scratch folder, which is old."""
    process = subprocess.Popen(
        [sys.executable, "-c", LIVE], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout
    folder = Path(process.stdout.readline().strip())
    an_hour_ago = time.time() - 3600
    os.utime(folder, (an_hour_ago, an_hour_ago))
    return process, folder


def test_temporary_files_of_a_command_and_its_children_go_with_it(place):
    with scratch_folder():
        kept = tempfile.mkdtemp()
        show = [sys.executable, "-c", "import tempfile; print(tempfile.gettempdir())"]
        child = subprocess.run(show, capture_output=True, text=True, check=True).stdout.strip()
        assert Path(child) == Path(tempfile.gettempdir()) == Path(kept).parent
        assert Path(child).parent == place
    assert list(place.iterdir()) == []
    assert os.environ["TMPDIR"] == str(place)
    assert tempfile.gettempdir() == str(place)


def test_only_what_a_killed_command_left_is_swept(place):
    (place / "stapes-scratch-of-somebody").write_text("mine")
    (place / "other").mkdir()
    alive, folder = command()
    killed, left = command()
    killed.kill()
    killed.communicate()
    sweep(place)
    assert not left.exists()
    assert len(list(folder.iterdir())) == 1
    assert (place / "stapes-scratch-of-somebody").read_text() == "mine"
    assert (place / "other").is_dir()
    alive.communicate("")
    assert not folder.exists()


def test_a_young_folder_is_left_alone(place):
    (place / "stapes-scratch-new").mkdir()
    sweep(place)
    assert (place / "stapes-scratch-new").is_dir()


def test_without_a_place_for_temporary_files_the_command_works(place, monkeypatch):
    def full(**_: object) -> str:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(tempfile, "mkdtemp", full)
    with scratch_folder():
        assert tempfile.gettempdir() == str(place)
