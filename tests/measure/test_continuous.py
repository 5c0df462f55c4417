"""A variant's scores become the conditions of results.json, by the rules of detection."""

from __future__ import annotations

import numpy as np
import pytest
from pydantic import ValidationError

from stapes.data.sound.sliding import Plan
from stapes.measure.continuous import condition_name, heard
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
GIVEN = DetectionSettings(smoothing=1, snr_db=(5.0,), rates=(1.0, 4.0), target_fa_per_hour=4.0)


def scores(words=(0.9, 0.7, 0.2), peaks=(0.8, 0.6, 0.5)):
    found = np.zeros(55)
    found[[5, 20, 35]] = peaks
    found[[42, 47, 52]] = words
    return found


def detected(clean, noisy=None, given=GIVEN, float32=None):
    noisy = clean if noisy is None else noisy
    return heard(
        {None: clean, 5.0: noisy},
        {None: PLAN, 5.0: PLAN},
        given,
        hop_seconds=0.1,
        seed=0,
        float32=float32,
        clip_scores=np.array([0.9, 0.4, 0.6, 0.1]),
        clip_is_word=np.array([1, 1, 0, 0]),
    )


def test_the_threshold_keeps_the_target_and_tells_which_words_it_misses():
    found = detected(scores())
    # Two accepts in half an hour are four an hour: the third peak must stay below.
    assert (found.chosen.false_accepts, found.chosen.fa_per_hour) == (2, 4.0)
    assert found.threshold == pytest.approx(0.55)
    assert found.chosen.frr == pytest.approx(1 / 3)
    # Three words alone say little: no narrower than Wilson's.
    low, high = found.chosen.frr_ci95
    assert low <= 0.0615
    assert high >= 0.7923
    assert (found.auc, found.eer) == (0.75, 0.5)


def test_noise_is_judged_at_the_threshold_without_it_and_at_its_own():
    found = detected(scores(), scores(words=(0.5, 0.3, 0.1), peaks=(0.4, 0.2, 0.1)))
    clean, noisy = found.conditions
    assert (clean.name, noisy.name) == ("clean", "5 dB")
    assert clean.at_clean_threshold.misses == found.chosen.misses == 1
    assert (noisy.at_clean_threshold.false_accepts, noisy.at_clean_threshold.misses) == (0, 3)
    four = noisy.at_rates[1]
    assert (four.threshold, four.misses) == (pytest.approx(0.15), 1)


def test_a_variant_is_held_against_float32_at_the_same_rate():
    worse = detected(scores(words=(0.3, 0.2, 0.1)), float32=scores()).against_float32
    assert worse.difference == pytest.approx(2 / 3)
    low, high = worse.ci95
    assert low <= 2 / 3 <= high
    same = detected(scores(), float32=scores()).against_float32
    assert (same.difference, same.ci95, same.p) == (0.0, (0.0, 0.0), 1.0)


def test_what_the_hours_do_not_carry_is_said_and_the_lowest_rate_taken():
    found = detected(scores(), given=GIVEN.model_copy(update={"target_fa_per_hour": 0.5}))
    assert found.conditions[0].at_rates[0].resolvable is False
    assert found.chosen.target_fa_per_hour == 2.0
    assert found.chosen.false_accepts == 1
    assert found.chosen.reason == (
        "0.5 false accepts an hour need 2 hours of sound without the word; the threshold is for 2 "
        "an hour, the lowest that 0.5 hours carry, and hangs on one false accept"
    )


def test_scores_at_the_ceiling_have_no_threshold():
    found = detected(scores(words=(1.0, 1.0, 1.0), peaks=(1.0, 1.0, 1.0)))
    assert found.threshold is None
    assert "no threshold is strict enough" in str(found.chosen.reason)
    assert found.against_float32 is None
    assert found.conditions[0].at_clean_threshold.frr is None


@pytest.mark.parametrize("rates", [(), (0.0,), (-1.0, 2.0)])
def test_rates_must_be_rates(rates):
    with pytest.raises(ValidationError, match="false accepts an hour must be above 0"):
        DetectionSettings(rates=rates)


def test_conditions_have_names():
    assert [condition_name(each) for each in (None, 10.0, 2.5)] == ["clean", "10 dB", "2.5 dB"]
