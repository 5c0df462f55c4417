"""The table of continuous sound on the page."""

from __future__ import annotations

from dataclasses import dataclass

from stapes.contracts.results import Results
from stapes.report.column import Cell, with_values
from stapes.report.columns import ModelColumn, sound_columns
from stapes.report.sound import reasons


@dataclass(frozen=True)
class SoundTable:
    """A row a model, and why there is no figure where there is none."""

    columns: list[ModelColumn]
    rows: list[tuple[str, list[Cell]]]
    reasons: list[str]


def sound_table(results: Results) -> SoundTable | None:
    """FRR in continuous sound and what belongs to it; None where detection was not measured."""
    measured = [row for row in results.variants if row.detection is not None]
    if not measured:
        return None
    _, *shown = with_values(sound_columns(results), measured, results)
    return SoundTable(
        columns=shown,
        rows=[(row.name, [column.cell(row, results) for column in shown]) for row in measured],
        reasons=reasons(results),
    )
