"""The errors that Stapes raises on purpose.

Each message is one or two sentences that name the file or option and the fix. The command line
prints the message alone and exits with `exit_code`.
"""

from __future__ import annotations

import re

_OPTION = re.compile(r"(?<!\S)--([a-z]+(?:-[a-z]+)*)")


class StapesError(Exception):
    """Base of all errors that a user can fix; exit status 1: the work failed."""

    exit_code = 1

    def __str__(self) -> str:
        """The message with each option by its name in Python: `max_drop` for `--max-drop`."""
        return _OPTION.sub(lambda option: option[1].replace("-", "_"), self.typed)

    @property
    def typed(self) -> str:
        """The message with each option as it is typed in a terminal."""
        return super().__str__()


class UsageError(StapesError):
    """The call was wrong (an option, a folder, a word); exit status 2, nothing was written."""

    exit_code = 2


class AudioError(StapesError):
    """One sound file cannot be used; `reason` says why without naming the file."""

    def __init__(self, file: object, reason: str) -> None:
        super().__init__(f"{file}: {reason}")
        self.file = str(file)
        self.reason = reason

    def __reduce__(self) -> tuple[type, tuple[str, str]]:
        return type(self), (self.file, self.reason)


class ModelError(StapesError):
    """A model file is broken, or this command cannot use it."""


class MissingExtraError(StapesError):
    """A part of Stapes needs an extra that is not installed."""

    def __init__(self, what: str, extra: str) -> None:
        super().__init__(f"{what} needs an extra: install stapes[{extra}].")
        self.what = what
        self.extra = extra

    def __reduce__(self) -> tuple[type, tuple[str, str]]:
        return type(self), (self.what, self.extra)
