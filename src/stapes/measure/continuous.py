"""A variant in continuous sound, without noise and with it, from its scores of every window.

Convention: `scores` [shape=(rows,)] are a variant's scores of the word for the windows that a
`data.sliding.Plan` names, in its order. The rules of detection are those of `measure.detection`.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, field_validator

from stapes.data.sliding import Plan
from stapes.measure import detection as rules
from stapes.measure.detection import Curve
from stapes.measure.roc import auc, eer
from stapes.measurements import Condition, Detection, OperatingPoint

CLEAN = "clean"


class DetectionSettings(BaseModel):
    """How detection in continuous sound is measured; the rules are those of `measure.detection`."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    hop_frames: int = Field(default=4, ge=1, description="from one window to the next")
    smoothing: int = Field(default=4, ge=1, description="scores that are averaged")
    refractory_seconds: float = Field(default=1.0, ge=0)
    tolerance_seconds: float = Field(default=0.5, ge=0, description="after a word's clip")
    target_fa_per_hour: float = Field(default=0.5, gt=0, description="that the threshold is for")
    rates: tuple[float, ...] = Field(
        default=(0.1, 0.5, 1.0, 2.0), description="false accepts an hour to tell the misses at"
    )
    snr_db: tuple[float, ...] = Field(default=(20.0, 10.0, 5.0, 0.0), description="of noise")
    noise_hours: float = Field(
        default=0.5, gt=0, description="of the sound without the word that is heard with noise too"
    )

    @field_validator("rates")
    @classmethod
    def _are_rates(cls, rates: tuple[float, ...]) -> tuple[float, ...]:
        if not rates or min(rates) <= 0:
            raise ValueError("false accepts an hour must be above 0")
        return rates


def condition_name(snr_db: float | None) -> str:
    """What a condition is called: that without noise is None."""
    return CLEAN if snr_db is None else f"{snr_db:g} dB"


def heard(
    scores: Mapping[float | None, NDArray[np.floating]],
    plans: Mapping[float | None, Plan],
    given: DetectionSettings,
    *,
    hop_seconds: float,
    word_clips: list[int],
    clip_scores: NDArray[np.floating],
    clip_is_word: NDArray[np.integer],
) -> Detection:
    """What results.json says of a variant in continuous sound.

    Parameters
    ----------
    scores : mapping of float or None to np.ndarray [shape=(rows,)]
        By level of noise [dB]; None, without noise, comes first.
    plans : mapping of float or None to Plan
        The windows of each condition.
    given : DetectionSettings
    hop_seconds : float > 0
        From one window to the next.
    word_clips : list of int
        The place of each embedded word among the test clips.
    clip_scores, clip_is_word : np.ndarray [shape=(n,)]
        Of the test clips on their own.
    """
    curves = {
        snr_db: _curve(each, plans[snr_db], given, hop_seconds) for snr_db, each in scores.items()
    }
    clean = curves[None]
    chosen = _chosen(clean, given.target_fa_per_hour)
    threshold = chosen.threshold
    missed = clean.words < (np.inf if threshold is None else threshold)
    return Detection(
        auc=auc(clip_scores, clip_is_word),
        eer=eer(clip_scores, clip_is_word),
        threshold=threshold,
        chosen=chosen,
        conditions=[
            Condition(
                name=condition_name(snr_db),
                snr_db=snr_db,
                hours=found.hours,
                words=len(found.words),
                at_rates=[rules.at_rate(found, rate) for rate in given.rates],
                at_clean_threshold=rules.at_threshold(found, threshold),
                det=rules.det(found),
            )
            for snr_db, found in curves.items()
        ],
        missed_words=[place for place, gone in zip(word_clips, missed, strict=True) if gone],
    )


def _chosen(found: Curve, target: float) -> OperatingPoint:
    """The point that a device would be set to: at the target, or as near as the hours carry."""
    point = rules.at_rate(found, target)
    if point.threshold is not None or found.hours * target >= 1:
        return point
    rate = rules.lowest_rate(found.hours)
    lowest = rules.at_rate(found, rate)
    if lowest.threshold is None:
        return lowest
    reason = (
        f"{target:g} false accepts an hour need {1 / target:.3g} hours of sound without the word; "
        f"the threshold is for {rate:.3g} an hour, the lowest that {found.hours:.3g} hours carry, "
        "and hangs on one false accept"
    )
    return lowest.model_copy(update={"reason": reason})


def _curve(
    scores: NDArray[np.floating], some: Plan, given: DetectionSettings, hop_seconds: float
) -> Curve:
    recordings = [scores[row : row + count] for _, row, count in some.recordings]
    words = [scores[row : row + count] for row, count in some.words]
    return rules.curve(
        [rules.smooth(each, given.smoothing) for each in recordings],
        [rules.smooth(each, given.smoothing) for each in words],
        some.seconds / 3600,
        max(1, round(given.refractory_seconds / hop_seconds)),
    )
