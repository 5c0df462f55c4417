"""Words missed among the test clips at a rate of false positives: how it is told, and as CSV."""

from __future__ import annotations

from stapes.contracts.measurements import ClipMisses
from stapes.contracts.results import Results, VariantResult

MISS_COLUMNS = (
    "frr_at_fpr",
    "frr_at_fpr_low95",
    "frr_at_fpr_high95",
    "frr_at_fpr_percent",
    "frr_at_fpr_against_float32",
    "frr_at_fpr_against_float32_p",
)
"""Of results.csv; an empty cell is a figure that there is not."""


def miss_cells(row: VariantResult) -> dict[str, str]:
    """A row's part of results.csv, by `MISS_COLUMNS`; `_percent` is that of false positives."""
    found = row.misses
    if found is None:
        return dict.fromkeys(MISS_COLUMNS, "")
    low, high = found.frr_ci95
    against = found.against_float32
    figures = (
        *(found.frr, low, high, found.false_positive_percent),
        *((None, None) if against is None else (against.difference, against.p)),
    )
    return {
        name: "" if value is None else f"{value:.6g}"
        for name, value in zip(MISS_COLUMNS, figures, strict=True)
    }


def first_misses(results: Results) -> ClipMisses | None:
    """The first variant's that has any: how it was counted is the same for all."""
    return next((row.misses for row in results.variants if row.misses is not None), None)


def at_rate(found: ClipMisses) -> str:
    """`0.5 % false positives`."""
    return f"{found.false_positive_percent:g} % false positives"


def counted(found: ClipMisses) -> str:
    """How it was counted, in a sentence."""
    return (
        f"{found.words:,} test clips of the word and {found.others:,} others, of which at most "
        f"{found.allowed:,} may lie above the threshold"
    )


def missed_at(row: VariantResult) -> float | None:
    """The part of the words, or None where it was not measured."""
    return None if row.misses is None else row.misses.frr
