"""Who is told what is heard: a terminal, or a program of the user."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from stapes.contracts.listening import Heard
    from stapes.listen.wake_word import WakeWord


class Listener:
    """Does nothing; subclasses show what is heard."""

    def begins(self, words: Sequence[WakeWord], source: str, *, live: bool) -> None:
        """The models are ready."""

    def recording(self, done: int, total: int, name: str) -> None:
        """`done` of `total` recordings are over, and the next begins."""

    def heard(self, heard: Heard) -> None:
        """A detection as it comes, or a near miss a second later."""

    def scores(self, words: Sequence[WakeWord], seconds: float) -> None:
        """The models have heard so many seconds of this sound, and may have new scores."""

    def note(self, text: str) -> None:
        """A message to the user."""

    def ends(self) -> None:
        """Nothing more comes."""
