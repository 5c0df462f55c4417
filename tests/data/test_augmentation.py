"""Augmentation does what its numbers say, and nothing that spoils a clip."""

from __future__ import annotations

import doctest

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from stapes.data import augmentation as augment
from stapes.data.augmentation import Ranges

RATE = 16_000
COLOURS = ("white", "pink", "brown")

clips = hnp.arrays(
    np.float32,
    st.integers(0, 3000),
    elements=st.floats(-1, 1, width=32, allow_subnormal=False),
)
seeds = st.integers(0, 2**32 - 1)


def tone(seconds=1.0, amplitude=0.5):
    time = np.arange(int(seconds * RATE)) / RATE
    return (amplitude * np.sin(2 * np.pi * 440 * time)).astype(np.float32)


def level_db(y):
    return 10 * np.log10(np.mean(np.square(y, dtype=np.float64)))


@given(clips, st.floats(-60, 40))
def test_gain_is_exact(y, db):
    changed = augment.gain(y, db)
    assert changed.dtype == np.float32
    np.testing.assert_allclose(
        changed, y.astype(np.float64) * 10 ** (db / 20), rtol=1e-6, atol=1e-37
    )


@given(clips, st.integers(-4000, 4000))
def test_shift_moves_and_fills_with_zeros(y, samples):
    changed = augment.shift(y, samples)
    assert changed.dtype == np.float32
    assert changed.shape == y.shape
    for at in range(0, len(y), 97):
        source = at - samples
        assert changed[at] == (y[source] if 0 <= source < len(y) else 0.0)


@given(clips, st.floats(0.5, 2))
@settings(max_examples=50)
def test_another_speed_keeps_the_number_of_samples(y, factor):
    changed = augment.change_speed(y, factor, RATE)
    assert changed.dtype == np.float32
    assert changed.shape == y.shape
    assert np.isfinite(changed).all()


@pytest.mark.parametrize("factor", [0.8, 0.9, 1.1, 1.25])
def test_a_faster_tone_is_higher_by_the_factor(factor):
    changed = augment.change_speed(tone(), factor, RATE)
    middle = changed[RATE // 4 : 3 * RATE // 4] * np.hanning(RATE // 2)
    loudest = np.abs(np.fft.rfft(middle)).argmax() * 2
    assert loudest == pytest.approx(440 * factor, abs=2)


def test_the_clip_stays_in_the_middle_at_any_speed():
    y = np.zeros(RATE, np.float32)
    y[RATE // 2 - 800 : RATE // 2 + 800] = tone(0.1)
    for factor in (0.7, 1.4):
        changed = np.abs(augment.change_speed(y, factor, RATE))
        centre = np.average(np.arange(RATE), weights=changed)
        assert centre == pytest.approx(RATE / 2, abs=40)


@pytest.mark.parametrize("colour", COLOURS)
@given(snr=st.floats(-20, 60), seed=seeds)
@settings(max_examples=30)
def test_noise_has_its_signal_to_noise_ratio(colour, snr, seed):
    y = tone()
    changed = augment.add_noise(y, snr, colour, RATE, np.random.default_rng(seed))
    noise = changed.astype(np.float64) - y
    assert level_db(y) - level_db(noise) == pytest.approx(snr, abs=0.1)


@pytest.mark.parametrize("colour", COLOURS)
@given(samples=st.integers(1, 50), seed=seeds)
@settings(max_examples=20)
def test_noise_has_its_ratio_on_the_shortest_clips_too(colour, samples, seed):
    y = np.full(samples, 0.5, np.float32)
    changed = augment.add_noise(y, 10.0, colour, RATE, np.random.default_rng(seed))
    assert level_db(y) - level_db(changed.astype(np.float64) - y) == pytest.approx(10.0, abs=0.1)


@pytest.mark.parametrize(
    ("colour", "per_octave"), [("white", 0.0), ("pink", -3.01), ("brown", -6.02)]
)
def test_noise_falls_with_frequency_by_its_colour(colour, per_octave):
    noise = augment.coloured_noise(20 * RATE, colour, RATE, np.random.default_rng(3))
    power = np.abs(np.fft.rfft(noise)) ** 2
    hertz = np.fft.rfftfreq(len(noise), 1 / RATE)
    edges = 100 * 2.0 ** np.arange(7)
    octaves = [
        10 * np.log10(power[(hertz >= low) & (hertz < 2 * low)].mean()) for low in edges[:-1]
    ]
    np.testing.assert_allclose(np.diff(octaves), per_octave, atol=0.5)
    assert power[hertz < 49].max() < 1e-12 * power.max()


@given(rt60=st.floats(0.2, 1.0), direct=st.floats(-5, 15), seed=seeds)
@settings(max_examples=40)
def test_a_room_decays_by_60_db_in_rt60(rt60, direct, seed):
    room = augment.impulse_response(rt60, direct, RATE, np.random.default_rng(seed))
    tail = room[1:]
    # Schroeder's backward integration, fitted from -5 to -25 dB as ISO 3382 does.
    decay = 10 * np.log10(np.cumsum(tail[::-1] ** 2)[::-1] / np.sum(tail**2))
    seconds = np.arange(len(tail)) / RATE
    fitted = (decay <= -5) & (decay >= -25)
    slope = np.polyfit(seconds[fitted], decay[fitted], 1)[0]
    assert -60 / slope == pytest.approx(rt60, rel=0.15)
    assert 10 * np.log10(room[0] ** 2 / np.sum(tail**2)) == pytest.approx(direct, abs=1e-6)
    assert np.sum(room**2) == pytest.approx(1.0)


def test_reverberation_of_an_impulse_is_the_room():
    y = np.zeros(RATE, np.float32)
    y[1000] = 1.0
    changed = augment.reverberate(y, 0.3, 5.0, RATE, np.random.default_rng(7))
    room = augment.impulse_response(0.3, 5.0, RATE, np.random.default_rng(7))
    np.testing.assert_allclose(changed[:1000], 0.0, atol=1e-7)
    np.testing.assert_allclose(changed[1000 : 1000 + len(room)], room, atol=1e-6)


@given(clips, seeds)
def test_augmented_clips_keep_length_type_and_bounds(y, seed):
    changed = augment.augment(y, RATE, np.random.default_rng(seed))
    assert changed.dtype == np.float32
    assert changed.shape == y.shape
    assert np.isfinite(changed).all()
    assert np.abs(changed).max(initial=0.0) <= 1.0


def test_a_clip_that_is_too_loud_is_scaled_and_not_clipped():
    only_gain = Ranges(
        shift_seconds=(0.0, 0.0),
        reverberation_probability=0.0,
        noise_probability=0.0,
        gain_db=(30.0, 30.0),
    )
    y = tone()
    changed = augment.augment(y, RATE, np.random.default_rng(0), only_gain)
    np.testing.assert_allclose(changed, y / y.max(), atol=1e-6)


@given(seeds)
@settings(max_examples=20)
def test_the_same_generator_state_gives_the_same_samples(seed):
    first, second = (augment.augment(tone(), RATE, np.random.default_rng(seed)) for _ in range(2))
    np.testing.assert_array_equal(first, second)


def test_other_seeds_give_other_samples():
    changed = [augment.augment(tone(), RATE, np.random.default_rng(seed)) for seed in range(5)]
    assert len({clip.tobytes() for clip in changed}) == 5


def test_the_input_is_unchanged():
    y = tone()
    before = y.copy()
    augment.augment(y, RATE, np.random.default_rng(1))
    np.testing.assert_array_equal(y, before)


@pytest.mark.parametrize("y", [np.zeros(0, np.float32), np.zeros(500, np.float32)])
def test_silence_and_empty_input_are_unchanged(y):
    rng = np.random.default_rng(0)
    for changed in (
        augment.gain(y, 6.0),
        augment.shift(y, 10),
        augment.add_noise(y, 10.0, "pink", RATE, rng),
        augment.reverberate(y, 0.3, 5.0, RATE, rng),
        augment.augment(y, RATE, rng),
    ):
        np.testing.assert_array_equal(changed, y)


def test_the_examples_in_the_docstrings_hold():
    result = doctest.testmod(augment)
    assert result.attempted >= 4
    assert result.failed == 0
