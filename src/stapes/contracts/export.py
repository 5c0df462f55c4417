"""What `stapes export` wrote; `--json` prints it."""

from __future__ import annotations

from pydantic import Field

from stapes.contracts.measurements import OperatingPoint, Part


class ExportCheck(Part):
    """A check of the files that were written, by the program that will read them."""

    name: str
    passed: bool | None
    """None if it was not checked."""
    detail: str
    """What was compared, or why it was not checked."""


class Exported(Part):
    """The files for a device, and what they say."""

    to: str
    """The form, e.g. `esphome`."""
    folder: str
    files: list[str]
    """Names in the folder."""
    id: str
    """The name of the files."""
    wake_word: str
    variant: str | None
    """The row of the run; None for a file of others."""
    sha256: str
    """Of the model."""
    bytes: int
    probability_cutoff: float
    """As the manifest has it."""
    cutoff: int
    """The integer that ESPHome makes of it: the mean of the last outputs must be above it."""
    sliding_window: int
    """Outputs that are averaged."""
    point: OperatingPoint | None
    """What was measured at this cutoff; None if nothing was."""
    hours: float | None = None
    """Of sound without the word, in which it was measured."""
    words: int | None = None
    """In which it was measured."""
    arena_bytes: int
    """The smallest tensor arena that TFLite Micro starts in."""
    tensor_arena_size: int
    """With a margin, as the manifest has it."""
    notes: list[str] = Field(default_factory=list)
    """What a person should know before the files go onto a device."""
    checks: list[ExportCheck] = Field(default_factory=list)
    """Empty without `--check`."""
