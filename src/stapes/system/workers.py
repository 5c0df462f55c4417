"""Worker processes that end when their work or their parent ends.

loky, unlike multiprocessing, works in a script without an `if __name__ == "__main__"` guard. On top
of loky: Ctrl-C interrupts the parent alone, an error ends the workers at once, and workers whose
parent was killed end themselves (not on Windows, which does not report that a parent is gone).
"""

from __future__ import annotations

import contextlib
import errno
import os
import signal
import sys
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from multiprocessing import resource_tracker
from typing import TYPE_CHECKING, Any

# TensorFlow leaks memory with each model that it trains or converts. With psutil, loky replaces a
# worker that has grown by so many bytes, between two tasks. It reads this at its import.
os.environ.setdefault("LOKY_MAX_MEMORY_LEAK_SIZE", str(1 << 30))

import loky
import loky.backend.resource_tracker

if TYPE_CHECKING:
    from typing_extensions import Self  # typing has it from Python 3.11.

_ORPHAN_CHECK_SECONDS = 0.5


class Workers:
    """Worker processes that start at their first use, and again after `kill`; not for two threads.

    A `with` block ends them: it waits for every task, or kills them at an exception. Each worker
    first calls `initializer` with `initargs`; if that fails, so does every task.
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
        """The running workers, for functions that can be pickled.

        When a worker dies, all results raise `concurrent.futures.BrokenExecutor`; then call `kill`.
        """
        if self._executor is None:
            # Restarts are on purpose.
            warnings.filterwarnings("ignore", message="A worker was restarted while some jobs")
            _start_tracker()
            try:
                self._executor = loky.ProcessPoolExecutor(
                    self._jobs, initializer=_begin, initargs=self._initial
                )
                with _interrupts_held():
                    # loky starts its workers at the first task: they must start here.
                    self._executor.submit(os.getpid)
            except (OSError, ImportError) as error:
                raise OSError(
                    getattr(error, "errno", None) or errno.ENOSYS,
                    f"no worker process can be started ({getattr(error, 'strerror', error)}): it "
                    "needs memory, and a /dev/shm that can be written",
                ) from None
        executor: Executor = self._executor
        return executor

    def kill(self) -> None:
        """End the workers at once."""
        executor, self._executor = self._executor, None
        if executor is not None:
            executor.shutdown(kill_workers=True)

    def close(self) -> None:
        """End the workers when they are done."""
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
    """Worker processes for the length of a block; see `Workers`.

    Examples
    --------
    >>> with pool(2) as executor:
    ...     list(executor.map(abs, [-1, 2, -3]))
    [1, 2, 3]
    """
    with Workers(jobs, initializer, initargs) as workers:
        yield workers.executor()


def _start_tracker() -> None:
    """Start loky's process that removes what killed workers leave, without its warning of it."""
    options = list(sys.warnoptions)
    sys.warnoptions.append("ignore:resource_tracker")
    try:
        loky.backend.resource_tracker.ensure_running()
    finally:
        sys.warnoptions[:] = options


@contextlib.contextmanager
def _interrupts_held() -> Iterator[None]:
    """Block Ctrl-C for the length of the block, and for ever in processes that start in it.

    A terminal sends Ctrl-C to the workers too, and one that is still starting would print a
    traceback. A process inherits the blocked signals of the thread that starts it.
    """
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    # The start of the tracker would unblock the signal: start it before.
    resource_tracker.ensure_running()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _begin(parent: int, initializer: Callable[..., None] | None, initargs: tuple[Any, ...]) -> None:
    """Initialize a worker: Ctrl-C is the parent's, and the worker ends with its parent."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()
    if initializer is not None:
        initializer(*initargs)


def _end_with(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(_ORPHAN_CHECK_SECONDS)
    os._exit(1)
