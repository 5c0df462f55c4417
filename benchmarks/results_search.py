"""The results of `stapes search` as the tables of docs/results.md."""

from __future__ import annotations

from results_tables import (
    ACCURACY,
    ARENA,
    FILE,
    FRR,
    accuracy,
    arena,
    frr,
    head,
    known,
    line,
    misses,
    p_value,
)
from stapes.contracts.results import Results, VariantResult
from stapes.report.notes import limits
from stapes.report.search_notes import best_trial, measured
from stapes.system.text import percent


def searches(runs: list[Results]) -> list[str]:
    """A line for each search, then what was measured on test clips: float32, best, the front."""
    lines = head("word", "seed", "budget", "trained", "refused", "failed", "on the front", "best")
    for results in runs:
        its = known(results.search)
        best = best_trial(its)
        lines.append(
            line(
                results.word,
                str(results.seed),
                limits(its.budget),
                str(sum(map(measured, its.trials))),
                str(sum(trial.refused is not None for trial in its.trials)),
                str(sum(trial.failed is not None for trial in its.trials)),
                str(sum(trial.front for trial in its.trials)),
                best.summary if best else "none fits",
            )
        )
    titles = (FILE.title, ARENA.title, ACCURACY.title, "p", FRR.title, "p", "what")
    lines += ["", *head("word", "model", *titles)]
    for results in runs:
        base, *others = results.variants
        others.sort(key=lambda row: (row.name != "best", row.bytes))
        lines += [_model(results, row) for row in (base, *others)]
    return lines


def _model(results: Results, row: VariantResult) -> str:
    right, missed = row.against_float32, misses(row).against_float32
    worse = right is not None and right.only_this_wrong > right.only_other_wrong
    trials = [trial for trial in known(results.search).trials if trial.variant == row.name]
    return line(
        results.word,
        f"`{row.name}`",
        f"{row.bytes:,}",
        arena(row),
        percent(accuracy(row)),
        p_value(right.p, worse=worse) if right else "",
        percent(frr(row)),
        p_value(missed.p, worse=missed.difference > 0) if missed else "",
        trials[0].summary if trials else "the reference CNN",
    )
