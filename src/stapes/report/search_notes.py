"""Sentences about a search, for the page and for a terminal, from results.json alone."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable

from stapes.contracts.results import Results, Search, Trial, VariantResult
from stapes.report.notes import at_rate
from stapes.system.text import hours, limits, p_value, percent, plural, rate

MOST_REASONS = 3

_OBJECTIVES = {"bytes": "bytes", "arena_bytes": "arena", "macs": "MACs", "frr": "FRR"}

_METRIC = re.compile(r"frr@(\d+(?:\.\d+)?)(/h)?\Z")


def measured(trial: Trial) -> bool:
    """Whether a trial has a model that was measured for validation."""
    if trial.refused is not None or trial.failed is not None or not trial.bytes:
        return False
    return trial.frr is not None and math.isfinite(trial.frr)


def outcome(trial: Trial) -> str:
    """`measured`, or why there is no measurement."""
    if trial.refused is not None:
        return f"refused: {trial.refused}"
    if trial.failed is not None:
        return f"failed: {trial.failed}"
    return "measured" if measured(trial) else "not measured"


def architecture(trial: Trial) -> str:
    """The name of its architecture."""
    name = trial.candidate.get("architecture")
    if isinstance(name, dict):
        name = name.get("name")
    return name if isinstance(name, str) and name else "model"


def best_trial(search: Search) -> Trial | None:
    """The trial that is exported as `best`."""
    trials = (trial for trial in search.trials if trial.number == search.best)
    return None if search.best is None else next(trials, None)


def listed(search: Search) -> list[Trial]:
    """The measured trials of the front, those that became variants, and the best, by size."""
    trials = [
        trial
        for trial in search.trials
        if measured(trial) and (trial.front or trial.variant or trial.number == search.best)
    ]
    return sorted(trials, key=lambda trial: (trial.bytes or 0, trial.frr or 0.0, trial.number))


def row_of(trial: Trial, results: Results) -> VariantResult | None:
    """The variant that a trial became, with its figures of test clips."""
    rows = (row for row in results.variants if row.name == trial.variant)
    return None if trial.variant is None else next(rows, None)


def best_row(results: Results) -> VariantResult | None:
    """The variant that the search chose."""
    trial = None if results.search is None else best_trial(results.search)
    if trial is None:
        return None
    return next((row for row in results.variants if row.name == (trial.variant or "best")), None)


def metric(search: Search) -> str:
    """The metric in words."""
    match = _METRIC.match(search.metric)
    if match is None:
        return search.metric
    if match[2]:
        return f"FRR at {plural(float(match[1]), 'false accept')} an hour"
    return f"FRR at {match[1]} % false positives"


def where(search: Search) -> str:
    """What decided the choice, with its preposition."""
    return "on validation clips" if search.validation_hours is None else "in validation sound"


def metric_note(search: Search) -> str:
    """What FRR means in a table of trials."""
    if _METRIC.match(search.metric) is None:
        return f"FRR is the metric {search.metric}"
    return metric(search).replace("FRR", "FRR is", 1)


def objectives(search: Search) -> str:
    """The objectives of the front in words."""
    return ", ".join(_OBJECTIVES.get(name, name) for name in search.objectives)


def counts(search: Search) -> str:
    """How many models were tried, and how many were refused or failed, in a sentence."""
    trials = search.trials
    if not trials:
        return "No model was tried."
    refused = [trial.refused for trial in trials if trial.refused is not None]
    trained = [trial for trial in trials if trial.refused is None]
    failed = [trial.failed for trial in trained if trial.failed is not None]
    known = sum(map(measured, trials))
    other = len(trials) - known - len(refused) - len(failed)
    parts = [f"{known:,} measured"]
    if refused:
        parts.append(f"{len(refused):,} refused before training ({reasons(refused)})")
    parts += [f"{len(failed):,} failed ({reasons(failed)})"] if failed else []
    parts += [f"{other:,} without figures"] if other else []
    were = "was" if len(trials) == 1 else "were"
    return f"{plural(len(trials), 'model')} {were} tried: {', '.join(parts)}."


def reasons(texts: Iterable[str]) -> str:
    """The most frequent reasons; reasons that differ only in their numbers count as one."""
    kinds: Counter[str] = Counter()
    example: dict[str, str] = {}
    for text in (reason.rstrip(". ") for reason in texts):
        kind = re.sub(r"\d[\d,.]*", "0", text)
        kinds[kind] += 1
        example.setdefault(kind, text)
    most = kinds.most_common(MOST_REASONS)
    first = [f"{_times(number, len(kinds))}{example[kind]}" for kind, number in most]
    rest = kinds.total() - sum(number for _, number in most)
    return "; ".join([*first, *([f"{rest:,} for other reasons"] if rest else [])])


def _times(number: int, kinds: int) -> str:
    """How often a reason occurs, if the number of all reasons does not show it."""
    if number == 1:
        return ""
    return "e.g. " if kinds == 1 else f"{number:,} ×, e.g. "


def chosen_by(search: Search) -> str:
    """The metric and the clips or the sound that decided the choice, in a sentence."""
    within = limits(search.budget)
    end = f", within {within}." if within else "."
    if search.validation_hours is not None:
        return (
            f"Models were chosen by {metric(search)} in {hours(search.validation_hours)} of "
            f"validation sound and {plural(search.validation_words, 'word')} in such "
            f"sound{_coarse(search)}{end}"
        )
    clips = search.validation_words + search.validation_others
    copies = ""
    if search.validation_copies:
        noun = "copy" if search.validation_copies == 1 else "copies"
        copies = f", including {search.validation_copies:,} augmented {noun} of each"
    return (
        f"Models were chosen by {metric(search)} on {plural(clips, 'validation clip')} "
        f"({search.validation_words:,} of the word, {search.validation_others:,} "
        f"others{copies}){end}"
    )


def _coarse(search: Search) -> str:
    """That the sound does not resolve the rate, and which one it does."""
    match, heard = _METRIC.match(search.metric), search.validation_hours
    if match is None or not heard or float(match[1]) * heard >= 1:
        return ""
    return f" (which resolve {rate(1 / heard)} false accepts an hour: that rate was used)"


def chosen(search: Search) -> str:
    """The trial that was chosen, in a sentence."""
    trial = best_trial(search)
    if trial is None:
        within = limits(search.budget)
        return f"No model fits{f' {within}' if within else ''}: none was chosen."
    figures = [f"{trial.bytes:,} bytes"] if trial.bytes is not None else []
    figures += [f"{trial.arena_bytes:,} of arena"] if trial.arena_bytes is not None else []
    frr = f", FRR {percent(trial.frr)} {where(search)}" if trial.frr is not None else ""
    size = f" ({', '.join(figures)}{frr})" if figures else ""
    return f"Chosen: trial {trial.number}, {trial.summary}{size}."


def on_test(results: Results) -> str:
    """The best model and its float one on the test clips, in a sentence; empty if one is missing.

    Of detectors in a stream, FRR in sound.
    """
    best = best_row(results)
    float32 = None if best is None else results.float_of(best)
    if best is not None and best.stream is not None:
        return _in_test_sound(best, float32)
    if best is None or float32 is None or best is float32:
        return ""
    parts = []
    if best.accuracy is not None and float32.accuracy is not None:
        test = best.against_float32
        p = "" if test is None else f" ({p_value(test.p)})"
        parts.append(
            f"{best.name} has an accuracy of {percent(best.accuracy)}, float32 "
            f"{percent(float32.accuracy)}{p}"
        )
    if best.misses is not None and float32.misses is not None:
        difference = best.misses.against_float32
        p = "" if difference is None else f" ({p_value(difference.p)})"
        parts.append(
            f"at {at_rate(best.misses)} {best.name} misses {percent(best.misses.frr)} of the "
            f"words, float32 {percent(float32.misses.frr)}{p}"
        )
    return f"On the test clips, which no choice used: {'; '.join(parts)}." if parts else ""


def _in_test_sound(best: VariantResult, reference: VariantResult | None) -> str:
    if best.detection is None or best.detection.chosen.frr is None:
        return ""
    misses = f"{best.name} misses {percent(best.detection.chosen.frr)} of the words"
    if reference is None or reference.detection is None:
        return f"In the test sound, which no choice used, {misses}."
    difference = best.detection.against_float32
    p = "" if difference is None else f" ({p_value(difference.p)})"
    return (
        f"In the test sound, which no choice used, {misses}, {reference.name} "
        f"{percent(reference.detection.chosen.frr)}{p}."
    )
