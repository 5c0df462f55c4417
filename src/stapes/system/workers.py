"""A pool of worker processes that never outlives its reason.

loky rather than multiprocessing, so that a script without an `if __name__ == "__main__"` guard
works. On top of loky: Ctrl-C interrupts the parent alone, an error ends the workers at once, and
workers whose parent was killed end themselves (not on Windows, where a process does not learn
that its parent is gone).
"""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from multiprocessing import resource_tracker
from typing import Any

# TensorFlow keeps some of each model that it trained or converted. With psutil, loky renews a
# worker that has grown by so many bytes, between two tasks; it reads this when it is imported.
os.environ.setdefault("LOKY_MAX_MEMORY_LEAK_SIZE", str(1 << 30))

import loky

_ORPHAN_CHECK_SECONDS = 0.5


@contextlib.contextmanager
def pool(
    jobs: int, initializer: Callable[..., None] | None = None, initargs: tuple[Any, ...] = ()
) -> Iterator[Executor]:
    """Start `jobs` worker processes, and end them with the block.

    Parameters
    ----------
    jobs : int > 0
        how many processes
    initializer : callable
        called once in each worker before its first task, with `initargs`; if it fails, so does
        every task

    Yields
    ------
    concurrent.futures.Executor
        `submit` and `map` take functions that can be pickled. A worker that dies makes the
        results of its pool raise `concurrent.futures.BrokenExecutor`. If the block ends well, it
        waits for every task; if it ends with an exception, all workers are killed.

    Examples
    --------
    >>> with pool(2) as executor:
    ...     list(executor.map(abs, [-1, 2, -3]))
    [1, 2, 3]
    """
    # It is done on purpose.
    warnings.filterwarnings("ignore", message="A worker was restarted while some jobs")
    executor = loky.ProcessPoolExecutor(
        jobs, initializer=_begin, initargs=(os.getpid(), initializer, initargs)
    )
    try:
        with _interrupts_held():
            # loky starts its workers at the first task: have them start here.
            executor.submit(os.getpid)
        yield executor
        executor.shutdown()
    except BaseException:
        executor.shutdown(kill_workers=True)
        raise


@contextlib.contextmanager
def _interrupts_held() -> Iterator[None]:
    """Keep Ctrl-C waiting for the length of the block, for processes started in it for ever.

    A terminal sends Ctrl-C to the workers too, and one that is still starting would print a
    traceback. A process inherits the blocked signals of the thread that starts it.
    """
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    # Starting the tracker would unblock the signal midway: have it run before.
    resource_tracker.ensure_running()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _begin(parent: int, initializer: Callable[..., None] | None, initargs: tuple[Any, ...]) -> None:
    """First thing in a worker: leave Ctrl-C to the parent, and watch that it lives."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()
    if initializer is not None:
        initializer(*initargs)


def _end_with(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(_ORPHAN_CHECK_SECONDS)
    os._exit(1)
