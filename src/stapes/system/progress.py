"""How long work reports what it is doing: a run calls these, a terminal or a test implements them.

A function that takes a Progress updates the step that its caller began, unless it begins its own.
"""

from __future__ import annotations


class Progress:
    """Shows nothing; what shows progress overrides it."""

    def begin(self, step: str) -> None:
        """A step of the work starts."""

    def update(self, done: int, total: int | None, detail: str = "") -> None:
        """So much of the step is done; `total` is None where nobody knows it."""

    def end(self, detail: str = "") -> None:
        """The step is done; `detail` says what came of it."""

    def note(self, text: str) -> None:
        """Something that the user should know, now."""


SILENT = Progress()
