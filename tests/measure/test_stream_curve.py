"""A sweep counts false accepts, misses and delays as the device's loop does."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.measure.device_by_hand import bursts, device, sound

from stapes.measure.device_rule import DeviceRule
from stapes.measure.operating_points import at_rate, det
from stapes.measure.stream_curve import sweep
from stapes.measure.stream_outputs import StreamOutputs

RULE = DeviceRule()
TOLERANCE = 0.7

pieces = st.lists(st.sampled_from([0, 0, 0, 2, 120, 250, 255]), min_size=40, max_size=120).map(
    lambda outputs: np.array(outputs, np.uint8)
)


@given(st.lists(pieces, min_size=1, max_size=3), st.lists(pieces, max_size=4))
@settings(deadline=None)
def test_every_point_is_what_the_device_does(recordings, words):
    clips = np.tile([1.5, 2.1], (len(words), 1))
    outputs = StreamOutputs(recordings, ["speech"] * len(recordings), words, clips)
    curve = sweep(outputs, RULE, TOLERANCE, np.array([0, 1, 100, 119, 200, 251, 254]))
    for place, cutoff in enumerate(curve.cutoffs):
        accepts = sum(len(device(part.tolist(), int(cutoff), RULE)) for part in recordings)
        assert curve.false_accepts[place] == accepts
        for word, part in enumerate(words):
            frames = [
                3 * (output + 1) + late for output, late in device(part.tolist(), int(cutoff), RULE)
            ]
            hits = [frame for frame in frames if 150 <= frame <= 280]
            if hits:
                assert curve.delays[word, place] == pytest.approx(0.01 * (hits[0] - 210))
            else:
                assert curve.missed[word, place]
    assert curve.misses.tolist() == curve.missed.sum(axis=0).tolist()


def test_known_figures():
    """Four false accepts, two of music; words of three heights and one that is too late."""
    recordings = [bursts(1032, (300, 240), (600, 200)), bursts(1032, (300, 120), (600, 90))]
    outputs = sound(recordings, [250, 220, 150], ["music", "speech"])
    curve = sweep(outputs, RULE, TOLERANCE)
    # The first 32 outputs of each recording cannot detect.
    assert curve.hours == pytest.approx(2 * 1000 * 0.03 / 3600)
    point = curve.point(200.5 / 255)
    assert (point.cutoff, point.false_accepts, point.misses) == (200, 1, 1)
    assert point.fa_per_hour == pytest.approx(60.0)
    # Mean above 200: with 250, the 5th output of ten; with 220 too. It comes at 85 * 30 ms.
    assert point.delay_seconds_p50 == pytest.approx(2.55 - 2.7)
    music, speech = curve.by_source(100.5 / 255)
    assert (music.source, music.false_accepts, music.hours) == ("music", 2, curve.hours / 2)
    assert (speech.source, speech.false_accepts) == ("speech", 1)
    assert music.fa_per_hour == pytest.approx(240.0)
    assert music.fa_per_hour_ci95[0] < 240 < music.fa_per_hour_ci95[1]
    # Two in a minute: the lowest cutoff with the third at or below it.
    chosen = at_rate(curve, 120.0)
    assert (chosen.cutoff, chosen.false_accepts, chosen.frr) == (120, 2, 0.0)
    assert chosen.threshold == pytest.approx(120.5 / 255)


def test_a_word_is_hit_from_its_beginning_to_the_tolerance_after_its_end():
    # A burst of 255 detects at 200 with its fourth output, 30 ms each.
    def missed(place: int, tolerance: float = TOLERANCE) -> bool:
        outputs = sound([np.zeros(100, np.uint8)], [255], place=place)
        return bool(sweep(outputs, RULE, tolerance, np.array([200])).missed[0, 0])

    # The clip is from 2.4 s, which is output 79, to 2.7 s, and the tolerance ends with output 112.
    assert missed(75)
    assert not missed(76)
    assert not missed(109)
    assert missed(110)
    assert missed(109, tolerance=0.6)


def test_a_detection_before_the_clip_makes_the_device_deaf_for_it():
    alone = bursts(140, (80, 250))
    after_another = bursts(140, (60, 250), (80, 250))
    clips = np.tile([2.4, 2.7], (2, 1))
    outputs = StreamOutputs([np.zeros(100, np.uint8)], ["a"], [alone, after_another], clips)
    assert sweep(outputs, RULE, TOLERANCE, np.array([200])).missed.tolist() == [[False], [True]]


def test_cutoffs_at_which_the_device_is_deaf_are_no_choice():
    """At rest the outputs are 3: without a false accept, the choice must not be a deaf device."""
    outputs = sound([bursts(1032, rest=3)], [250])
    outputs.words[0][outputs.words[0] == 0] = 3
    deaf = sweep(outputs, RULE, TOLERANCE, np.array([2]))
    assert (deaf.false_accepts[0], deaf.misses[0]) == (0, 1)
    chosen = at_rate(sweep(outputs, RULE, TOLERANCE), 120.0)
    assert (chosen.cutoff, chosen.misses) == (4, 0)


def test_a_threshold_that_the_sweep_lacks_is_measured():
    outputs = sound([bursts(1032, (300, 240))], [250])
    some = sweep(outputs, RULE, TOLERANCE, np.array([100]))
    whole = sweep(outputs, RULE, TOLERANCE)
    for threshold in (100.5 / 255, 239.5 / 255, 240.5 / 255):
        assert some.point(threshold) == whole.point(threshold)
        assert some.by_source(threshold) == whole.by_source(threshold)


def test_a_float_model_has_thresholds_and_no_cutoff():
    integers = sound([bursts(1032, (300, 240), (600, 120))], [250, 200])
    floats = StreamOutputs(
        [part / 256 for part in integers.recordings],
        integers.sources,
        [part / 256 for part in integers.words],
        integers.clips,
    )
    curve = sweep(floats, RULE, TOLERANCE)
    chosen = at_rate(curve, 120.0)
    assert (chosen.cutoff, chosen.false_accepts, chosen.misses) == (None, 1, 0)
    assert chosen.threshold == pytest.approx((120 + 200) / 2 / 256)
    assert det(curve).frr[0] == 1.0


def test_sound_must_be_longer_than_the_deafness():
    with pytest.raises(ValueError, match="no recording is long enough"):
        sweep(sound([np.zeros(32, np.uint8)], []), RULE, TOLERANCE)
    least = sweep(sound([np.zeros(33, np.uint8)], []), RULE, TOLERANCE)
    assert least.hours * 3600 == pytest.approx(0.03)
