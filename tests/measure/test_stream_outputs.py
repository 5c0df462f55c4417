"""Which cutoffs are tried on outputs, and what outputs must be."""

from __future__ import annotations

import numpy as np
import pytest
from tests.measure.device_by_hand import bursts, sound

from stapes.measure.stream_outputs import StreamOutputs, comparable


def test_all_integers_above_most_outputs_are_tried():
    assert sound([np.zeros(100, np.uint8)], []).cutoffs(5).tolist() == list(range(1, 255))
    loud = np.array([7] * 95 + [200] * 5, np.uint8)
    assert sound([loud], []).cutoffs(5).tolist() == list(range(8, 255))
    # Above 255 there is none: the strictest remains.
    assert sound([np.full(100, 255, np.uint8)], []).cutoffs(5).tolist() == [254]


def test_each_threshold_stands_for_its_cutoff():
    outputs = sound([np.zeros(100, np.uint8)], [])
    for cutoff in range(255):
        # As ESPHome's code generation does.
        assert int((cutoff + 0.5) / 255 * 255) == cutoff
        assert outputs.cutoff((cutoff + 0.5) / 255) == cutoff


def test_cutoffs_of_a_float_model_are_between_its_highest_means():
    recordings = [bursts(600, (60, 64), (120, 128)) / 256]
    words = [bursts(140, (80, height)) / 256 for height in (96, 192)]
    outputs = StreamOutputs(recordings, ["speech"], words, np.tile([2.4, 2.7], (2, 1)))
    cutoffs = outputs.cutoffs(5)
    assert (np.diff(cutoffs) > 0).all()
    # One between each two of 0, 1/4, 3/8, 1/2 and 3/4, and one above. Only 0 is no choice.
    assert cutoffs.tolist() == [0.125, 0.3125, 0.4375, 0.625, 0.875]
    assert outputs.cutoff(0.4375) == 0.4375


def test_one_type_of_outputs_and_one_source_for_each():
    integers, floats = np.zeros(50, np.uint8), np.zeros(50, np.float32)
    with pytest.raises(ValueError, match="neither all uint8 nor all float"):
        StreamOutputs([integers, floats], ["a", "b"], [], np.zeros((0, 2)))
    with pytest.raises(ValueError, match="neither all uint8 nor all float"):
        StreamOutputs([np.zeros(50, np.int8)], ["a"], [], np.zeros((0, 2)))
    with pytest.raises(ValueError, match="one source for each recording"):
        StreamOutputs([integers], [], [], np.zeros((0, 2)))
    with pytest.raises(ValueError, match="one clip for each word"):
        StreamOutputs([integers], ["a"], [integers], np.zeros((0, 2)))


def test_outputs_of_16_bits_are_counted_as_floats():
    whole = np.array([-32_768, -1, 0, 16_384, 32_767], np.int16)
    np.testing.assert_allclose(comparable(whole), [0, 0, 0, 0.5, 1], atol=1e-4)
    assert comparable(whole).dtype.kind == "f"
    for outputs in (np.array([1, 255], np.uint8), np.array([0.1], np.float32)):
        assert comparable(outputs) is outputs
