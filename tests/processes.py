"""Processes that crash, hang or take too much memory, and whether one still runs."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

MOST_SECONDS = 3600
"""Only a hang takes longer, on any machine."""


def is_alive(pid: int) -> bool:
    """Whether a process runs; one that is dead and waits for its parent does not."""
    state = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True)
    return state.stdout.strip()[:1] not in ("", "Z")


def wait_until(condition: Callable[[], bool]) -> bool:
    """Wait until a condition holds; False if it never does."""
    end = time.monotonic() + MOST_SECONDS
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.05)
    return False


def free_port() -> int:
    """A port of this machine that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def crash(*_: object) -> None:
    """End this process as a wrong address in C++ does."""
    os.kill(os.getpid(), signal.SIGSEGV)


def be_killed(deaths: Path, times: int, *_: object) -> int:
    """End this process as the system does where memory ends, so many times; then count them."""
    count = len(deaths.read_bytes()) if deaths.exists() else 0
    if count < times:
        deaths.write_bytes(bytes(count + 1))
        os.kill(os.getpid(), signal.SIGKILL)
    return count


def hang(*_: object) -> None:
    """Do not return."""
    time.sleep(600)


def allocate(size: int) -> int:
    """Take so many bytes, and write to all of them."""
    return len(bytearray(size))


def run_out(*_: object) -> None:
    """Take more memory than any process may."""
    allocate(sys.maxsize >> 16)
