"""A variant in continuous sound, with and without noise, from its scores of every window.

Convention: `scores` [shape=(rows,)] are a variant's scores of the word, for the windows of a
`data.sound.sliding.Plan` in its order. `measure.detection` has the rules.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from stapes.contracts.measurements import Condition, Detection, Difference, OperatingPoint
from stapes.data.sound.sliding import Plan
from stapes.measure import detection as rules
from stapes.measure import operating_points as points
from stapes.measure.bootstrap import difference, interval, resampled_frr
from stapes.measure.detection import Curve
from stapes.measure.operating_points import Sweep
from stapes.measure.roc import auc, eer
from stapes.measure.settings import DetectionSettings
from stapes.system.text import hours

CLEAN = "clean"

S = TypeVar("S", bound=Sweep)
Chance: TypeAlias = Callable[[S, Sequence[float]], NDArray[np.float64]]


def condition_name(snr_db: float | None) -> str:
    """The name of a condition; None is the one without noise."""
    return CLEAN if snr_db is None else f"{snr_db:g} dB"


def detection_in_sound(
    scores: Mapping[float | None, NDArray[np.floating]],
    plans: Mapping[float | None, Plan],
    settings: DetectionSettings,
    *,
    hop_seconds: float,
    seed: int,
    clip_scores: NDArray[np.floating],
    clip_is_word: NDArray[np.integer],
    float32: NDArray[np.floating] | None = None,
) -> Detection:
    """Detection of a variant in continuous sound, as results.json has it.

    Parameters
    ----------
    scores : mapping of float or None to np.ndarray [shape=(rows,)]
        By level of noise [dB]; None, without noise, comes first.
    plans : mapping of float or None to Plan
        The windows of each condition.
    hop_seconds : float > 0
        From one window to the next.
    seed : int
        Of the intervals' draws.
    clip_scores, clip_is_word : np.ndarray [shape=(n,)]
        Of the test clips.
    float32 : np.ndarray [shape=(rows,)], optional
        float32's scores without noise.
    """
    curve_of = partial(_curve, settings=settings, hop_seconds=hop_seconds)
    return detection_of(
        {snr_db: curve_of(values, plans[snr_db]) for snr_db, values in scores.items()},
        settings,
        partial(resampled_frr, hop_seconds=hop_seconds, seed=seed),
        other=None if float32 is None else curve_of(float32, plans[None]),
        clip_scores=clip_scores,
        clip_is_word=clip_is_word,
    )


def detection_of(
    curves: Mapping[float | None, S],
    settings: DetectionSettings,
    chance: Chance[S],
    *,
    other: S | None,
    clip_scores: NDArray[np.floating],
    clip_is_word: NDArray[np.integer],
) -> Detection:
    """Detection from the sweep of each condition.

    Parameters
    ----------
    curves : mapping of float or None to Sweep
        By level of noise [dB]; None, without noise, comes first.
    chance : callable
        From a sweep and rates [shape=(targets,)] to the false rejects of each draw
        [shape=(targets, draws)].
    other : Sweep, optional
        Of float32 without noise.
    """
    clean = curves[None]
    chosen = _chosen(clean, settings.target_fa_per_hour)
    apart = None
    if chosen.frr is not None and chosen.target_fa_per_hour is not None:
        target = chosen.target_fa_per_hour
        chosen = _widened(chosen, chance(clean, [target])[0])
        if other is not None:
            apart = against(clean, other, target, chance)
    return Detection(
        auc=auc(clip_scores, clip_is_word),
        eer=eer(clip_scores, clip_is_word),
        threshold=chosen.threshold,
        chosen=chosen,
        conditions=[
            Condition(
                name=condition_name(snr_db),
                snr_db=snr_db,
                hours=curve.hours,
                words=curve.n_words,
                at_rates=_at_rates(curve, settings.rates, chance),
                at_clean_threshold=points.at_threshold(curve, chosen.threshold),
                det=points.det(curve),
            )
            for snr_db, curve in curves.items()
        ],
        against_float32=apart,
    )


def against(curve: S, other: S, target: float, chance: Chance[S]) -> Difference | None:
    """How much more `curve` misses than `other` in the same sound, at a rate [an hour].

    None if one of them has no threshold for it.
    """
    here, there = points.at_rate(curve, target).frr, points.at_rate(other, target).frr
    if here is None or there is None:
        return None
    return difference(chance(curve, [target])[0], chance(other, [target])[0], here, there)


def _at_rates(curve: S, rates: Sequence[float], chance: Chance[S]) -> list[OperatingPoint]:
    at_rates = [points.at_rate(curve, rate) for rate in rates]
    resolved = [place for place, point in enumerate(at_rates) if point.frr is not None]
    if resolved:
        for place, draws in zip(resolved, chance(curve, [rates[p] for p in resolved]), strict=True):
            at_rates[place] = _widened(at_rates[place], draws)
    return at_rates


def _widened(point: OperatingPoint, draws: NDArray[np.float64]) -> OperatingPoint:
    """The point with an interval that includes the chance of its threshold."""
    assert point.frr_ci95 is not None
    return point.model_copy(update={"frr_ci95": interval(draws, point.frr_ci95)})


def _chosen(curve: Sweep, target: float) -> OperatingPoint:
    """The point for a device: at the target, or at the lowest rate that the hours resolve."""
    point = points.at_rate(curve, target)
    if point.threshold is not None or not point.needs_hours:
        return point
    rate = points.lowest_rate(curve.hours)
    lowest = points.at_rate(curve, rate)
    if lowest.threshold is None:
        return lowest
    reason = (
        f"{target:g} false accepts an hour need {hours(1 / target)} of sound without the word; "
        f"the threshold is for {rate:.3g} an hour, the lowest that {hours(curve.hours)} can "
        "resolve, and depends on one false accept"
    )
    return lowest.model_copy(update={"reason": reason})


def _curve(
    scores: NDArray[np.floating], plan: Plan, settings: DetectionSettings, hop_seconds: float
) -> Curve:
    recordings = [scores[row : row + count] for _, row, count in plan.recordings]
    words = [scores[row : row + count] for row, count in plan.words]
    return rules.curve(
        [rules.smooth(values, settings.smoothing) for values in recordings],
        [rules.smooth(values, settings.smoothing) for values in words],
        plan.seconds / 3600,
        max(1, round(settings.refractory_seconds / hop_seconds)),
    )
