"""Tables and notes of a run for a terminal, from results.json alone."""

from __future__ import annotations

from collections.abc import Iterable
from textwrap import wrap
from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from stapes.contracts.evaluation import Check, Cut, Evaluation, Shortcuts
from stapes.contracts.measurements import SkippedFile
from stapes.contracts.results import Results, VariantResult
from stapes.report.column import ModelColumn, with_values
from stapes.report.columns import FIRST, OF_CLIPS, columns, sound_columns
from stapes.report.notes import about_data, frr_of_clips, headline, model_notes, models
from stapes.report.sound import first_in_sound, how, in_sound, reasons, unmeasured
from stapes.report.terminal.grid import grid
from stapes.report.terminal.where import where_lines
from stapes.system.text import for_inputs, interval, percent, plural, rate, rate_interval
from stapes.targets.target import reason

if TYPE_CHECKING:
    from stapes.model_files.lookup_tables import LookUpTables
    from stapes.model_files.slimming import Slimmed

MODELS = (
    *("name", "bytes", "size_ratio", "gzip_bytes", "accuracy", "accuracy_against_float32"),
    *("mcnemar_p", "false_negatives", "false_positives", "frr_at_fpr", "tflm_arena_bytes"),
    "litert_latency_us_p50",
)
"""The columns of the table of models, by key, of a run without continuous sound."""

IN_SOUND = (*FIRST, *(key for key in MODELS if key not in (*FIRST, *OF_CLIPS)))
"""Those of a run with continuous sound, which decides; the page has the others of the clips."""

INTERVALS = ("accuracy", "frr_at_fpr", "frr")
"""The columns with their interval: a terminal has no room for all."""


def model_table(
    title: str, results: Results, columns: list[ModelColumn], rows: list[VariantResult]
) -> Table:
    """A row for each model, without the columns that have no value in any row."""
    columns = with_values(columns, rows, results)

    def text(column: ModelColumn, row: VariantResult) -> str:
        cell = column.cell(row, results)
        return str(cell) if column.key in INTERVALS else cell.text

    titles = [("" if column.key == "name" else ">") + heading(column.title) for column in columns]
    return grid(title, titles, ([text(column, row) for column in columns] for row in rows))


def heading(title: str) -> str:
    """A column's title in lines as narrow as figures are."""
    return "\n".join(wrap(title, 9, break_long_words=False))


def table(results: Results, keys: Iterable[str] | None = None) -> Table:
    """The models of a run, and what each costs compared with float32."""
    if keys is None:
        keys = IN_SOUND if in_sound(results) else MODELS
    title = f'"{results.word}": {headline(results)}; each .tflite as it ships'
    return model_table(title, results, columns(results, keys), results.variants)


def line(row: VariantResult) -> str:
    """A new variant in one line; a detector in a stream has no figures of clips yet."""
    if row.stream is not None and row.accuracy is None:
        return f"  {row.name}: {row.bytes:,} bytes"
    accuracy = f"{percent(row.accuracy)} (95 %: {interval(row.accuracy_ci95)})"
    return f"  {row.name}: {row.bytes:,} bytes, accuracy {accuracy}"


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
    return lines + unmeasured(results) + reasons(results)


def sources(results: Results) -> Table | None:
    """False accepts by source of sound, of the recommended model or the one that misses least."""
    row = first_in_sound(results)
    if row is None or row.detection is None or not row.detection.by_source:
        return None
    return grid(
        f"False accepts of {row.name} by source of sound",
        ("source", ">hours", ">false accepts", ">FA/h", ">95 % interval"),
        (
            (
                part.source,
                f"{part.hours:.3g}",
                f"{part.false_accepts:,}",
                rate(part.fa_per_hour),
                rate_interval(part.fa_per_hour_ci95),
            )
            for part in row.detection.by_source
        ),
    )


def layers(results: Results) -> Table:
    """Every layer of every variant: its weights as the file stores them, and its note."""
    figures = (">non-zero", ">zero", ">non-zero bias", ">distinct", ">2:4")
    table = grid("Layers", ("model", "layer", *figures, "~note"), ())
    for row in results.variants:
        for number, layer in enumerate(row.layers):
            cells = (
                "" if number else row.name,
                layer.name,
                f"{layer.weights - layer.zeros:,}",
                f"{layer.zeros:,}",
                f"{layer.nonzero_biases:,}",
                f"{layer.distinct:,}",
                percent(layer.compliance_2by4, 0),
                layer.note,
            )
            table.add_row(*map(Text, cells), end_section=number == len(row.layers) - 1)
    return table


def notes(results: Results) -> list[str]:
    """What a reader of the figures must know, one sentence each."""
    return [
        *about_data(results),
        *filter(None, [frr_of_clips(results)]),
        *(f"{models(names, results)}: {note}." for note, names in model_notes(results)),
    ]


def skipped(files: list[SkippedFile], most: int = 20) -> list[str]:
    """The skipped files with their reasons, the first `most` of them."""
    if not files:
        return []
    lines = [f"Skipped {plural(len(files), 'file')}:"]
    lines += [f"  {skip.file}: {skip.reason}" for skip in files[:most]]
    if len(files) > most:
        lines.append(f"  ... and {len(files) - most} more: see `skipped` in results.json")
    return lines


def evaluation_lines(result: Evaluation) -> list[str]:
    """What `stapes evaluate` measured."""
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


def slim_lines(slimmed: Slimmed) -> list[str]:
    """What `stapes slim` removed and proved."""
    proof = slimmed.proof
    saved = slimmed.before - slimmed.after
    share = percent(saved / slimmed.before, 0)
    model = f"{slimmed.model} as a float .tflite" if slimmed.converted else slimmed.model
    of_shapes = for_inputs(proof.shapes).replace(" for inputs", "")
    lines = [
        f"{slimmed.output}: {slimmed.after:,} bytes, {saved:,} ({share}) "
        f"less than {model} with {slimmed.before:,}"
        if saved
        else f"{slimmed.output}: {slimmed.after:,} bytes, as before: there was nothing to remove",
        f"proven: equal bits for {plural(proof.inputs, 'input')}{of_shapes} in "
        f"{', '.join(proof.interpreters)} ({proof.distinct} different results)",
    ]
    lines += [f"not run in {name}: {reason(why)}" for name, why in proof.refused.items()]
    return lines if slimmed.lut is None else lines + lut_lines(slimmed.lut, slimmed.after)


def lut_lines(tables: LookUpTables, after: int) -> list[str]:
    """What look-up tables save and what they cost."""
    lines = [
        f"look-up table {tensor.mode}, {tensor.bits} bits: {tensor.name} ({tensor.op}), "
        f"{tensor.before:,} -> {tensor.after:,} bytes"
        for tensor in tables.tensors
    ]
    lines += [f"left out: {skip.name} ({skip.op}): {skip.reason}" for skip in tables.left_out]
    if not tables.tensors:
        reason = (
            "no look-up table makes it smaller: without one, it is still for TFLite Micro alone"
        )
        return [*lines, f"{reason}; omit --lut for a file that LiteRT runs too"]
    saved, arena = tables.slimmed - after, tables.arena_after - tables.arena_before
    time = "" if tables.time_ratio is None else f", {tables.time_ratio:.2f} times the time here"
    return [
        *lines,
        f"look-up tables: {saved:,} bytes of flash saved ({tables.slimmed:,} -> {after:,}) for "
        f"{arena:,} more bytes of arena ({tables.arena_before:,} -> {tables.arena_after:,}){time}",
        "only TFLite Micro runs it, with the op TFLM_DECODE registered",
    ]


def cut_lines(cut: Cut) -> list[str | Table]:
    """What `stapes data cut` wrote."""
    rows = [(label, str(count)) for label, count in sorted(cut.clips.items())]
    minutes = cut.seconds / 60
    return [
        grid(f"{cut.out}: clips of {cut.recordings} recordings", ("label", ">clips"), rows),
        f"{minutes:.1f} minutes were read. Listen to some clips: without a label track, silence "
        "decided where they are cut.",
        *skipped(cut.skipped, most=1000),
    ]


def shortcut_lines(shortcuts: Shortcuts) -> list[str]:
    """What tells the word from others without the word; nothing if chance explains it."""
    if not shortcuts.beats_chance:
        return []
    lines = [
        "By their rate, bandwidth, level, noise, length and format alone, a plain classifier tells "
        f"{percent(shortcuts.balanced_accuracy, 0)} of the clips apart (by chance, 50 %; words "
        "themselves differ a little)."
    ]
    lines += [
        f"  {part.what}: {part.word:,.6g} for the word, {part.other:,.6g} for others"
        for part in shortcuts.properties
    ]
    if shortcuts.too_easy:
        lines.append(
            "A model may learn these in place of the word: record both kinds of clips alike."
        )
    return lines


def check_lines(check: Check) -> list[str | Table]:
    """What `stapes data check` read."""
    rows = [
        (label.label, str(label.train), str(label.validation), str(label.test))
        for label in check.labels
    ]
    columns = ("label", ">train", ">validation", ">test")
    counts = [f"{split} {n}" for split, n in check.speakers.items() if n is not None]
    return [
        grid(f"{check.data}: {check.usable} usable clips", columns, rows),
        *check.understood,
        f"Split {check.split_rule}.",
        f"Speakers: {', '.join(counts)}." if counts else "The speakers are unknown.",
        *([check.long_words] if check.long_words else ()),
        *(shortcut_lines(check.shortcuts) if check.shortcuts else ()),
        *skipped(check.skipped, most=1000),
        *(where_lines(check.where) if check.where else ()),
    ]
