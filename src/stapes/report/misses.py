"""How FRR of clips was measured, in words."""

from __future__ import annotations

from stapes.contracts.measurements import ClipMisses
from stapes.contracts.results import Results


def first_misses(results: Results) -> ClipMisses | None:
    """The first model's that has any: how it was measured is the same for all."""
    return next((row.misses for row in results.variants if row.misses is not None), None)


def at_rate(misses: ClipMisses) -> str:
    """`0.5 % false positives`."""
    return f"{misses.false_positive_percent:g} % false positives"


def counted(misses: ClipMisses) -> str:
    """The clips that it was measured on."""
    return (
        f"{misses.words:,} test clips of the word and {misses.others:,} others, of which at most "
        f"{misses.allowed:,} may lie above the threshold"
    )
