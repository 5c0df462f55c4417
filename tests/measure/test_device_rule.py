"""Detections at all cutoffs are those of ESPHome's loop, frame by frame."""

from __future__ import annotations

import doctest
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.measure.device_by_hand import bursts, device

from stapes.measure import device_rule
from stapes.measure.device_rule import DeviceRule, detections

values = st.lists(st.sampled_from([0, 0, 0, 1, 2, 3, 90, 100, 101, 254, 255]), max_size=150)
some_outputs = values.map(lambda outputs: np.array(outputs, np.uint8))


@st.composite
def rules(draw):
    stride = draw(st.integers(1, 4))
    deaf_frames = draw(st.integers(stride, 60))
    longest = DeviceRule(0.01 * stride, stride, 1, deaf_frames).deaf_outputs
    return DeviceRule(0.01 * stride, stride, draw(st.integers(1, min(8, longest))), deaf_frames)


def places(rows, recording: int, rule: DeviceRule):
    """The output and the frame after it of each detection in a recording."""
    output = rows.output[rows.recording == recording]
    late = rows.seconds[rows.recording == recording] - (output + 1) * rule.step_seconds
    return list(zip(output.tolist(), np.round(late / rule.frame_seconds).tolist(), strict=True))


@given(st.lists(some_outputs, max_size=4), rules())
@settings(deadline=None)
def test_detections_are_those_of_the_devices_loop(recordings, rule):
    cutoffs = np.array([0, 1, 2, 3, 50, 89, 90, 99, 100, 101, 200, 253, 254])
    for cutoff, rows in zip(cutoffs, detections(recordings, cutoffs, rule), strict=True):
        for place, outputs in enumerate(recordings):
            expected = device(outputs.tolist(), int(cutoff), rule)
            assert places(rows, place, rule) == expected


@given(some_outputs, rules(), st.lists(st.integers(0, 256), min_size=1, unique=True))
@settings(deadline=None)
def test_scores_of_a_float_model_follow_the_same_rule(outputs, rule, cutoffs):
    scores = (outputs / 256).astype(np.float32)
    ascending = np.sort(cutoffs) / 256
    for cutoff, rows in zip(ascending, detections([scores], ascending, rule), strict=True):
        assert places(rows, 0, rule) == device(scores.tolist(), float(cutoff), rule)


@given(some_outputs, rules(), st.integers(0, 254))
def test_between_two_detections_there_are_the_deaf_frames(outputs, rule, cutoff):
    [rows] = detections([outputs], np.array([cutoff]), rule)
    frames = np.round(rows.seconds / rule.frame_seconds)
    # The first frame after a detection is the first that counts.
    assert all(late - early >= rule.deaf_frames for early, late in pairwise(frames))


def found(outputs, cutoff: int):
    """The output and the frame after it of each detection by ESPHome's rule."""
    [rows] = detections([np.asarray(outputs, np.uint8)], np.array([cutoff]), DeviceRule())
    return places(rows, 0, DeviceRule())


def test_the_mean_must_be_above_the_cutoff():
    quiet = [0] * 40
    assert found([*quiet, 200, 200, 200, 200, 200, *quiet], 200) == []
    assert found([*quiet, 200, 200, 200, 200, 201, *quiet], 200) == [(44, 0)]


def test_a_device_is_deaf_for_the_first_second():
    # 100 frames: the 33rd output is the newest of frames 99 to 101.
    assert DeviceRule().deaf_outputs == 33
    assert found([0] * 26 + [255] * 5, 100) == []
    assert found([0] * 33 + [255] * 5, 100) == [(34, 0)]


def test_deafness_may_end_between_two_outputs():
    # The 33rd output below the cutoff comes while the ring is loud; its second frame is the 100th.
    assert found([0] * 32 + [255] * 4 + [0] * 5, 100) == [(36, 1)]


def test_outputs_above_the_cutoff_keep_a_device_deaf():
    assert found([255] * 500, 100) == []
    # At rest the outputs are 3: a cutoff of 2 is never below them, one of 5 detects the burst.
    outputs = bursts(200, (100, 250), rest=3)
    assert [len(found(outputs, cutoff)) for cutoff in (0, 2, 3, 5, 249, 250)] == [0, 0, 0, 1, 1, 0]


def test_each_recording_begins_with_a_start():
    burst = bursts(60, (40, 250))
    none = np.zeros(0, np.uint8)
    [rows] = detections([none, burst, none, burst, none], np.array([100]), DeviceRule())
    assert rows.recording.tolist() == [1, 3]
    assert rows.output.tolist() == [42, 42]
    assert rows.seconds.tolist() == pytest.approx([43 * 0.03] * 2)
    assert [len(rows.output) for rows in detections([], np.array([1, 2]), DeviceRule())] == [0, 0]


def test_a_long_burst_is_one_detection():
    # The outputs stay above the cutoff, so the device does not listen again.
    assert len(found([0] * 40 + [250] * 300 + [0] * 60, 100)) == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"sliding_window": 34}, "a sliding window of 34 outputs does not fit in the 33"),
        ({"sliding_window": 0}, "a sliding window of 0"),
        ({"stride": 0}, "0 frames"),
        ({"step_seconds": 0.0}, r"each 0\.0 s"),
    ],
)
def test_a_rule_has_limits(arguments, message):
    with pytest.raises(ValueError, match=message):
        DeviceRule(**arguments)


def test_cutoffs_ascend_and_outputs_are_numbers():
    with pytest.raises(ValueError, match="not ascending"):
        list(detections([], np.array([2, 1]), DeviceRule()))
    with pytest.raises(ValueError, match="no number"):
        list(detections([np.array([np.nan])], np.array([0.5]), DeviceRule()))


def test_examples_run():
    assert doctest.testmod(device_rule).failed == 0
