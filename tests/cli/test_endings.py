"""How a command ends when its output is closed, or by Ctrl-C at any time."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(os.name != "posix", reason="signals are POSIX's here")
STAPES = f"{sys.executable} -c 'from stapes.cli import main; main()'"

# Python imports `sitecustomize` when it starts.
_INTERRUPT = """
import os, signal, sys
def watch(event, arguments):
    if event == "import" and arguments[0] == os.environ["STOP_AT"]:
        os.kill(os.getpid(), signal.SIGINT)
sys.addaudithook(watch)
"""


def shell(line, **options):
    return subprocess.run(["bash", "-c", line], capture_output=True, text=True, **options)


@pytest.mark.parametrize("module", ["stapes.cli.app", "typer", "pydantic", "stapes.api"])
def test_ctrl_c_during_the_imports_prints_no_traceback(tmp_path, module):
    (tmp_path / "sitecustomize.py").write_text(_INTERRUPT)
    paths = f"{tmp_path}:{os.environ.get('PYTHONPATH', '')}"
    command = [sys.executable, "-c", "from stapes.cli import main; main()", "report", "none"]
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": paths, "STOP_AT": module},
    )
    assert done.returncode in (130, -signal.SIGINT)
    assert "Traceback" not in done.stderr
    assert done.stderr in ("", "stapes: Stopped.\n")


def test_a_closed_output_is_no_fault():
    for end in (">&-", ">&- 2>&-", "| true", "<&-"):
        done = shell(f"{STAPES} --help {end}")
        assert done.stderr == ""
    assert shell(f"{STAPES} --version >&-").returncode == 0


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_output_is_one_sentence():
    done = shell(f"{STAPES} --version > /dev/full")
    assert (done.returncode, done.stderr) == (1, "stapes: No space left on device.\n")
