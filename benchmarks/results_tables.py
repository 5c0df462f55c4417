"""The tables of docs/results.md as Markdown: baselines, rows, changes by word, and the bars.

A row of a table is a technique. Accuracy and false rejects are of the test clips; false rejects are
told at 0.5 % false positives. A difference is held against float32 of the same run, and counts as
significant where p < 0.05.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterable
from typing import TypeVar

from stapes.contracts.measurements import ClipMisses, Difference, Paired
from stapes.contracts.results import Results, VariantResult
from stapes.techniques.registry import TECHNIQUES

Runs = dict[str, list[Results]]
"""By word, in the order of the seeds."""

ROWS = list(TECHNIQUES)
SMALL = ("small", "tiny")
ALLOWED = 1.0
"""Percentage points below the float baseline that a row may lose, averaged over the seeds."""

SIGNIFICANT = 0.05

_WORDS = ("word", "row", "model", "seed", "each seed", "budget", "best", "what")
"""Columns that hold no figures to add up."""

_Part = TypeVar("_Part")


def baselines(runs: Runs) -> list[str]:
    """What each word was measured on, and how well the float baseline does."""
    lines = head("word", "test clips", "accuracy", "each seed", "missed", "each seed")
    for word, found in runs.items():
        floats = [variant(each, "float32") for each in found]
        right, missed = [accuracy(row) for row in floats], [frr(row) for row in floats]
        lines.append(
            line(
                word,
                str(floats[0].n_test),
                f"{statistics.mean(right):.2f} %",
                ", ".join(f"{share:.2f}" for share in right),
                f"{statistics.mean(missed):.2f} %",
                ", ".join(f"{share:.2f}" for share in missed),
            )
        )
    return [*lines, "", _allowed(runs)]


def rows(runs: Runs) -> list[str]:
    """For every technique: bytes, gzip, arena, change of accuracy, and false rejects."""
    lines = head("row", "bytes", "gzip", "arena", "change of accuracy", "missed", "change")
    base = mean(runs, "float32", frr)
    for name in ROWS:
        change = statistics.mean(_changes(found, name) for found in runs.values())
        missed = mean(runs, name, frr)
        lines.append(
            line(
                f"`{name}`",
                f"{mean(runs, name, lambda row: row.bytes):,.0f}",
                f"{mean(runs, name, lambda row: row.gzip_bytes):,.0f}",
                mean_arena(runs, name),
                _change(change),
                f"{missed:.2f} %",
                signed(missed - base),
            )
        )
    return lines


def changes(runs: Runs) -> list[str]:
    """For every technique: points of accuracy lost or won against float32 for each word."""
    lines = head("row", *runs, "mean")
    beyond = []
    for name in ROWS:
        means = [_changes(found, name) for found in runs.values()]
        whole = statistics.mean(means)
        lines.append(line(f"`{name}`", *map(_change, means), _change(whole)))
        if whole < -ALLOWED:
            beyond.append(f"`{name}` ({signed(whole)})")
    said = (
        f"All but {_list(beyond)} are" if beyond else "Every row is"
    ) + " within a point of the float baseline, averaged over the words."
    return [*lines, "", said]


def bars(runs: Runs) -> list[str]:
    """`small` and `tiny` beside float32 in each run, and in how many they are worse."""
    first = variant(next(iter(runs.values()))[0], "float32")
    lines = [f"`float32` is {first.bytes:,} bytes, its arena {arena(first)}.", ""]
    lines += [_told(runs, name) for name in SMALL]
    for name in SMALL:
        lines += ["", f"### `{name}`", "", *_bars_of(runs, name)]
    return lines


def _bars_of(runs: Runs, name: str) -> list[str]:
    titles = ("accuracy", "float32", "p", "missed", "float32", "p")
    lines = head("word", "seed", "bytes", "arena", *titles)
    for word, found in runs.items():
        for results in found:
            row, base = variant(results, name), variant(results, "float32")
            right, missed = _tests(row)
            lines.append(
                line(
                    word,
                    str(results.seed),
                    f"{row.bytes:,}",
                    arena(row),
                    f"{accuracy(row):.2f} %",
                    f"{accuracy(base):.2f} %",
                    p_value(right.p, worse=right.only_this_wrong > right.only_other_wrong),
                    f"{frr(row):.2f} %",
                    f"{frr(base):.2f} %",
                    p_value(missed.p, worse=missed.difference > 0),
                )
            )
    both = [(each, mean(runs, each, accuracy), mean(runs, each, frr)) for each in (name, "float32")]
    (_, right_mean, missed_mean), (_, right_base, missed_base) = both
    lines.append(
        line(
            *("mean", "", f"{mean(runs, name, lambda row: row.bytes):,.0f}"),
            *(mean_arena(runs, name), f"{right_mean:.2f} %", f"{right_base:.2f} %", ""),
            *(f"{missed_mean:.2f} %", f"{missed_base:.2f} %", ""),
        )
    )
    return lines


def _told(runs: Runs, name: str) -> str:
    """In how many runs a row is worse than float32, and in how many as good."""
    pairs = [
        (variant(results, name), variant(results, "float32"))
        for found in runs.values()
        for results in found
    ]
    tests = [_tests(row) for row, _ in pairs]
    right = [sign(test.only_this_wrong - test.only_other_wrong, test.p) for test, _ in tests]
    missed = [sign(test.difference, test.p) for _, test in tests]
    either = sum(1 in each for each in zip(right, missed, strict=True))
    as_right = [accuracy(row) >= accuracy(base) for row, base in pairs]
    as_found = [frr(row) <= frr(base) for row, base in pairs]
    both = sum(map(all, zip(as_right, as_found, strict=True)))
    return (
        f"- `{name}`, in {len(pairs)} runs: significantly worse than float32 (p < {SIGNIFICANT:g}) "
        f"in {right.count(1)} by accuracy, in {missed.count(1)} by words missed, in {either} by "
        f"either; significantly better in {right.count(-1)} and in {missed.count(-1)}. As good as "
        f"float32 or better in {sum(as_right)} by accuracy, in {sum(as_found)} by words missed, in "
        f"{both} by both."
    )


def sign(worse_by: float, p: float) -> int:
    """1 for significantly worse, -1 for significantly better, 0 for neither."""
    return 0 if p >= SIGNIFICANT or worse_by == 0 else 1 if worse_by > 0 else -1


def p_value(p: float, *, worse: bool) -> str:
    """Bold where it tells of a loss."""
    text = f"{p:.2g}"
    return f"**{text}**" if worse and p < SIGNIFICANT else text


def variant(results: Results, name: str) -> VariantResult:
    """The row of that name."""
    return next(row for row in results.variants if row.name == name)


def accuracy(row: VariantResult) -> float:
    """In percent."""
    return 100 * known(row.accuracy)


def misses(row: VariantResult) -> ClipMisses:
    """The false rejects, which a run of words and others always has."""
    return known(row.misses)


def frr(row: VariantResult) -> float:
    """False rejects in percent."""
    return 100 * misses(row).frr


def arena(row: VariantResult) -> str:
    """TFLite Micro's arena, or a dash where it does not run."""
    found = row.targets.get("tflm")
    return f"{found.arena_bytes:,}" if found and found.arena_bytes else "-"


def mean_arena(runs: Runs, name: str) -> str:
    """Of all runs, or a dash where one of them does not run."""
    found = [row.targets.get("tflm") for row in every(runs, name)]
    sizes = [each.arena_bytes for each in found if each and each.arena_bytes]
    return f"{statistics.mean(sizes):,.0f}" if len(sizes) == len(found) else "-"


def every(runs: Runs, name: str) -> list[VariantResult]:
    """A technique's row in every run."""
    return [variant(results, name) for found in runs.values() for results in found]


def mean(runs: Runs, name: str, figure: Callable[[VariantResult], float]) -> float:
    """A figure of a technique, averaged over all runs."""
    return statistics.mean(figure(row) for row in every(runs, name))


def head(*titles: str) -> list[str]:
    """The head of a table: words to the left, figures to the right."""
    sides = "".join("---|" if title in _WORDS else "---:|" for title in titles)
    return [line(*titles), f"|{sides}"]


def line(*cells: str) -> str:
    """A line of a table."""
    return f"| {' | '.join(cells)} |"


def known(part: _Part | None) -> _Part:
    """What must have been measured."""
    assert part is not None, "the test split is empty, or the run is of an older version"
    return part


def _tests(row: VariantResult) -> tuple[Paired, Difference]:
    return known(row.against_float32), known(misses(row).against_float32)


def _changes(found: Iterable[Results], name: str) -> float:
    """Points of accuracy against float32, averaged over a word's seeds."""
    return statistics.mean(
        accuracy(variant(each, name)) - accuracy(variant(each, "float32")) for each in found
    )


def signed(points: float) -> str:
    """With its sign, and no minus before zero."""
    return f"{round(points, 2) + 0.0:+.2f}"


def _change(points: float) -> str:
    return f"**{signed(points)}**" if points < -ALLOWED else signed(points)


def _list(names: list[str]) -> str:
    return " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))


def _allowed(runs: Runs) -> str:
    """How many false positives the rate allows."""
    found = [misses(row) for row in every(runs, "float32")]
    others = sorted({each.others for each in found})
    counts = sorted({each.allowed for each in found})
    many = f"{others[0]} to {others[-1]}" if len(others) > 1 else str(others[0])
    most = " or ".join(map(str, counts)) if counts[-1] else "none"
    return (
        f"At {found[0].false_positive_percent:g} % false positives, of the {many} test clips of "
        f"other words {most} may lie above the threshold."
    )
