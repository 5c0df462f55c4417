"""A process that runs what may crash or hang, and is made anew when it did.

Interpreters are C++ that trusts its file. What they do to this process must be a reason in a table,
not the end of a run; and starting a process takes half a second, so one serves many calls.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from concurrent.futures import BrokenExecutor, Executor
from concurrent.futures import TimeoutError as Late
from pathlib import Path
from typing import ParamSpec, TypeVar

from stapes.system.files import send_output_to
from stapes.system.workers import pool

MOST_MEMORY = 6 << 30
"""Bytes of address space that a child may take, where the system can limit it."""

P = ParamSpec("P")
R = TypeVar("R")


class Lost(Exception):
    """A call did not come to an end; its message says why, as the predicate of a sentence."""


class Child:
    """One process, started at the first call and after each that was lost; not for two threads."""

    def __init__(self) -> None:
        self._stack = contextlib.ExitStack()
        self._executor: Executor | None = None

    def run(self, seconds: float, call: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Call a function in the child.

        Parameters
        ----------
        seconds : float > 0
            The longest that it may take, without the time to start a process.
        call : callable
            It, its arguments, what it gives and what it raises can be pickled.

        Raises
        ------
        Lost
            The child crashed or was not done in time; the next call gets a new one.
        """
        try:
            executor = self._started()
            return executor.submit(call, *args, **kwargs).result(timeout=seconds)
        except Late:
            self._kill()
            raise Lost(f"it took more than {seconds:g} s") from None
        except BrokenExecutor:
            self._kill()
            raise Lost("it crashed") from None
        except MemoryError:
            raise Lost("it needs more memory than a device has") from None

    def close(self) -> None:
        """End the process, if there is one."""
        self._executor = None
        self._stack.close()

    def _started(self) -> Executor:
        if self._executor is None:
            self._executor = self._stack.enter_context(pool(1, begin))
            self._executor.submit(os.getpid).result()
        return self._executor

    def _kill(self) -> None:
        self._executor = None
        stack, self._stack = self._stack, contextlib.ExitStack()
        # A pool kills its workers when its block ends by an error, and waits for them otherwise.
        with contextlib.suppress(Lost):
            stack.__exit__(Lost, Lost(), None)


@contextlib.contextmanager
def child() -> Iterator[Child]:
    """A child that ends with the block.

    Examples
    --------
    >>> with child() as made:
    ...     made.run(60, abs, -3)
    3
    """
    made = Child()
    try:
        yield made
    except BaseException:
        made._kill()
        raise
    made.close()


def begin() -> None:
    """First thing in a child: what C++ prints goes nowhere, and its memory has a limit."""
    send_output_to(Path(os.devnull))
    with contextlib.suppress(ImportError, ValueError, OSError):
        import resource  # Not on Windows.

        resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY, MOST_MEMORY))
