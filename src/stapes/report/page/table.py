"""The tables of the page with a row for each model."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from stapes.contracts.measurements import SourceRate
from stapes.contracts.results import Results, VariantResult
from stapes.report.charts import Look
from stapes.report.column import Cell, ModelColumn, with_values
from stapes.report.columns import FIRST, OF_CLIPS, columns, sound_columns
from stapes.report.notes import flat
from stapes.report.sound import in_sound, reasons
from stapes.report.style import looks, recommended
from stapes.report.target_columns import sentence
from stapes.system.text import UNKNOWN, plural, rate, rate_interval
from stapes.targets.registry import TARGETS
from stapes.techniques.registry import TECHNIQUES

_TARGETS = tuple(f"{target}_runs" for target in TARGETS)
MODELS = (
    *(key for key in FIRST if key != "name"),
    *("accuracy_against_float32", "mcnemar_p", "false_negatives", "false_positives", "frr_at_fpr"),
    *("gzip_bytes", "litert_latency_us_p50", *(key for key in _TARGETS if key not in FIRST)),
)
"""The columns of the table, by key; the details of a row have all others."""

IN_SOUND = tuple(key for key in MODELS if key not in OF_CLIPS)
"""Those of a run with continuous sound, which decides."""


@dataclass(frozen=True)
class Row:
    """One model."""

    name: str
    look: Look
    cells: list[Cell]
    details: list[tuple[str, str]]
    best: bool


@dataclass(frozen=True)
class SoundTable:
    """FRR in continuous sound, and why some figures are missing."""

    columns: list[ModelColumn]
    rows: list[tuple[str, list[Cell]]]
    reasons: list[str]


def shown_columns(results: Results, keys: Iterable[str] | None = None) -> list[ModelColumn]:
    """The columns of the table, without those that have no value in any row."""
    if keys is None:
        keys = IN_SOUND if in_sound(results) else MODELS
    return with_values(columns(results, keys), results.variants, results)


def rows(results: Results, shown: list[ModelColumn]) -> list[Row]:
    """Every model, in the run's order."""
    look, best = looks(results), recommended(results)
    return [
        Row(
            name=row.name,
            look=look[row.name],
            cells=[column.cell(row, results) for column in shown],
            details=_details(row, results, shown),
            best=row.name == best,
        )
        for row in results.variants
    ]


def sound_table(results: Results) -> SoundTable | None:
    """The models in continuous sound; None where detection was not measured."""
    measured = [row for row in results.variants if row.detection is not None]
    if not measured:
        return None
    _, *shown = with_values(sound_columns(results), measured, results)
    return SoundTable(
        columns=shown,
        rows=[(row.name, [column.cell(row, results) for column in shown]) for row in measured],
        reasons=reasons(results),
    )


@dataclass(frozen=True)
class SourcesTable:
    """False accepts by source of sound: a row a source, a column a model."""

    models: list[str]
    rows: list[tuple[str, list[Cell]]]
    """The source, then its hours and each model's false accepts per hour."""


def sources_table(results: Results) -> SourcesTable | None:
    """False accepts by source of the models that have them; None where none has."""
    models = {
        row.name: {part.source: part for part in row.detection.by_source}
        for row in results.variants
        if row.detection is not None and row.detection.by_source
    }
    if not models:
        return None
    hours = {source: part.hours for parts in models.values() for source, part in parts.items()}
    return SourcesTable(
        models=list(models),
        rows=[
            (
                source,
                [
                    Cell(f"{of_source:.3g}", of_source),
                    *(_accepts(parts.get(source)) for parts in models.values()),
                ],
            )
            for source, of_source in hours.items()
        ],
    )


def _accepts(part: SourceRate | None) -> Cell:
    if part is None:
        return Cell(UNKNOWN)
    return Cell(
        rate(part.fa_per_hour),
        part.fa_per_hour,
        rate_interval(part.fa_per_hour_ci95),
        plural(part.false_accepts, "false accept"),
    )


def _details(
    row: VariantResult, results: Results, shown: list[ModelColumn]
) -> list[tuple[str, str]]:
    """The notes of the table's cells, and all columns that the table leaves out."""
    in_table = {"name", *(column.key for column in shown)}
    details = [("file", row.file)]
    if row.name in TECHNIQUES:
        details.append(("source", TECHNIQUES[row.name].source))
    for column in columns(results):
        cell = column.cell(row, results)
        if column.key in in_table:
            details += [(column.title, cell.note)] if cell.note else []
        elif cell.value is not None:
            details.append((column.title, str(cell)))
    if row.settings:
        settings = (f"{name} {value}" for name, value in flat(row.settings))
        details.append(("settings", ", ".join(settings)))
    unknown = [target for target in row.targets if target not in TARGETS]
    details += [(target, sentence(row.targets[target])) for target in unknown]
    return details + [("note", note) for note in row.notes]
