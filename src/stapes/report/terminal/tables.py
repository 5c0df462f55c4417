"""The table of a run, for a terminal and as CSV, from results.json alone."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import TYPE_CHECKING

from rich.markup import escape
from rich.table import Table

from stapes.contracts.measurements import SkippedFile
from stapes.contracts.results import Check, Evaluation, Results, VariantResult
from stapes.report.misses import MISS_COLUMNS, at_rate, counted, first_misses, miss_cells, missed_at
from stapes.report.terminal.detection import DETECTION_COLUMNS, detection_cells, p_value
from stapes.report.terminal.targets import TARGET_COLUMNS, arena, latency, target_cells
from stapes.system.files import write_text

if TYPE_CHECKING:
    from stapes.model_files.lookup_tables import LookUpTables
    from stapes.model_files.slimming import Slimmed

CSV_COLUMNS = (
    "name",
    "technique",
    "bytes",
    "bytes_before_slim",
    "data_bytes",
    "gzip_bytes",
    "parameters",
    "nonzero_parameters",
    "accuracy",
    "accuracy_low95",
    "accuracy_high95",
    "n_test",
    "true_positives",
    "false_negatives",
    "false_positives",
    "true_negatives",
    "accuracy_if_cast_unscaled",
    *DETECTION_COLUMNS,
    *MISS_COLUMNS,
    *TARGET_COLUMNS,
    "sha256",
)


def write_csv(results: Results, path: Path) -> None:
    """Write results.csv in one step: one line a variant, columns as `CSV_COLUMNS`."""
    text = io.StringIO()
    writer = csv.DictWriter(text, CSV_COLUMNS, lineterminator="\n")
    writer.writeheader()
    for row in results.variants:
        low, high = row.accuracy_ci95
        fault = row.if_cast_unscaled
        writer.writerow(
            {
                **row.model_dump(include=set(CSV_COLUMNS)),
                **row.confusion.model_dump(),
                **detection_cells(row),
                **miss_cells(row),
                **target_cells(row),
                "accuracy_low95": f"{low:.6f}",
                "accuracy_high95": f"{high:.6f}",
                "accuracy_if_cast_unscaled": "" if fault is None else fault.accuracy,
            }
        )
    write_text(path, text.getvalue())


def table(results: Results) -> Table:
    """The rows of a run with what each costs against float32."""
    shown = Table(
        title=escape(
            f'"{results.word}": measured on {_clips(results)}, each .tflite as it is shipped'
        ),
        title_justify="left",
        header_style="bold",
    )
    shown.add_column("model", no_wrap=True)
    for name in (
        "file B",
        "unslimmed",
        "data B",
        "gzip B",
        "accuracy %",
        "95 % interval",
        "missed",
        "false",
        "LiteRT us",
        "arena B",
    ):
        shown.add_column(name, justify="right", no_wrap=True)
    at = first_misses(results)
    for name in (*(() if at is None else ("FRR %",)), "vs float32", "p"):
        shown.add_column(name, justify="right", no_wrap=True)
    first = results.float32
    for row in results.variants:
        low, high = row.accuracy_ci95
        shown.add_row(
            escape(row.name),
            f"{row.bytes:,}",
            "-" if row.bytes_before_slim is None else f"{row.bytes_before_slim:,}",
            f"{row.data_bytes:,}",
            f"{row.gzip_bytes:,}",
            percent(row.accuracy),
            f"{100 * low:.1f} to {100 * high:.1f}",
            str(row.confusion.false_negatives),
            str(row.confusion.false_positives),
            latency(row),
            arena(row),
            *(() if at is None else (percent(missed_at(row)),)),
            _against(row, first),
            p_value(row),
        )
    return shown


def line(row: VariantResult) -> str:
    """A row in one line, for when it has just been made."""
    low, high = (100 * bound for bound in row.accuracy_ci95)
    return f"  {row.name}: {row.bytes:,} bytes, {percent(row.accuracy)} % [{low:.1f}, {high:.1f}]"


def percent(value: float | None) -> str:
    """A part of one as a percentage with two decimals."""
    return "-" if value is None else f"{100 * value:.2f}"


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
                "-" if part is None else f"{part:.0%}",
                escape(layer.note),
                end_section=number == len(row.layers) - 1,
            )
    return shown


def notes(results: Results) -> list[str]:
    """What must be said below the table, one sentence each."""
    said = []
    data = results.data
    if data.synthetic:
        said.append(
            "The speech is synthetic (espeak-ng): these figures compare the models with each "
            "other and say nothing of people's voices."
        )
    said.append(f"Split {data.split_rule}.")
    at = first_misses(results)
    if at is not None:
        said.append(f"FRR: words missed at {at_rate(at)}, of {counted(at)}.")
    for row in results.variants:
        said += [f"{row.name}: {note}." for note in row.notes]
        said += [f"{row.name}, {layer.name}: {layer.note}." for layer in row.layers if layer.note]
    return said


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
    low, high = (100 * bound for bound in result.accuracy_ci95)
    counts = result.confusion
    lines = [
        f"{result.model}: {result.bytes:,} bytes ({result.data_bytes:,} of data, "
        f"{result.gzip_bytes:,} gzipped)",
        f"accuracy {percent(result.accuracy)} % [{low:.1f}, {high:.1f}] on {result.n} clips of the "
        f"{result.split} split: {result.positives} of the word, {result.negatives} others",
        f"missed {counts.false_negatives} of {result.positives}; "
        f"false {counts.false_positives} of {result.negatives}",
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


def _clips(results: Results) -> str:
    test = results.data.splits["test"]
    of = "" if test.speakers is None else f" of {test.speakers} speakers"
    total = test.positives + test.negatives
    return f"{total} test clips{of} ({test.positives} of the word)"


def _against(row: VariantResult, first: VariantResult | None) -> str:
    if first is None or row is first or row.accuracy is None or first.accuracy is None:
        return ""
    return f"{row.bytes / first.bytes:.0%}, {100 * (row.accuracy - first.accuracy):+.2f}"
