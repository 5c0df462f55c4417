"""Which variant to ship: the Pareto front, and one that fits a budget, with the reason.

What counts is the file (flash), TFLite Micro's arena (SRAM), the time of an inference in LiteRT on
this machine, and the errors on the test clips. A variant is on the front where no other is at least
as good in all four and better in one; what a variant was not measured in counts as the worst.

Of the variants that fit the budget and lose no more accuracy than allowed, the smallest file is
recommended; among equals the one with fewer errors, then the smaller arena, then the faster. So it
is on the front. It must run where it is to be shipped: in TFLite Micro if the budget speaks of
flash or arena or there is no budget, in LiteRT if it speaks of latency.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from stapes.contracts.measurements import Recommendation
from stapes.contracts.results import Results, VariantResult
from stapes.measure import front as pareto
from stapes.run.budget import LIMITS, Limit
from stapes.system.text import p_value, percent, rate
from stapes.targets.registry import title_of

_WORST = math.inf

_NEAREST = 2
"""Variants that are named where none fits: one may fail a limit, the next another."""


def recommend(results: Results, budget: Mapping[Limit, float], max_drop: float) -> Recommendation:
    """The variant to ship, or what stands in the way of every one.

    Parameters
    ----------
    results : Results
    budget : mapping
        As `parse_budget` gives it; may be empty.
    max_drop : float >= 0
        Points of accuracy below float32 that may be lost.
    """
    measured = [row for row in results.variants if row.accuracy is not None]
    floats = results.float32
    given = Recommendation(
        budget=dict(budget.items()),
        max_drop=max_drop,
        variant=None,
        sentence="Nothing can be recommended: float32, which the others are compared with, was not "
        "measured.",
        front=front(measured),
    )
    if floats is None or floats.accuracy is None:
        return given
    tflm_there = any(row.targets["tflm"].runs for row in measured if "tflm" in row.targets)
    needed = _needed(budget, tflm_there)
    failures = {row.name: _failures(row, floats, budget, max_drop, needed) for row in measured}
    fitting = [row for row in measured if not failures[row.name]]
    if not fitting:
        sentence = _none_fits(measured, failures, budget, max_drop)
        return given.model_copy(update={"sentence": sentence})
    best = min(fitting, key=lambda row: (row.bytes, *_costs(row)[3:0:-1]))
    sentence = _why(best, floats, fitting, measured, budget, max_drop, needed)
    return given.model_copy(update={"variant": best.name, "sentence": sentence})


def front(rows: list[VariantResult]) -> list[str]:
    """The names of the variants that no other beats, in the order of their files' sizes."""
    best = [rows[index] for index in pareto.front([_costs(row) for row in rows])]
    return [row.name for row in sorted(best, key=lambda row: row.bytes)]


@dataclass(frozen=True)
class _Failure:
    """A limit that a variant does not keep: how much is too much, in words and as a part of it."""

    said: str
    part: float


def _costs(row: VariantResult) -> tuple[float, float, float, float]:
    """File, latency, arena and errors: what is smaller is better.

    Latencies that agree in two digits are the same: the rest is the clock's.
    """
    latency = _latency(row)
    return (
        row.bytes,
        _WORST if latency is None else float(f"{latency:.2g}"),
        _or_worst(_arena(row)),
        _WORST if row.accuracy is None else round((1 - row.accuracy) * row.n_test),
    )


def _or_worst(value: float | None) -> float:
    return _WORST if value is None else value


def _arena(row: VariantResult) -> int | None:
    found = row.targets.get("tflm")
    return found.arena_bytes if found and found.runs else None


def _latency(row: VariantResult) -> float | None:
    """In milliseconds."""
    found = row.targets.get("litert")
    if not found or not found.runs or found.latency_us_p50 is None:
        return None
    return found.latency_us_p50 / 1000


def _needed(budget: Mapping[Limit, float], tflm_there: bool) -> dict[str, str]:
    """The titles of the targets that a variant must run on, by their names in results.json."""
    needed = []
    if tflm_there and (not budget or {"flash", "arena"} & set(budget)):
        needed.append("tflm")
    if "latency" in budget or not needed:
        needed.append("litert")
    return {name: title_of(name) for name in needed}


def _failures(
    row: VariantResult,
    floats: VariantResult,
    budget: Mapping[Limit, float],
    max_drop: float,
    needed: Mapping[str, str],
) -> list[_Failure]:
    found = [
        _Failure(f"it does not run in {said}", _WORST)
        for name, said in needed.items()
        if name not in row.targets or not row.targets[name].runs
    ]
    costs = {"flash": row.bytes, "arena": _arena(row), "latency": _latency(row)}
    for limit in [limit for limit in LIMITS if limit in budget]:
        cost, most = costs[limit], budget[limit]
        if cost is None:
            found.append(_Failure(f"its {limit} was not measured", _WORST))
        elif cost > most:
            over = f"{cost - most:.3g} ms" if limit == "latency" else f"{cost - most:,.0f} bytes"
            found.append(_Failure(f"{limit} is {over} over", (cost - most) / most))
    if _is_deaf(row) and not _is_deaf(floats):
        found.append(_Failure("in continuous sound it misses every word", _WORST))
    drop = _drop(row, floats)
    if round(drop - max_drop, 9) > 0:
        said = f"accuracy is {drop:.2f} points below float32, {drop - max_drop:.2f} too many"
        found.append(_Failure(said, (drop - max_drop) / max(max_drop, 0.5)))
    return found


def _is_deaf(row: VariantResult) -> bool:
    """Whether no word at all is found at the threshold, or there is none."""
    return row.detection is not None and row.detection.chosen.frr in (None, 1.0)


def _drop(row: VariantResult, floats: VariantResult) -> float:
    """Points of accuracy below float32."""
    return 100 * ((floats.accuracy or 0.0) - (row.accuracy or 0.0))


def _why(
    best: VariantResult,
    floats: VariantResult,
    fitting: list[VariantResult],
    measured: list[VariantResult],
    budget: Mapping[Limit, float],
    max_drop: float,
    needed: Mapping[str, str],
) -> str:
    drop = _drop(best, floats)
    against = "as float32" if abs(drop) < 1e-9 else f"{abs(drop):.2f} points {_side(drop)} float32"
    test = best.against_float32
    p = f", McNemar {p_value(test.p)}" if test else ""
    costs = [f"{percent(best.accuracy)} of {best.n_test} test clips right, {against}{p}"]
    arena, latency = _arena(best), _latency(best)
    if arena is not None:
        costs.append(f"an arena of {arena:,} bytes")
    if latency is not None:
        costs.append(f"{1000 * latency:,.0f} microseconds an inference in LiteRT here")
    alone = len(fitting) == 1
    said = [f"{'runs' if alone else 'run'} in {' and '.join(needed.values())}"]
    if budget:
        said.append(f"{'fits' if alone else 'fit'} {terms(budget)}")
    said.append(f"{'loses' if alone else 'lose'} at most {max_drop:g} points of accuracy")
    of = f"the {len(fitting)} among {len(measured)} variants that"
    which = (
        f"of {len(measured)} variants it alone" if alone else f"it has the smallest file of {of}"
    )
    return (
        f"Ship {best.name}, {best.bytes:,} bytes: {which} {_and(said)}. It has {_and(costs)}."
        f"{_in_continuous_sound(best, floats)}"
    )


def _in_continuous_sound(best: VariantResult, floats: VariantResult) -> str:
    """What accuracy does not tell, in a sentence; nothing where it was not measured."""
    here = best.detection.chosen if best.detection else None
    there = floats.detection.chosen if floats.detection and best is not floats else None
    if here is None or here.frr is None or here.fa_per_hour is None:
        return ""
    beside = ""
    if there and there.frr is not None and there.fa_per_hour is not None:
        test = best.detection.against_float32 if best.detection else None
        p = f", {p_value(test.p)}" if test else ""
        beside = f" (float32 {percent(there.frr, 1)} at {rate(there.fa_per_hour)}{p})"
    return (
        f" In continuous sound it misses {percent(here.frr, 1)} of the words at "
        f"{rate(here.fa_per_hour)} false accepts an hour{beside}."
    )


def _none_fits(
    measured: list[VariantResult],
    failures: Mapping[str, list[_Failure]],
    budget: Mapping[Limit, float],
    max_drop: float,
) -> str:
    nearest = sorted(measured, key=lambda row: _distance(failures[row.name]))[:_NEAREST]
    limits = terms(budget) + " and " if budget else ""
    said = [f"{row.name} ({_and([each.said for each in failures[row.name]])})" for row in nearest]
    return (
        f"No variant fits {limits}at most {max_drop:g} points below float32. Nearest: "
        f"{'; '.join(said)}."
    )


def _distance(failures: list[_Failure]) -> tuple[int, float]:
    """Limits that nothing can be said of, and how far beyond the others a variant is."""
    hard = sum(each.part == _WORST for each in failures)
    return hard, sum(each.part for each in failures if each.part != _WORST)


def terms(budget: Mapping[Limit, float]) -> str:
    """The limits of a budget in words."""
    said = {name: f"{name} {limit:,.0f} bytes" for name, limit in budget.items()}
    if "latency" in budget:
        said["latency"] = f"latency {budget['latency']:g} ms"
    return ", ".join(said[name] for name in LIMITS if name in said)


def _side(drop: float) -> str:
    return "below" if drop > 0 else "above"


def _and(parts: list[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"
