"""The tables of docs/results.md as Markdown: baselines, rows, changes by word, and the bars.

A row is a technique. Accuracy and FRR are of the test clips; FRR is at 0.5 % false
positives. A difference is from float32 of the same run, and is significant where p < 0.05.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterable
from typing import TypeVar

from stapes.contracts.measurements import ClipMisses, Difference, Paired
from stapes.contracts.results import Results, VariantResult
from stapes.report.column import follow
from stapes.report.columns import COLUMNS
from stapes.system.text import count, percent, points, probability
from stapes.techniques.registry import TECHNIQUES

Runs = dict[str, list[Results]]
"""By word, in the order of the seeds."""

ROWS = list(TECHNIQUES)
SMALL = ("small", "tiny")
ALLOWED = 1.0
"""Percentage points below the float baseline that a row may lose, averaged over the seeds."""

SIGNIFICANT = 0.05

FILE, GZIP, ARENA, ACCURACY, FRR = (
    COLUMNS[key] for key in ("bytes", "gzip_bytes", "tflm_arena_bytes", "accuracy", "frr_at_fpr")
)
"""The columns that the tables share with those of a run."""

_WORDS = ("word", "row", "model", "seed", "each seed", "budget", "best", "what")
"""Columns of text."""

_Part = TypeVar("_Part")


def baselines(runs: Runs) -> list[str]:
    """The test clips of each word, and the accuracy and FRR of the float baseline."""
    lines = head("word", "test clips", ACCURACY.title, "each seed", FRR.title, "each seed")
    for word, word_runs in runs.items():
        floats = [variant(results, "float32") for results in word_runs]
        right, missed = [accuracy(row) for row in floats], [frr(row) for row in floats]
        lines.append(
            line(
                word,
                str(floats[0].n_test),
                percent(statistics.mean(right)),
                ", ".join(map(percent, right)),
                percent(statistics.mean(missed)),
                ", ".join(map(percent, missed)),
            )
        )
    return [*lines, "", _allowed(runs)]


def rows(runs: Runs) -> list[str]:
    """For every technique: bytes, gzip, arena, change of accuracy, and false rejects."""
    lines = head(
        *("row", FILE.title, GZIP.title, ARENA.title, f"change of {ACCURACY.title}"),
        *(FRR.title, f"change of {FRR.title}"),
    )
    base = mean(runs, "float32", frr)
    for name in ROWS:
        change = statistics.mean(_changes(word_runs, name) for word_runs in runs.values())
        missed = mean(runs, name, frr)
        lines.append(
            line(
                f"`{name}`",
                count(mean(runs, name, lambda row: row.bytes)),
                count(mean(runs, name, lambda row: row.gzip_bytes)),
                mean_arena(runs, name),
                _change(change),
                percent(missed),
                points(missed - base),
            )
        )
    return lines


def changes(runs: Runs) -> list[str]:
    """The change of accuracy from float32 of every technique, for each word."""
    lines = head("row", *runs, "mean")
    beyond = []
    for name in ROWS:
        means = [_changes(word_runs, name) for word_runs in runs.values()]
        whole = statistics.mean(means)
        lines.append(line(f"`{name}`", *map(_change, means), _change(whole)))
        if 100 * whole < -ALLOWED:
            beyond.append(f"`{name}` ({points(whole)})")
    sentence = (
        f"All rows except {_list(beyond)} are" if beyond else "Every row is"
    ) + " within a point of the float baseline, averaged over the words."
    return [*lines, "", sentence]


def bars(runs: Runs) -> list[str]:
    """`small` and `tiny` next to float32 in each run, and how often they are worse."""
    first = variant(next(iter(runs.values()))[0], "float32")
    lines = [f"`float32` is {first.bytes:,} bytes, its arena {arena(first)}.", ""]
    lines += [_comparison(runs, name) for name in SMALL]
    for name in SMALL:
        lines += ["", f"### `{name}`", "", *_bars_of(runs, name)]
    return lines


def _bars_of(runs: Runs, name: str) -> list[str]:
    titles = (ACCURACY.title, "float32", "p", FRR.title, "float32", "p")
    lines = head("word", "seed", FILE.title, ARENA.title, *titles)
    for word, word_runs in runs.items():
        for results in word_runs:
            row, base = variant(results, name), variant(results, "float32")
            right, missed = _tests(row)
            lines.append(
                line(
                    word,
                    str(results.seed),
                    f"{row.bytes:,}",
                    arena(row),
                    percent(accuracy(row)),
                    percent(accuracy(base)),
                    p_value(right.p, worse=right.only_this_wrong > right.only_other_wrong),
                    percent(frr(row)),
                    percent(frr(base)),
                    p_value(missed.p, worse=missed.difference > 0),
                )
            )
    right_mean, right_base = (mean(runs, model, accuracy) for model in (name, "float32"))
    missed_mean, missed_base = (mean(runs, model, frr) for model in (name, "float32"))
    lines.append(
        line(
            *("mean", "", count(mean(runs, name, lambda row: row.bytes)), mean_arena(runs, name)),
            *(percent(right_mean), percent(right_base), ""),
            *(percent(missed_mean), percent(missed_base), ""),
        )
    )
    return lines


def _comparison(runs: Runs, name: str) -> str:
    """The number of runs where a row is worse than float32, and where it is as good."""
    pairs = [
        (variant(results, name), variant(results, "float32"))
        for word_runs in runs.values()
        for results in word_runs
    ]
    tests = [_tests(row) for row, _ in pairs]
    right = [sign(test.only_this_wrong - test.only_other_wrong, test.p) for test, _ in tests]
    missed = [sign(test.difference, test.p) for _, test in tests]
    either = sum(1 in pair for pair in zip(right, missed, strict=True))
    as_right = [accuracy(row) >= accuracy(base) for row, base in pairs]
    as_few = [frr(row) <= frr(base) for row, base in pairs]
    both = sum(map(all, zip(as_right, as_few, strict=True)))
    return (
        f"- `{name}`, in {len(pairs)} runs: significantly worse than float32 (p < {SIGNIFICANT:g}) "
        f"in {right.count(1)} by accuracy, in {missed.count(1)} by {FRR.title}, in {either} by "
        f"either; significantly better in {right.count(-1)} and in {missed.count(-1)}. As good as "
        f"float32 or better in {sum(as_right)} by accuracy, in {sum(as_few)} by {FRR.title}, in "
        f"{both} by both."
    )


def sign(worse_by: float, p: float) -> int:
    """1 for significantly worse, -1 for significantly better, 0 for neither."""
    return 0 if p >= SIGNIFICANT or worse_by == 0 else 1 if worse_by > 0 else -1


def p_value(p: float, *, worse: bool) -> str:
    """Bold where the row is significantly worse."""
    text = probability(p)
    return f"**{text}**" if worse and p < SIGNIFICANT else text


def variant(results: Results, name: str) -> VariantResult:
    """The row with that name."""
    return next(row for row in results.variants if row.name == name)


def accuracy(row: VariantResult) -> float:
    """Accuracy, a part of one."""
    return known(row.accuracy)


def misses(row: VariantResult) -> ClipMisses:
    """FRR of clips and its threshold, which every run with words and others has."""
    return known(row.misses)


def frr(row: VariantResult) -> float:
    """FRR of clips, a part of one."""
    return misses(row).frr


def arena(row: VariantResult) -> str:
    """TFLite Micro's arena, or `no` where it does not run."""
    size = follow(row, "targets.tflm.arena_bytes")
    return ARENA.absent(row) if size is None else count(size)


def mean_arena(runs: Runs, name: str) -> str:
    """The mean of all runs, or `no` where TFLite Micro does not run the model of one of them."""
    rows = every(runs, name)
    sizes = [follow(row, "targets.tflm.arena_bytes") for row in rows]
    absent = [ARENA.absent(row) for row, size in zip(rows, sizes, strict=True) if size is None]
    return absent[0] if absent else count(statistics.mean(sizes))


def every(runs: Runs, name: str) -> list[VariantResult]:
    """A technique's row in every run."""
    return [variant(results, name) for word_runs in runs.values() for results in word_runs]


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
    """A value that must have been measured."""
    assert part is not None, "the test split is empty, or the run is of an older version"
    return part


def _tests(row: VariantResult) -> tuple[Paired, Difference]:
    return known(row.against_float32), known(misses(row).against_float32)


def _changes(word_runs: Iterable[Results], name: str) -> float:
    """Accuracy minus float32's, a part of one, averaged over a word's seeds."""
    return statistics.mean(
        accuracy(variant(results, name)) - accuracy(variant(results, "float32"))
        for results in word_runs
    )


def _change(change: float) -> str:
    text = points(change)
    return f"**{text}**" if 100 * change < -ALLOWED else text


def _list(names: list[str]) -> str:
    return " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))


def _allowed(runs: Runs) -> str:
    """How many false positives the rate allows."""
    measured = [misses(row) for row in every(runs, "float32")]
    others = sorted({one.others for one in measured})
    counts = sorted({one.allowed for one in measured})
    many = f"{others[0]} to {others[-1]}" if len(others) > 1 else str(others[0])
    most = " or ".join(map(str, counts)) if counts[-1] else "none"
    return (
        f"At {measured[0].false_positive_percent:g} % false positives, {most} of the {many} test "
        "clips of other words may score above the threshold."
    )
