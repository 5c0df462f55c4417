"""Detection in continuous sound for a terminal: the table, and the sentences below it."""

from __future__ import annotations

from rich.table import Table

from stapes.contracts.results import Results
from stapes.report.columns import sound_columns
from stapes.report.sound import how, reasons
from stapes.report.terminal.tables import model_table


def detections(results: Results) -> Table | None:
    """FRR in continuous sound of each model; None where detection was not measured."""
    rows = [row for row in results.variants if row.detection is not None]
    if results.detection is None or not rows:
        return None
    return model_table("In continuous sound", results, sound_columns(results), rows)


def detection_notes(results: Results) -> list[str]:
    """How detection was measured, and why some figures are missing."""
    setup = results.detection
    if setup is None:
        return []
    noise = f"FRR in noise is at the threshold chosen without noise. Noise: {setup.noise}."
    lines = [f"Continuous sound: {how(results)}", *([noise] if setup.noise else [])]
    return lines + reasons(results)
