"""The table of the page: a row a variant, with what it costs and where it runs."""

from __future__ import annotations

from dataclasses import dataclass, field

from stapes.contracts.measurements import Difference, TargetResult
from stapes.contracts.results import Results, VariantResult
from stapes.report.charts import Look
from stapes.report.misses import at_rate, counted, first_misses
from stapes.report.page.notes import flat
from stapes.report.style import (
    TARGETS,
    count,
    interval,
    looks,
    percent,
    plural,
    probability,
    rate,
    recommended,
)


@dataclass(frozen=True)
class Cell:
    """One cell."""

    text: str
    value: float | None = None
    """By which it is sorted; None stands last."""
    below: str = ""
    """In small letters."""
    title: str = ""
    """What is said on pointing at it; it stands among the row's details too."""
    kind: str = ""


@dataclass(frozen=True)
class Head:
    """The head of a column."""

    text: str
    title: str


@dataclass(frozen=True)
class Row:
    """One variant."""

    name: str
    technique: str
    look: Look
    cells: list[Cell]
    details: list[tuple[str, str]] = field(default_factory=list)
    best: bool = False


def heads(results: Results) -> list[Head]:
    """The columns, but for the first, the name."""
    setup = results.detection
    chosen = "" if setup is None else f" aimed at {rate(setup.target_fa_per_hour)} an hour"
    return [
        Head("size ×", "file bytes as a part of float32's"),
        Head("points", "accuracy less float32's, in points of a hundred"),
        Head("p", "McNemar's exact test against float32 on the same clips, two-sided"),
        Head("file B", "bytes of the .tflite"),
        Head("gzip B", "bytes of the .tflite, gzipped"),
        Head("accuracy", "on the test clips, with its Wilson 95 % interval"),
        Head("missed", "test clips of the word that are decided to be none"),
        Head("false", "other test clips that are decided to be the word"),
        *_heads_of_misses(results),
        *(
            [Head("FRR", f"words missed in continuous sound, at the threshold{chosen}")]
            if heard(results)
            else []
        ),
        Head("arena B", "smallest tensor arena of TFLite Micro"),
        Head("p50 µs", "median time of one inference in LiteRT, one thread of the run's machine"),
        *(Head(name, f"whether {name} runs it") for name in TARGETS.values()),
    ]


def rows(results: Results) -> list[Row]:
    """Every variant, in the run's order."""
    found, best = looks(results), recommended(results)
    first = results.float32
    return [
        Row(
            name=row.name,
            technique=row.technique,
            look=found[row.name],
            cells=_cells(row, first, results),
            details=_details(row),
            best=row.name == best,
        )
        for row in results.variants
    ]


def said_of(found: TargetResult | None) -> str:
    """Whether a target runs a variant, and why not, in a sentence."""
    if found is None:
        return "not measured"
    if not found.runs:
        return f"no: {found.reason or 'no reason was given'}"
    parts = ["in part" if _in_part(found) else "yes"]
    for value, unit in (
        (found.latency_us_p50, "µs an inference (median)"),
        (found.latency_us_p99, "µs at the 99th percentile"),
        (found.arena_bytes, "bytes of arena"),
        (found.flash_bytes, "bytes of flash"),
        (found.sram_bytes, "bytes of SRAM"),
        (found.cycles, "cycles"),
        (found.inferences_per_second, "inferences a second"),
    ):
        parts += [] if value is None else [f"{count(value)} {unit}"]
    if found.n_compared:
        differ = found.decisions_that_differ or 0
        parts.append(
            f"decides as LiteRT on {plural(found.n_compared, 'clip')}"
            if not differ
            else f"decides otherwise than LiteRT on {differ} of {found.n_compared:,} clips"
        )
    parts += [found.configuration] if found.configuration else []
    parts += [found.reason] if found.reason else []
    parts += [f"on the CPU: {'; '.join(found.cpu_ops)}"] if found.cpu_ops else []
    return ", ".join(parts)


def _heads_of_misses(results: Results) -> list[Head]:
    found = first_misses(results)
    if found is None:
        return []
    rate_of = f"{found.false_positive_percent:g} %"
    return [Head(f"FRR at {rate_of}", f"words missed at {at_rate(found)}: {counted(found)}")]


def heard(results: Results) -> bool:
    """Whether there is a column of continuous sound, in which a search does not listen."""
    return results.search is None or any(row.detection for row in results.variants)


def _cells(row: VariantResult, first: VariantResult | None, results: Results) -> list[Cell]:
    litert = row.targets.get("litert")
    p50 = None if litert is None else litert.latency_us_p50
    tflm = row.targets.get("tflm")
    arena = None if tflm is None else tflm.arena_bytes
    counts = row.confusion
    return [
        *_against(row, first),
        Cell(count(row.bytes), row.bytes),
        Cell(count(row.gzip_bytes), row.gzip_bytes),
        Cell(percent(row.accuracy), row.accuracy, interval(row.accuracy_ci95)),
        Cell(count(counts.false_negatives), counts.false_negatives),
        Cell(count(counts.false_positives), counts.false_positives),
        *([] if first_misses(results) is None else [missed(row)]),
        *([_frr(row)] if heard(results) else []),
        Cell(count(arena), arena),
        Cell(count(p50), p50),
        *(_runs(row.targets.get(name)) for name in TARGETS),
    ]


def _against(row: VariantResult, first: VariantResult | None) -> list[Cell]:
    if first is None or row is first:
        return [Cell("", 1.0 if first else None), Cell("", 0.0 if first else None), Cell("")]
    points = (
        None
        if row.accuracy is None or first.accuracy is None
        else 100 * (row.accuracy - first.accuracy)
    )
    ratio = row.bytes / first.bytes
    paired = row.against_float32
    test = Cell("–")
    if paired is not None:
        test = Cell(
            probability(paired.p),
            paired.p,
            title=f"of {paired.n:,} clips {paired.only_this_wrong:,} are wrong in this model "
            f"alone, {paired.only_other_wrong:,} in float32 alone",
        )
    signed = "–" if points is None else f"{points:+.2f}".replace("-", "−")
    return [Cell(f"{ratio:.3f}", ratio), Cell(signed, points), test]


def _frr(row: VariantResult) -> Cell:
    if row.detection is None:
        return Cell("–")
    chosen = row.detection.chosen
    if chosen.frr is None:
        return Cell("–", title=chosen.reason or "")
    at = chosen.fa_per_hour
    return Cell(
        percent(chosen.frr),
        chosen.frr,
        interval(chosen.frr_ci95),
        title="" if at is None else f"at {rate(at)} false accepts an hour",
    )


def missed(row: VariantResult) -> Cell:
    """Words missed among the test clips at the rate of false positives."""
    found = row.misses
    if found is None:
        return Cell("–")
    return Cell(
        percent(found.frr),
        found.frr,
        interval(found.frr_ci95),
        title=f"at {at_rate(found)}, threshold {found.threshold:.3f}",
    )


def _in_part(found: TargetResult) -> bool:
    return bool(found.cpu_ops)


def _runs(found: TargetResult | None) -> Cell:
    if found is None:
        return Cell("–", title="not measured", kind="unknown")
    kind, mark, value = "no", "✗", 0.0
    if found.runs:
        kind, mark, value = ("part", "◐", 0.5) if _in_part(found) else ("yes", "✓", 1.0)
    return Cell(mark, value, title=said_of(found), kind=kind)


def _details(row: VariantResult) -> list[tuple[str, str]]:
    size = f"{row.bytes:,} bytes, {row.data_bytes:,} of data"
    if row.bytes_before_slim is not None:
        size += f"; {row.bytes_before_slim:,} before what no interpreter reads was taken out"
    said = [
        ("technique", row.technique),
        ("file", f"{row.file}: {size}"),
        ("SHA-256", row.sha256),
        ("parameters", f"{row.parameters:,}, of which {row.nonzero_parameters:,} are not zero"),
    ]
    if row.settings:
        settings = ", ".join(f"{name} {value}" for name, value in flat(row.settings))
        said.append(("settings", settings))
    fault = row.if_cast_unscaled
    if fault is not None:
        said.append(
            (
                "if cast",
                f"{percent(fault.accuracy)} for whoever casts the floats to the input's type "
                "without scale and zero point",
            )
        )
    test = _paired(row)
    said += [("against float32", test)] if test else []
    others = [name for name in row.targets if name not in TARGETS]
    for name in (*TARGETS, *others):
        if name in row.targets:
            said.append((TARGETS.get(name, name), said_of(row.targets[name])))
    return said + [("note", note) for note in row.notes]


def _paired(row: VariantResult) -> str:
    said = []
    clips = row.against_float32
    if clips is not None:
        said.append(
            f"of {clips.n:,} test clips, {clips.only_this_wrong:,} wrong in this model alone, "
            f"{clips.only_other_wrong:,} in float32 alone, p {probability(clips.p)}"
        )
    if row.misses is not None and row.misses.against_float32 is not None:
        said.append(f"at {at_rate(row.misses)} {_points(row.misses.against_float32)}")
    words = row.detection.against_float32 if row.detection else None
    if words is not None:
        said.append(f"in continuous sound {_points(words)}")
    return "; ".join(said)


def _points(words: Difference) -> str:
    low, high = (100 * bound for bound in words.ci95)
    return (
        f"{100 * words.difference:+.1f} points of words missed "
        f"({low:+.1f} to {high:+.1f}, p {probability(words.p)})"
    )
