"""Progress on a terminal: a bar where there is one, plain lines where the output is a file."""

from __future__ import annotations

import time

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bars

from stapes.system.progress import Progress
from stapes.system.text import shown


def progress_on(console: Console) -> StoppableProgress:
    """A bar on a terminal, or plain lines."""
    return _Live(console) if console.is_terminal else _Plain(console)


class StoppableProgress(Progress):
    """Progress that can be stopped in the middle of a step."""

    def stop(self) -> None:
        """Leave the terminal as it was."""


class _Plain(StoppableProgress):
    """A line at the beginning and the end of each step."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._step = ""
        self._began = 0.0

    def begin(self, step: str) -> None:
        self._step, self._began = step, time.monotonic()
        self.note(f"{step} ...")

    def end(self, detail: str = "") -> None:
        seconds = time.monotonic() - self._began
        suffix = f": {detail}" if detail else ""
        self.note(f"{self._step}{suffix} ({seconds:.1f} s)")

    def note(self, text: str) -> None:
        self._console.print(shown(text), markup=False, highlight=False, soft_wrap=True)


class _Live(_Plain):
    """A bar for the current step, and a line for each finished one."""

    def begin(self, step: str) -> None:
        self._step, self._began = step, time.monotonic()
        self._bars = Bars(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("{task.fields[detail]}", style="dim", markup=False),
            console=self._console,
            transient=True,
        )
        self._task = self._bars.add_task(shown(step), total=None, detail="")
        self._bars.start()

    def update(self, done: int, total: int | None, detail: str = "") -> None:
        self._bars.update(self._task, completed=done, total=total, detail=shown(detail))

    def end(self, detail: str = "") -> None:
        self._bars.stop()
        super().end(detail)

    def stop(self) -> None:
        if hasattr(self, "_bars"):
            self._bars.stop()
