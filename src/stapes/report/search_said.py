"""What is to be said of a search, for the page and for a terminal, from results.json alone."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable

from stapes.contracts.results import Results, Search, Trial, VariantResult
from stapes.report.misses import at_rate
from stapes.system.text import p_value, percent, plural

MOST_REASONS = 3

OBJECTIVES = {
    "bytes": "bytes of the file",
    "arena_bytes": "arena",
    "macs": "MACs",
    "frr": "FRR",
}

_METRIC = re.compile(r"frr@(\d+(?:\.\d+)?)\Z")


def measured(trial: Trial) -> bool:
    """Whether a model came of it that was measured on validation clips."""
    if trial.refused is not None or trial.failed is not None or not trial.bytes:
        return False
    return trial.frr is not None and math.isfinite(trial.frr)


def outcome(trial: Trial) -> str:
    """What became of a trial."""
    if trial.refused is not None:
        return f"refused: {trial.refused}"
    if trial.failed is not None:
        return f"failed: {trial.failed}"
    return "measured" if measured(trial) else "not measured"


def architecture(trial: Trial) -> str:
    """The name of its architecture."""
    found = trial.candidate.get("architecture")
    if isinstance(found, dict):
        found = found.get("name")
    return found if isinstance(found, str) and found else "model"


def best_trial(search: Search) -> Trial | None:
    """The trial that is exported as `best`."""
    if search.best is None:
        return None
    return next((each for each in search.trials if each.number == search.best), None)


def told(search: Search) -> list[Trial]:
    """The measured trials of the front, those that became variants, and the best, by size."""
    found = [
        each
        for each in search.trials
        if measured(each) and (each.front or each.variant or each.number == search.best)
    ]
    return sorted(found, key=lambda each: (each.bytes or 0, each.frr or 0.0, each.number))


def row_of(trial: Trial, results: Results) -> VariantResult | None:
    """The variant that a trial became, with its figures of test clips."""
    if trial.variant is None:
        return None
    return next((row for row in results.variants if row.name == trial.variant), None)


def best_row(results: Results) -> VariantResult | None:
    """The variant for the budget."""
    trial = None if results.search is None else best_trial(results.search)
    name = "best" if trial is None or trial.variant is None else trial.variant
    if trial is None:
        return None
    return next((row for row in results.variants if row.name == name), None)


def metric(search: Search) -> str:
    """The metric in words."""
    found = _METRIC.match(search.metric)
    return search.metric if found is None else f"FRR at {found[1]} % false positives"


def metric_head(search: Search) -> str:
    """What FRR stands for in a table."""
    found = _METRIC.match(search.metric)
    if found is None:
        return f"FRR is by the metric {search.metric}"
    return f"FRR is at {found[1]} % false positives"


def budget(search: Search) -> str:
    """The limits in words; empty where there are none."""
    return " and ".join(
        f"{name} {limit:,.10g} {'ms' if name == 'latency' else 'bytes'}"
        for name, limit in search.budget.items()
    )


def counts(search: Search) -> str:
    """How many models were tried, and what became of them, in a sentence."""
    trials = search.trials
    if not trials:
        return "No model was tried."
    refused = [each.refused for each in trials if each.refused is not None]
    failed = [each.failed for each in trials if each.refused is None and each.failed is not None]
    known = sum(measured(each) for each in trials)
    other = len(trials) - known - len(refused) - len(failed)
    parts = [f"{known:,} measured"]
    if refused:
        parts.append(f"{len(refused):,} refused before training ({reasons(refused)})")
    parts += [f"{len(failed):,} failed ({reasons(failed)})"] if failed else []
    parts += [f"{other:,} without figures"] if other else []
    were = "was" if len(trials) == 1 else "were"
    return f"{plural(len(trials), 'model')} {were} tried: {', '.join(parts)}."


def reasons(said: Iterable[str]) -> str:
    """The commonest reasons, those that differ in their numbers alone as one."""
    kinds: Counter[str] = Counter()
    example: dict[str, str] = {}
    for each in (reason.rstrip(". ") for reason in said):
        kind = re.sub(r"\d[\d,.]*", "0", each)
        kinds[kind] += 1
        example.setdefault(kind, each)
    most = kinds.most_common(MOST_REASONS)
    first = [f"{_times(number, len(kinds))}{example[kind]}" for kind, number in most]
    rest = sum(kinds.values()) - sum(number for _, number in most)
    return "; ".join([*first, *([f"{rest:,} for other reasons"] if rest else [])])


def _times(number: int, kinds: int) -> str:
    """How often a reason is there, where that is not said already."""
    if number == 1:
        return ""
    return "e.g. " if kinds == 1 else f"{number:,} ×, e.g. "


def chosen_by(search: Search) -> str:
    """What the choice was made by, in a sentence."""
    clips = search.validation_words + search.validation_others
    copies = search.validation_copies
    with_copies = ""
    if copies:
        with_copies = f", {plural(copies, 'copy').replace('copys', 'copies')} of each among them"
        with_copies += " that sound otherwise" if copies > 1 else " that sounds otherwise"
    limits = budget(search)
    within = f", within {limits}" if limits else ""
    return (
        f"Models were chosen by {metric(search)} on {plural(clips, 'validation clip')} "
        f"({search.validation_words:,} of the word, {search.validation_others:,} "
        f"others{with_copies}){within}."
    )


def chosen(search: Search) -> str:
    """Which trial was chosen, in a sentence."""
    trial = best_trial(search)
    if trial is None:
        limits = budget(search)
        return f"No model fits{f' {limits}' if limits else ''}: none was chosen."
    figures = [f"{trial.bytes:,} bytes"] if trial.bytes is not None else []
    figures += [f"{trial.arena_bytes:,} of arena"] if trial.arena_bytes is not None else []
    missed = f", FRR {percent(trial.frr)} on validation clips" if trial.frr is not None else ""
    size = f" ({', '.join(figures)}{missed})" if figures else ""
    return f"Chosen: trial {trial.number}, {trial.summary}{size}."


def on_test(results: Results) -> str | None:
    """What the test clips say of the best against float32; None where there is not both."""
    best, first = best_row(results), results.float32
    if best is None or first is None or best is first:
        return None
    said = []
    if best.accuracy is not None and first.accuracy is not None:
        test = best.against_float32
        p = "" if test is None else f" ({p_value(test.p)})"
        said.append(
            f"{best.name} decides {percent(best.accuracy)} rightly, float32 "
            f"{percent(first.accuracy)}{p}"
        )
    if best.misses is not None and first.misses is not None:
        worse = best.misses.against_float32
        p = "" if worse is None else f" ({p_value(worse.p)})"
        said.append(
            f"at {at_rate(best.misses)} {best.name} misses {percent(best.misses.frr)} of the "
            f"words, float32 {percent(first.misses.frr)}{p}"
        )
    return f"On the test clips, which no choice saw: {'; '.join(said)}." if said else None
