"""A variant's scores become the conditions of results.json, by the rules of detection."""

from __future__ import annotations

import numpy as np
import pytest
from pydantic import ValidationError

from stapes.data.sound.sliding import Plan
from stapes.measure.continuous import condition_name, detection_in_sound
from stapes.measure.settings import DetectionSettings

# Two recordings of 30 and 10 windows, then three words of 5 windows, in half an hour of sound.
PLAN = Plan(
    recordings=[(0, 0, 30), (900, 30, 10)],
    words=[(40, 5), (45, 5), (50, 5)],
    before=0,
    after=0,
    hop=4,
    seconds=1800.0,
)
SETTINGS = DetectionSettings(smoothing=1, snr_db=(5.0,), rates=(1.0, 4.0), target_fa_per_hour=4.0)


def scores(words=(0.9, 0.7, 0.2), peaks=(0.8, 0.6, 0.5)):
    values = np.zeros(55)
    values[[5, 20, 35]] = peaks
    values[[42, 47, 52]] = words
    return values


def detect(clean, noisy=None, settings=SETTINGS, float32=None):
    noisy = clean if noisy is None else noisy
    return detection_in_sound(
        {None: clean, 5.0: noisy},
        {None: PLAN, 5.0: PLAN},
        settings,
        hop_seconds=0.1,
        seed=0,
        float32=float32,
        clip_scores=np.array([0.9, 0.4, 0.6, 0.1]),
        clip_is_word=np.array([1, 1, 0, 0]),
    )


def test_the_threshold_keeps_the_target_and_its_misses_are_counted():
    detection = detect(scores())
    # Two accepts in half an hour are four an hour: the third peak must stay below.
    assert (detection.chosen.false_accepts, detection.chosen.fa_per_hour) == (2, 4.0)
    assert detection.threshold == pytest.approx(0.55)
    assert detection.chosen.frr == pytest.approx(1 / 3)
    # Three words: no narrower than Wilson's interval.
    low, high = detection.chosen.frr_ci95
    assert low <= 0.0615
    assert high >= 0.7923
    assert (detection.auc, detection.eer) == (0.75, 0.5)


def test_noise_is_measured_at_the_clean_threshold_and_at_its_own():
    detection = detect(scores(), scores(words=(0.5, 0.3, 0.1), peaks=(0.4, 0.2, 0.1)))
    clean, noisy = detection.conditions
    assert (clean.name, noisy.name) == ("clean", "5 dB")
    assert clean.at_clean_threshold.misses == detection.chosen.misses == 1
    assert (noisy.at_clean_threshold.false_accepts, noisy.at_clean_threshold.misses) == (0, 3)
    four = noisy.at_rates[1]
    assert (four.threshold, four.misses) == (pytest.approx(0.15), 1)


def test_a_variant_is_compared_with_float32_at_the_same_rate():
    worse = detect(scores(words=(0.3, 0.2, 0.1)), float32=scores()).against_float32
    assert worse.difference == pytest.approx(2 / 3)
    low, high = worse.ci95
    assert low <= 2 / 3 <= high
    same = detect(scores(), float32=scores()).against_float32
    assert (same.difference, same.ci95, same.p) == (0.0, (0.0, 0.0), 1.0)


def test_where_the_hours_do_not_resolve_the_target_the_lowest_rate_is_chosen():
    detection = detect(scores(), settings=SETTINGS.model_copy(update={"target_fa_per_hour": 0.5}))
    assert detection.conditions[0].at_rates[0].resolvable is False
    assert detection.chosen.target_fa_per_hour == 2.0
    assert detection.chosen.false_accepts == 1
    assert detection.chosen.reason == (
        "0.5 false accepts an hour need 2 hours of sound without the word; the threshold is for 2 "
        "an hour, the lowest that 0.5 hours can resolve, and depends on one false accept"
    )


def test_scores_at_the_ceiling_have_no_threshold():
    detection = detect(scores(words=(1.0, 1.0, 1.0), peaks=(1.0, 1.0, 1.0)))
    assert detection.threshold is None
    assert "no threshold is strict enough" in str(detection.chosen.reason)
    assert detection.against_float32 is None
    assert detection.conditions[0].at_clean_threshold.frr is None


@pytest.mark.parametrize("rates", [(), (0.0,), (-1.0, 2.0)])
def test_rates_must_be_rates(rates):
    with pytest.raises(ValidationError, match=r"rates\b") as caught:
        DetectionSettings(rates=rates)
    types = {error["type"] for error in caught.value.errors()}
    assert types & {"too_short", "greater_than", "greater_than_equal"}
    assert all(error["loc"][0] == "rates" for error in caught.value.errors())


def test_conditions_have_names():
    assert [condition_name(snr_db) for snr_db in (None, 10.0, 2.5)] == ["clean", "10 dB", "2.5 dB"]
