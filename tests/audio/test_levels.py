"""Levels do not depend on the length of pauses."""

from __future__ import annotations

import doctest

import numpy as np
import pytest

from stapes.audio import levels
from stapes.audio.levels import SPEECH_DB, active_power, block_powers, gain_to, power


def speech(pause, amplitude=0.1):
    """A second of a sine, and a pause of `pause` samples."""
    sine = amplitude * np.sin(2 * np.pi * 400 * np.arange(8_000) / 8_000)
    return np.concatenate([sine, np.zeros(pause)]).astype(np.float32)


@pytest.mark.parametrize("pause", [0, 4_000, 80_000])
def test_pauses_do_not_count(pause):
    measured = active_power(block_powers(speech(pause), 8_000))
    assert measured == pytest.approx(0.1**2 / 2, rel=1e-3)


def test_the_gain_reaches_the_target_level():
    y = speech(9_000)
    gain = gain_to(active_power(block_powers(y, 8_000)), power(SPEECH_DB))
    reached = active_power(block_powers(np.float32(gain) * y, 8_000))
    assert 10 * np.log10(reached) == pytest.approx(SPEECH_DB, abs=1e-3)


def test_sound_shorter_than_a_block_is_one_block():
    assert block_powers(np.full(7, 0.5, np.float32), 8_000).tolist() == [0.25]


def test_silence_has_no_level_and_a_gain_of_1():
    assert active_power(block_powers(np.zeros(8_000, np.float32), 8_000)) == 0.0
    assert gain_to(0.0, 1.0) == 1.0


def test_examples_run():
    assert doctest.testmod(levels).failed == 0
