"""The one place that runs what may crash, hang or be hostile, with limits on time and memory.

Interpreters are C++ that trusts its file, and a file may come from anywhere. In a process of their
own, a crash is a reason in a table or an error message, never the end of a run. Starting a process
takes half a second, so one `Child` serves many calls.

A process that was killed did not crash: the system does this where memory ends, whatever the file.
Its call is tried again once, and then the error is `Killed`, which is no result of the call.

RLIMIT_DATA limits the memory that a process may write to. RLIMIT_AS would also count mapped
features, libraries and reserved addresses: 2.7 GiB for TensorFlow, which writes 0.6 GiB. Windows
has no such limit, and macOS ignores it.
"""

from __future__ import annotations

import contextlib
import os
import re
import signal
from collections.abc import Callable
from concurrent.futures import BrokenExecutor
from concurrent.futures import TimeoutError as Late
from pathlib import Path
from typing import ParamSpec, TypeVar

from stapes.errors import StapesError
from stapes.system.files import send_output_to
from stapes.system.workers import Workers

MEMORY = 6 << 30
"""Bytes that a child may write to. An interpreter with a wake-word model takes 0.1 GiB. TensorFlow
that reads or converts one takes 0.6 GiB. The largest tensor of a file may be 1 GiB."""

SECONDS = 600.0
"""The longest that reading, converting, compiling or running a model may take.

A wake-word model takes 10 s, and 75 s where ten processes share each core. Only a hang takes
longer: results must not depend on other work of the machine.
"""

_START_SECONDS = SECONDS
"""The longest that a process may take to start: it only imports Stapes."""

SECONDS_A_CLIP = 0.5
"""Added to `SECONDS` for each clip that a model gets; the reference CNN needs a thousandth."""

TRAINING_MEMORY = 16 << 30
"""Bytes that a worker which trains a user's own model may write to. TensorFlow takes 0.6 GiB with
the reference CNN, and a copy of the MFCCs of a million clips 2.4 GiB."""

_KILLS = {
    getattr(signal, name, None) for name in ("SIGKILL", "SIGTERM", "SIGINT", "SIGHUP", "SIGQUIT")
} - {None}
"""Signals that others send. The system sends SIGKILL where memory ends."""

P = ParamSpec("P")
R = TypeVar("R")


class Lost(Exception):
    """A call did not end; the message says why and completes a sentence: "it crashed"."""

    signal: str | None = None
    """What ended a process that crashed, as the system calls it: "floating point exception"."""


class TimedOut(Lost):
    """A call was not done in time."""


class _KilledOnce(Exception):
    pass


class Killed(StapesError):
    """A process was killed twice, from outside or for lack of memory: nothing is known of its call.

    Parameters
    ----------
    process : str
        What was killed: the subject of a sentence.
    """

    def __init__(self, process: str = "A process of Stapes") -> None:
        super().__init__(
            f"{process} was killed twice, perhaps for lack of memory: end other programs, and give "
            "the same command again."
        )


class Child(Workers):
    """One process for many calls; it starts at the first call, and again after a lost one.

    Parameters
    ----------
    memory : int > 0
        Bytes that it may write to.

    Examples
    --------
    >>> with Child() as child:
    ...     child.run(60, abs, -3)
    3
    """

    def __init__(self, memory: int = MEMORY) -> None:
        super().__init__(1, begin, (Path(os.devnull), memory))
        self._memory = memory

    def run(self, seconds: float, call: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Call a function in the child.

        Parameters
        ----------
        seconds : float > 0
            The longest that it may take, without the start of the process.
        call : callable
            It, its arguments, its result and its errors can be pickled.

        Raises
        ------
        Lost
            The child crashed, was not done in time or needs too much memory.
        Killed
            It was killed, and killed again in a new process.
        """
        try:
            return self._run(seconds, call, *args, **kwargs)
        except _KilledOnce:
            pass
        try:
            return self._run(seconds, call, *args, **kwargs)
        except _KilledOnce:
            raise Killed from None

    def _run(self, seconds: float, call: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        what, limit = "the start of its process took", _START_SECONDS
        try:
            executor = self.executor()
            executor.submit(os.getpid).result(timeout=limit)  # It has started when it answers.
            what, limit = "it took", seconds
            return executor.submit(call, *args, **kwargs).result(timeout=limit)
        except Late:
            self.kill()
            raise TimedOut(f"{what} more than {limit:g} s") from None
        except BrokenExecutor as broken:
            self.kill()
            number = _signal(broken)
            if number in _KILLS:
                raise _KilledOnce from None
            lost = Lost("it crashed")
            lost.signal = ((number and signal.strsignal(number)) or "no signal").lower()
            raise lost from None
        except MemoryError:
            raise Lost(_too_much(self._memory)) from None


def isolated(seconds: float, call: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """Call a function once, in a child of its own; see `Child.run`."""
    with Child() as child:
        return child.run(seconds, call, *args, **kwargs)


def _signal(broken: BrokenExecutor) -> int | None:
    """The number of the signal that ended a worker."""
    # Only loky's message has the exit code: "SIGFPE(-8)".
    code = re.search(r"\(-(\d+)\)", str(broken))
    return int(code[1]) if code else None


def _too_much(memory: int) -> str:
    return f"it needs more than {memory / 2**30:g} GiB of memory"


def begin(output: Path, memory: int | None) -> None:
    """Initialize a worker: a file for its output, and perhaps a limit on its memory."""
    send_output_to(output)
    if memory is not None:
        limit_memory(memory)


def limit_memory(memory: int) -> None:
    """Limit the bytes that this process, and those that it starts, may write to."""
    with contextlib.suppress(ImportError, ValueError, OSError):
        import resource  # Not on Windows.

        resource.setrlimit(resource.RLIMIT_DATA, (memory, memory))
