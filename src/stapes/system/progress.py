"""How long work reports its progress: a run calls these, a terminal or a test implements them.

A function with a Progress updates the step that its caller began, unless it begins its own.
"""

from __future__ import annotations


class Progress:
    """Shows nothing; subclasses show progress."""

    def begin(self, step: str) -> None:
        """A step starts."""

    def update(self, done: int, total: int | None, detail: str = "") -> None:
        """`done` of `total` is done; the total is None where it is not known."""

    def end(self, detail: str = "") -> None:
        """The step is done; `detail` names its result."""

    def note(self, text: str) -> None:
        """Show a message to the user at once."""


SILENT = Progress()
