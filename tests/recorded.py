"""Progress that records its calls, or interrupts."""

from __future__ import annotations

from stapes.system.progress import Progress


class Recorded(Progress):
    """Records the notes, and the steps that began with their updates as (done, total)."""

    def __init__(self) -> None:
        self.steps: dict[str, list[tuple[int, int | None]]] = {}
        self.updates: list[tuple[int, int | None]] = []
        self.notes: list[str] = []

    def begin(self, step: str) -> None:
        self.updates = self.steps[step] = []

    def update(self, done: int, total: int | None, detail: str = "") -> None:
        self.updates.append((done, total))

    def note(self, text: str) -> None:
        self.notes.append(text)


class Interrupts(Progress):
    """Presses Ctrl-C at the first update after `most`, in a step whose name has `step`."""

    def __init__(self, most: int = -1, step: str = "") -> None:
        self.most, self.part, self.step = most, step, ""

    def begin(self, step: str) -> None:
        self.step = step

    def update(self, done: int, total: int | None, detail: str = "") -> None:
        if done > self.most and self.part in self.step:
            raise KeyboardInterrupt
