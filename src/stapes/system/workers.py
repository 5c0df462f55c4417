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
from typing import TYPE_CHECKING, Any

# TensorFlow keeps some of each model that it trained or converted. With psutil, loky renews a
# worker that has grown by so many bytes, between two tasks; it reads this when it is imported.
os.environ.setdefault("LOKY_MAX_MEMORY_LEAK_SIZE", str(1 << 30))

import loky

if TYPE_CHECKING:
    from typing_extensions import Self  # typing has it from Python 3.11.

_ORPHAN_CHECK_SECONDS = 0.5


class Workers:
    """Worker processes that start at their first use, and again after `kill`; not for two threads.

    As a context manager it ends them with the block: it waits for every task if the block ends
    well, and kills them if it ends with an exception.

    Parameters
    ----------
    jobs : int > 0
        how many processes
    initializer : callable
        called once in each worker before its first task, with `initargs`; if it fails, so does
        every task
    """

    def __init__(
        self,
        jobs: int,
        initializer: Callable[..., None] | None = None,
        initargs: tuple[Any, ...] = (),
    ) -> None:
        self._jobs, self._initial = jobs, (os.getpid(), initializer, initargs)
        self._executor: loky.ProcessPoolExecutor | None = None

    def executor(self) -> Executor:
        """The running workers, started if they were not.

        `submit` and `map` take functions that can be pickled. A worker that dies makes the results
        of all raise `concurrent.futures.BrokenExecutor`: `kill` what is left of them then.
        """
        if self._executor is None:
            # It is done on purpose.
            warnings.filterwarnings("ignore", message="A worker was restarted while some jobs")
            self._executor = loky.ProcessPoolExecutor(
                self._jobs, initializer=_begin, initargs=self._initial
            )
            with _interrupts_held():
                # loky starts its workers at the first task: have them start here.
                self._executor.submit(os.getpid)
        executor: Executor = self._executor
        return executor

    def kill(self) -> None:
        """End the workers at once."""
        executor, self._executor = self._executor, None
        if executor is not None:
            executor.shutdown(kill_workers=True)

    def close(self) -> None:
        """End the workers once they are done."""
        if self._executor is not None:
            self._executor.shutdown()
            self._executor = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        try:
            if kind is None:
                self.close()
        finally:
            self.kill()


@contextlib.contextmanager
def pool(
    jobs: int, initializer: Callable[..., None] | None = None, initargs: tuple[Any, ...] = ()
) -> Iterator[Executor]:
    """Start worker processes, and end them with the block; see `Workers`.

    Examples
    --------
    >>> with pool(2) as executor:
    ...     list(executor.map(abs, [-1, 2, -3]))
    [1, 2, 3]
    """
    with Workers(jobs, initializer, initargs) as workers:
        yield workers.executor()


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
