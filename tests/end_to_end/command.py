"""The command line as a user calls it, and processes that end in the middle of their work."""

from __future__ import annotations

import contextlib
import io
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from tests.processes import MOST_SECONDS

from stapes.cli.app import main

STAPES = str(Path(sys.executable).with_name("stapes"))

# Python imports `sitecustomize` when it starts, in the workers of a command too. `os.replace`
# is announced before it happens, so the file is there at the next event.
_STOP = """
import fnmatch, os, sys

pattern, number = os.environ["STOP_AT"], int(os.environ["STOP_SIGNAL"])
state = "waiting"

def watch(event, arguments):
    global state
    if state == "waiting" and event == "os.rename":
        if fnmatch.fnmatch(os.fspath(arguments[1]), pattern):
            state = "written"
    elif state == "written":
        state = "done"
        os.killpg(0, number)

sys.addaudithook(watch)
"""


def environment(cache: Path | None) -> dict[str, str]:
    """The environment of a command that keeps its cache in a folder."""
    return {**os.environ, **({"STAPES_CACHE": str(cache)} if cache else {})}


def stapes(
    *arguments: object, cache: Path | None = None, cwd: Path | None = None, status: int | None = 0
) -> subprocess.CompletedProcess[str]:
    """Call `stapes`; it must end with `status`, where that is not None, and with no traceback."""
    done = subprocess.run(
        [STAPES, *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=MOST_SECONDS,
        cwd=cwd,
        env=environment(cache),
    )
    assert "Traceback" not in done.stderr + done.stdout
    assert status is None or done.returncode == status, done.stderr
    return done


def stapes_here(*arguments: object, cache: Path, cwd: Path) -> tuple[int, str, str]:
    """Call `stapes` in this process, without the second that it takes to start another.

    Returns
    -------
    (int, str, str)
        The exit status, and what was written to standard output and standard error.
    """
    output, errors = io.StringIO(), io.StringIO()
    with (
        pytest.MonkeyPatch.context() as patch,
        contextlib.redirect_stdout(output),
        contextlib.redirect_stderr(errors),
    ):
        patch.chdir(cwd)
        patch.setenv("STAPES_CACHE", str(cache))
        patch.setattr(sys, "argv", ["stapes", *map(str, arguments)])
        with pytest.raises(SystemExit) as end:
            main()
    return int(end.value.code or 0), output.getvalue(), errors.getvalue()


def speak(word: str, out: Path, voices: int, cache: Path) -> None:
    """Make a corpus of synthetic speech, six takes by each voice."""
    options = ("--voices", voices, "--takes", 6)
    stapes("data", "synth", "--word", word, "--out", out, *options, cache=cache)


def stopped(
    *arguments: object,
    cache: Path,
    scratch: Path,
    at: str,
    by: signal.Signals = signal.SIGKILL,
) -> tuple[int, str]:
    """Call `stapes` and send it and its workers a signal when a file is written.

    Parameters
    ----------
    scratch : Path
        An empty folder for the test's own files.
    at : str
        Pattern of the file's path: the signal comes right after the first such file is in place.
        No clock decides, and no other process has to look in time.

    Returns
    -------
    (int, str)
        What the process ended with (negative: the signal), and what it wrote to standard error.
    """
    scratch.mkdir(exist_ok=True)
    (scratch / "sitecustomize.py").write_text(_STOP)
    paths = [str(scratch), *filter(None, [os.environ.get("PYTHONPATH")])]
    process = subprocess.Popen(
        [STAPES, *map(str, arguments)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        env={
            **environment(cache),
            "PYTHONPATH": os.pathsep.join(paths),
            "STOP_AT": at,
            "STOP_SIGNAL": str(int(by)),
        },
    )
    _, message = process.communicate(timeout=MOST_SECONDS)
    return process.returncode, message
