"""The table of a run for a terminal, from results.json alone."""

from __future__ import annotations

from collections.abc import Iterable
from textwrap import wrap
from typing import TYPE_CHECKING, Literal

from rich.markup import escape
from rich.table import Table

from stapes.contracts.evaluation import Check, Evaluation
from stapes.contracts.measurements import SkippedFile
from stapes.contracts.results import Results, VariantResult
from stapes.report.column import with_values
from stapes.report.columns import COLUMNS, ModelColumn, columns
from stapes.report.misses import at_rate, counted, first_misses
from stapes.report.notes import about_data, headline, models, not_taken
from stapes.system.text import interval, percent

if TYPE_CHECKING:
    from stapes.model_files.lookup_tables import LookUpTables
    from stapes.model_files.slimming import Slimmed

MODELS = (
    *("name", "bytes", "size_ratio", "gzip_bytes", "accuracy", "accuracy_against_float32"),
    *("mcnemar_p", "false_negatives", "false_positives", "frr_at_fpr", "tflm_arena_bytes"),
    "litert_latency_us_p50",
)
"""The columns of the table of models, by key."""

INTERVALS = ("accuracy", "frr_at_fpr", "frr")
"""Of these columns a terminal shows the interval too: it has no room for all."""


def model_table(
    title: str, results: Results, columns: list[ModelColumn], rows: list[VariantResult]
) -> Table:
    """One row a model, without the columns that have no value in any row."""
    shown = Table(title=escape(title), title_justify="left", header_style="bold")
    filled = with_values(columns, rows, results)
    for column in filled:
        shown.add_column(heading(column.title), justify=_side(column), no_wrap=True)
    for row in rows:
        cells = [(column.key, column.cell(row, results)) for column in filled]
        shown.add_row(*(escape(str(c) if key in INTERVALS else c.text) for key, c in cells))
    return shown


def heading(title: str) -> str:
    """A column's title in lines as narrow as figures are."""
    return "\n".join(wrap(title, 9, break_long_words=False))


def _side(column: ModelColumn) -> Literal["left", "right"]:
    return "left" if column.key == "name" else "right"


def table(results: Results, keys: Iterable[str] = MODELS) -> Table:
    """The models of a run, and what each costs compared with float32."""
    title = f'"{results.word}": {headline(results)}; each .tflite as it ships'
    return model_table(title, results, columns(results, keys), results.variants)


def line(row: VariantResult) -> str:
    """A row in one line, for when it has just been made."""
    accuracy = f"{percent(row.accuracy)} (95 %: {interval(row.accuracy_ci95)})"
    return f"  {row.name}: {row.bytes:,} bytes, accuracy {accuracy}"


def layers(results: Results) -> Table:
    """Every layer of every row: its weights as the file holds them, and what is to be said."""
    shown = Table(title="Layers", title_justify="left", header_style="bold")
    for name in ("model", "layer"):
        shown.add_column(name, no_wrap=True)
    for name in ("non-zero", "zero", "non-zero bias", "distinct", "2:4"):
        shown.add_column(name, justify="right", no_wrap=True)
    shown.add_column("note")
    for row in results.variants:
        for number, layer in enumerate(row.layers):
            part = layer.compliance_2by4
            shown.add_row(
                "" if number else escape(row.name),
                escape(layer.name),
                f"{layer.weights - layer.zeros:,}",
                f"{layer.zeros:,}",
                f"{layer.nonzero_biases:,}",
                f"{layer.distinct:,}",
                percent(part, 0),
                escape(layer.note),
                end_section=number == len(row.layers) - 1,
            )
    return shown


def notes(results: Results) -> list[str]:
    """What people must know of the figures, one sentence each."""
    misses = first_misses(results)
    of_clips = COLUMNS["frr_at_fpr"].title
    return [
        *about_data(results),
        *([] if misses is None else [f"{of_clips}: at {at_rate(misses)}, of {counted(misses)}."]),
        *(f"{models(names, results)}: {note}." for note, names in not_taken(results)),
    ]


def skipped(files: list[SkippedFile], most: int = 20) -> list[str]:
    """The skipped files with their reasons, the first `most` of them."""
    if not files:
        return []
    lines = [f"Skipped {len(files)} files:"]
    lines += [f"  {each.file}: {each.reason}" for each in files[:most]]
    if len(files) > most:
        lines.append(f"  ... and {len(files) - most} more: see `skipped` in results.json")
    return lines


def evaluation_lines(result: Evaluation) -> list[str]:
    """What `stapes evaluate` found, for people."""
    counts = result.confusion
    accuracy = f"{percent(result.accuracy)} (95 %: {interval(result.accuracy_ci95)})"
    lines = [
        f"{result.model}: {result.bytes:,} bytes ({result.data_bytes:,} of data, "
        f"{result.gzip_bytes:,} gzipped)",
        f"accuracy {accuracy} on {result.n} clips of the {result.split} split: "
        f"{result.positives} of the word, {result.negatives} others",
        f"misses {counts.false_negatives} of {result.positives}; "
        f"false positives {counts.false_positives} of {result.negatives}",
        f"Split {result.split_rule}.",
    ]
    return lines + skipped(result.skipped)


def slim_lines(made: Slimmed) -> list[str]:
    """What `stapes slim` did and proved, for people."""
    proof = made.proof
    saved = made.before - made.after
    inputs = "inputs" if proof.inputs > 1 else "input"
    lines = [
        f"{made.output}: {made.after:,} bytes, {saved:,} ({saved / made.before:.0%}) less than "
        f"{made.model} with {made.before:,}"
        if saved
        else f"{made.output}: {made.after:,} bytes, as before: there was nothing to take out",
        f"proven: equal bits for {proof.inputs} {inputs} in {', '.join(proof.interpreters)} "
        f"({proof.distinct} different results)",
    ]
    lines += [f"not run in {name}: {reason}" for name, reason in proof.refused.items()]
    return lines if made.lut is None else lines + lut_lines(made.lut, made.after)


def lut_lines(found: LookUpTables, after: int) -> list[str]:
    """What look-up tables gave and what they cost, for people."""
    lines = [
        f"look-up table {each.mode}, {each.bits} bits: {each.name} ({each.op}), {each.before:,} -> "
        f"{each.after:,} bytes"
        for each in found.tensors
    ]
    lines += [f"left out: {each.name} ({each.op}): {each.reason}" for each in found.left_out]
    if not found.tensors:
        return [*lines, "look-up tables make no part of this model smaller: it is slimmed alone"]
    saved, arena = found.slimmed - after, found.arena_after - found.arena_before
    time = "" if found.time_ratio is None else f", {found.time_ratio:.2f} times the time here"
    return [
        *lines,
        f"look-up tables: {saved:,} bytes of flash saved ({found.slimmed:,} -> {after:,}) for "
        f"{arena:,} bytes of arena more ({found.arena_before:,} -> {found.arena_after:,}){time}",
        "only TFLite Micro runs it, with the op TFLM_DECODE registered",
    ]


def check_lines(found: Check) -> list[str | Table]:
    """What `stapes data check` found, for people."""
    shown = Table(title=escape(f"{found.data}: {found.usable} usable clips"), title_justify="left")
    shown.add_column("label")
    for split in ("train", "validation", "test"):
        shown.add_column(split, justify="right")
    for label in found.labels:
        shown.add_row(escape(label.label), str(label.train), str(label.validation), str(label.test))
    known = {split: n for split, n in found.speakers.items() if n is not None}
    said = ", ".join(f"{split} {n}" for split, n in known.items())
    lines: list[str | Table] = [shown, f"Split {found.split_rule}."]
    lines.append(f"Speakers: {said}." if said else "The speakers are not told.")
    return [*lines, *skipped(found.skipped, most=1000)]
