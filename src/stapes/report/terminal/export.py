"""What `stapes export` wrote, as sentences."""

from __future__ import annotations

from stapes.contracts.export import ExportCheck, Exported
from stapes.system.text import hours, interval, percent, plural, rate

_STATES = {True: "passed", False: "failed", None: "not checked"}


def export_lines(exported: Exported) -> list[str]:
    """The files, the operating point and its figures, notes, and checks."""
    point, where = exported.point, exported.folder
    row = f"the row {exported.variant}, " if exported.variant else ""
    lines = [
        f'"{exported.wake_word}" for {exported.to}: {row}{exported.bytes:,} bytes.',
        f"Detected if the mean of the last {exported.sliding_window} outputs is above "
        f"{exported.cutoff} of 255: probability_cutoff {exported.probability_cutoff:g}.",
    ]
    if point is not None and point.frr is not None and point.fa_per_hour is not None:
        accepts = plural(float(rate(point.fa_per_hour)), "false accept")
        lines.append(
            f"Measured there: it misses {percent(point.frr, 1)} of {exported.words} words "
            f"(95 %: {interval(point.frr_ci95)}) at {accepts} an hour, in "
            f"{hours(exported.hours or 0.0)} of sound."
        )
    lines += [
        f"Tensor arena: {exported.tensor_arena_size:,} bytes; it starts in "
        f"{exported.arena_bytes:,} on a computer.",
        *exported.notes,
        *map(_check, exported.checks),
        f"Written: {', '.join(exported.files)} in {where}; README.md says where each goes.",
    ]
    return lines


def _check(check: ExportCheck) -> str:
    return f"{check.name}, {_STATES[check.passed]}: {check.detail}"
