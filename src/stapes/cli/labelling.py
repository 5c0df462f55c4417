"""The questions of `stapes data label`, in a terminal."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from stapes.contracts.captures import Capture, Labels
from stapes.system.text import plural, printable, shown

_QUESTION = "Is the word in it? [y]es, [n]o, [s]kip, [p]lay, [q]uit: "


class Questions:
    """Asks about a capture of a folder, and plays it if sounddevice and PortAudio are there."""

    def __init__(self, kept: Path) -> None:
        from stapes.listen.playing import player

        self._kept, self._quit = kept, False
        self._play = player()

    def __call__(self, path: Path, capture: Capture, number: int, count: int) -> str | None:
        """The answer; None to skip, and for all others after the end."""
        if self._quit:
            return None
        when = f", {capture.recorded}" if capture.recorded else ""
        print(
            f"{number} of {count}: {capture.kind} of {printable(capture.wake_word)} at "
            f"{capture.seconds:.1f} s, score {capture.score:.3f} (threshold "
            f"{capture.threshold:.3f}), {printable(capture.source)}{printable(when)}"
        )
        self._sound(path)
        while True:
            print(_QUESTION, end="", flush=True)
            line = sys.stdin.readline()
            # Nothing at all is the end of the input.
            answer = line.strip().lower()[:1] if line else "q"
            if answer == "p":
                self._sound(path)
            elif answer in ("y", "n", "s", "q"):
                self._quit = answer == "q"
                return {"y": "yes", "n": "no"}.get(answer)

    def _sound(self, path: Path) -> None:
        fault = self._play(path)
        if fault:
            print(shown(f"  {path} ({fault})"))


def lines(labels: Labels) -> Iterator[str]:
    """The numbers of captures in sentences."""
    yield (
        f"{plural(labels.yes, 'capture')} with the word, {labels.no:,} without, "
        f"{labels.unlabelled:,} without a label."
    )
    for skipped in labels.skipped:
        yield f"Not used: {skipped.file} ({skipped.reason})."
