"""The loop frame by frame; `test_device_rule` compares it with what decides of whole recordings."""

from __future__ import annotations

import doctest

from stapes.measure import device
from stapes.measure.device import Device


def test_the_mean_is_of_the_newest_outputs_and_the_detection_of_their_sum():
    loop = Device(100, sliding_window=2, deaf_frames=3)
    assert loop.deaf
    heard = [(loop.take(output), loop.mean, loop.deaf) for output in (0, None, None, 90, 110)]
    # The sum must be above the cutoff: 200 of 2 x 100 is not.
    assert heard[-1] == (False, 100.0, False)
    assert loop.take(91)
    assert (loop.mean, loop.deaf) == (100.5, True)
    # The ring was zeroed.
    loop.take(50)
    assert loop.mean == 25.0


def test_a_detection_waits_for_the_end_of_deafness():
    loop = Device(100, sliding_window=3, deaf_frames=4)
    assert [loop.take(output) for output in (250, 250, 0, None, None, None)] == [False] * 5 + [True]


def test_examples_run():
    assert doctest.testmod(device).failed == 0
