"""Which variant to ship: the Pareto front, and one that fits a budget, with the reason.

Where continuous sound was measured, it decides (`recommendation_in_sound`), and the front has false
rejects in place of errors. Otherwise the test clips decide as follows, and the sentence says so: a
device hears a stream, and clips do not tell how it does.

The costs are the file (flash), TFLite Micro's arena (SRAM), the time of an inference in LiteRT on
this machine, and the errors on the test clips. A variant is on the front if no other is at least as
good in all four and better in one. A cost that was not measured counts as the worst.

Of the variants that fit the budget and lose no more accuracy than allowed, the smallest file is
recommended. Among equals it is the one with fewer errors, then the smaller arena, then the faster.
It must run where it ships: in TFLite Micro if the budget limits flash or arena or is empty, in
LiteRT if it limits latency. It must be better than chance.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from stapes.contracts.measurements import Recommendation
from stapes.contracts.results import Results, VariantResult
from stapes.measure import front as pareto
from stapes.run.budget import LIMITS, Limit
from stapes.run.recommendation_in_sound import is_measured, recommend_in_sound
from stapes.system.text import limits, p_value, percent
from stapes.targets.registry import title_of

_WORST = math.inf

_UNHEARD = (
    "What serves in continuous sound was not measured: name recordings with --continuous, and "
    "measure with --detect all."
)

_NEAREST = 2
"""Variants that are named if none fits: one may fail a limit, the next another."""


def recommend(
    results: Results,
    budget: Mapping[Limit, float],
    max_drop: float,
    max_frr: float = 10.0,
    target: float = 1.0,
    choice: str = "",
) -> Recommendation:
    """The variant to ship, or why there is none.

    Parameters
    ----------
    budget : mapping
        As `parse_budget` returns it; may be empty.
    max_drop : float >= 0
        Points of accuracy below float32 that may be lost, where clips decide.
    max_frr : float [percent]
        Words that may be missed at the target rate, where continuous sound decides.
    target : float [false accepts an hour]
    choice : str
        How one variant was chosen before, in a sentence, where continuous sound decides.
    """
    measured = [row for row in results.variants if row.accuracy is not None]
    floats = results.float32
    variant = None
    unfit: dict[str, list[str]] = {}
    if is_measured(results):
        tflm_ran = any(row.targets["tflm"].runs for row in measured if "tflm" in row.targets)
        needed = _needed(budget, tflm_ran)
        obstacles = {
            row.name: [failure.reason for failure in _misfits(row, budget, needed)]
            for row in results.variants
        }
        variant, sentence, unfit = recommend_in_sound(
            results, max_frr, target, obstacles, budget, needed, choice
        )
    elif floats is None or floats.accuracy is None:
        sentence = "Nothing can be recommended: float32, which the others need, has no figures."
    else:
        tflm_ran = any(row.targets["tflm"].runs for row in measured if "tflm" in row.targets)
        needed = _needed(budget, tflm_ran)
        failures = {row.name: _failures(row, floats, budget, max_drop, needed) for row in measured}
        unfit = {name: [failure.reason for failure in failures[name]] for name in failures}
        fitting = [row for row in measured if not failures[row.name]]
        if fitting:
            best = min(fitting, key=lambda row: (row.bytes, *_costs(row)[3:0:-1]))
            variant = best.name
            sentence = _why(best, floats, len(fitting), measured, budget, max_drop, needed)
        else:
            sentence = _none_fits(measured, failures, budget, max_drop)
    return Recommendation(
        budget=dict(budget.items()),
        max_drop=max_drop,
        max_frr=max_frr if is_measured(results) else None,
        variant=variant,
        sentence=sentence,
        unfit={name: reasons for name, reasons in unfit.items() if reasons},
        front=front(results.variants if is_measured(results) else measured),
    )


def front(rows: list[VariantResult]) -> list[str]:
    """The names of the variants that no other beats, in the order of their files' sizes."""
    heard = [row for row in rows if row.detection is not None]
    rows = heard or rows
    best = [rows[index] for index in pareto.front([_costs(row) for row in rows])]
    return [row.name for row in sorted(best, key=lambda row: row.bytes)]


@dataclass(frozen=True)
class _Failure:
    """A limit that a variant exceeds: in words, and the excess as a part of the limit."""

    reason: str
    excess: float


def _costs(row: VariantResult) -> tuple[float, float, float, float]:
    """File, latency, arena and errors, or false rejects in continuous sound; less is better.

    Latencies that agree in two digits are the same: the rest is noise of the clock.
    """
    latency, arena = _latency(row), _arena(row)
    errors = _WORST if row.accuracy is None else round((1 - row.accuracy) * row.n_test)
    if row.detection is not None:
        frr = row.detection.chosen.frr
        errors = _WORST if frr is None else frr
    return (
        row.bytes,
        _WORST if latency is None else float(f"{latency:.2g}"),
        _WORST if arena is None else arena,
        errors,
    )


def _arena(row: VariantResult) -> int | None:
    tflm = row.targets.get("tflm")
    return tflm.arena_bytes if tflm and tflm.runs else None


def _latency(row: VariantResult) -> float | None:
    """In milliseconds."""
    litert = row.targets.get("litert")
    if not litert or not litert.runs or litert.latency_us_p50 is None:
        return None
    return litert.latency_us_p50 / 1000


def _needed(budget: Mapping[Limit, float], tflm_ran: bool) -> dict[str, str]:
    """The titles of the targets that a variant must run on, by their names in results.json."""
    needed = []
    if tflm_ran and (not budget or {"flash", "arena"} & set(budget)):
        needed.append("tflm")
    if "latency" in budget or not needed:
        needed.append("litert")
    return {name: title_of(name) for name in needed}


def _misfits(
    row: VariantResult, budget: Mapping[Limit, float], needed: Mapping[str, str]
) -> list[_Failure]:
    """Why a variant does not run where it ships, or exceeds the budget."""
    failures = [
        _Failure(f"it does not run in {title}", _WORST)
        for name, title in needed.items()
        if name not in row.targets or not row.targets[name].runs
    ]
    costs = {"flash": row.bytes, "arena": _arena(row), "latency": _latency(row)}
    for limit in [limit for limit in LIMITS if limit in budget]:
        cost, most = costs[limit], budget[limit]
        if cost is None:
            failures.append(_Failure(f"its {limit} was not measured", _WORST))
        elif cost > most:
            over = f"{cost - most:.3g} ms" if limit == "latency" else f"{cost - most:,.0f} bytes"
            failures.append(_Failure(f"{limit} is {over} over", (cost - most) / most))
    return failures


def _failures(
    row: VariantResult,
    floats: VariantResult,
    budget: Mapping[Limit, float],
    max_drop: float,
    needed: Mapping[str, str],
) -> list[_Failure]:
    failures = _misfits(row, budget, needed)
    if _at_chance(row):
        failures.append(_Failure("it decides at chance", _WORST))
    drop = _drop(row, floats)
    if round(drop - max_drop, 9) > 0:
        reason = f"accuracy is {drop:.2f} points below float32, {drop - max_drop:.2f} too many"
        failures.append(_Failure(reason, (drop - max_drop) / max(max_drop, 0.5)))
    return failures


def _at_chance(row: VariantResult) -> bool:
    """Whether always the same answer could be as good."""
    counts = row.confusion
    words = counts.true_positives + counts.false_negatives
    return row.accuracy_ci95[0] <= max(words, row.n_test - words) / max(1, row.n_test)


def _drop(row: VariantResult, floats: VariantResult) -> float:
    """Points of accuracy below float32."""
    return 100 * ((floats.accuracy or 0.0) - (row.accuracy or 0.0))


def _why(
    best: VariantResult,
    floats: VariantResult,
    fitting: int,
    measured: list[VariantResult],
    budget: Mapping[Limit, float],
    max_drop: float,
    needed: Mapping[str, str],
) -> str:
    one = fitting == 1
    conditions = [f"{'runs' if one else 'run'} in {' and '.join(needed.values())}"]
    if budget:
        conditions.append(f"{'fits' if one else 'fit'} {limits(budget)}")
    conditions.append(f"{'loses' if one else 'lose'} at most {max_drop:g} points of accuracy")
    of = (
        f"Of {len(measured)} variants it alone"
        if one
        else f"It has the smallest file of the {fitting} among {len(measured)} variants that"
    )
    drop = _drop(best, floats)
    side = "below" if drop > 0 else "above"
    against = "as float32" if abs(drop) < 1e-9 else f"{abs(drop):.2f} points {side} float32"
    test = best.against_float32
    p = f", McNemar {p_value(test.p)}" if test else ""
    costs = [f"{percent(best.accuracy)} of {best.n_test} test clips right, {against}{p}"]
    arena, latency = _arena(best), _latency(best)
    if arena is not None:
        costs.append(f"an arena of {arena:,} bytes")
    if latency is not None:
        costs.append(f"{1000 * latency:,.0f} microseconds an inference in LiteRT here")
    return (
        f"By test clips alone, {best.name}, {best.bytes:,} bytes. {of} {_and(conditions)}. It has "
        f"{_and(costs)}. {_UNHEARD}"
    )


def _none_fits(
    measured: list[VariantResult],
    failures: Mapping[str, list[_Failure]],
    budget: Mapping[Limit, float],
    max_drop: float,
) -> str:
    nearest = sorted(measured, key=lambda row: _distance(failures[row.name]))[:_NEAREST]
    within = limits(budget) + " and " if budget else ""
    reasons = [
        f"{row.name} ({_and([failure.reason for failure in failures[row.name]])})"
        for row in nearest
    ]
    return (
        f"No variant fits {within}at most {max_drop:g} points below float32. Nearest: "
        f"{'; '.join(reasons)}. {_UNHEARD}"
    )


def _distance(failures: list[_Failure]) -> tuple[int, float]:
    """The number of failures without a figure, and the sum of the others' excess."""
    excesses = [failure.excess for failure in failures]
    return excesses.count(_WORST), sum(excess for excess in excesses if excess != _WORST)


def _and(parts: list[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"
