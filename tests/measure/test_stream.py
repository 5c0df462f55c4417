"""A streaming model's outputs become the detection of results.json."""

from __future__ import annotations

import ctypes
import json
from collections import deque

import numpy as np
import pytest
from tests.measure.device_by_hand import bursts, sound

from stapes.contracts.measurements import Detection
from stapes.measure.bootstrap import interval
from stapes.measure.device_rule import DeviceRule
from stapes.measure.operating_points import at_rate
from stapes.measure.settings import DetectionSettings
from stapes.measure.stream import detection_in_stream, device_cutoff, difference_at, resampled
from stapes.measure.stream_curve import sweep

RULE = DeviceRule()
# A minute in which a device can detect: one false accept is 60 an hour.
SETTINGS = DetectionSettings(rates=(60.0, 120.0, 1.0), target_fa_per_hour=60.0)


def minute(*heights):
    """Two recordings with a burst of each height, at least ten seconds apart."""
    peaks = [(100 + 400 * place, height) for place, height in enumerate(heights)]
    half = len(peaks) // 2
    second = [(place - 400 * half, height) for place, height in peaks[half:]]
    return [bursts(1032, *peaks[:half]), bursts(1032, *second)]


def detect(clean, noisy=None, settings=SETTINGS, float32=None):
    conditions = {None: clean, 10.0: noisy}
    return detection_in_stream(
        {snr_db: outputs for snr_db, outputs in conditions.items() if outputs is not None},
        settings,
        step_seconds=0.03,
        stride=3,
        seed=0,
        float32=float32,
        clip_scores=np.array([0.9, 0.4, 0.6, 0.1]),
        clip_is_word=np.array([1, 1, 0, 0]),
    )


CLEAN = sound(minute(240, 200, 120, 90), [250, 220, 150, 130], ["music", "speech"])


def test_the_cutoff_keeps_the_target_and_fits_each_device():
    detection = detect(CLEAN)
    chosen = detection.chosen
    assert (chosen.cutoff, chosen.false_accepts, chosen.misses, chosen.frr) == (200, 1, 2, 0.5)
    assert detection.threshold == chosen.threshold == pytest.approx(200.5 / 255)
    assert (detection.sliding_window, detection.auc) == (5, 0.75)
    assert detection.device == device_cutoff(200)
    assert detection.device.steps_to_spare == 55
    assert chosen.delay_seconds_p50 == pytest.approx(-0.15)
    assert chosen.delay_seconds_p95 == pytest.approx(-0.15)
    assert [(row.source, row.false_accepts) for row in detection.by_source] == [
        ("music", 1),
        ("speech", 0),
    ]
    low, high = chosen.frr_ci95
    # No narrower than Wilson's interval of 2 of 4.
    assert low <= 0.15
    assert high >= 0.85


def test_rates_have_their_own_cutoffs_and_unresolved_ones_a_reason():
    [clean] = detect(CLEAN).conditions
    one, two, unresolved = clean.at_rates
    assert (one.cutoff, two.cutoff) == (200, 120)
    assert (two.false_accepts, two.misses) == (2, 0)
    assert not unresolved.resolvable
    assert unresolved.needs_hours == 1.0


def test_noise_is_measured_at_the_clean_cutoff_and_at_its_own():
    noisy = sound(minute(150, 100, 80, 60), [210, 160, 90, 90])
    clean, noise = detect(CLEAN, noisy).conditions
    assert (noise.name, noise.snr_db) == ("10 dB", 10.0)
    assert clean.at_clean_threshold.misses == 2
    at_clean = noise.at_clean_threshold
    assert (at_clean.cutoff, at_clean.false_accepts, at_clean.misses) == (200, 0, 3)
    assert (noise.at_rates[0].cutoff, noise.at_rates[0].misses) == (100, 2)


def test_outputs_at_the_ceiling_have_no_cutoff():
    full = sound(minute(255, 255, 255, 255), [255, 255])
    detection = detect(full)
    assert detection.threshold is None
    assert "no threshold is strict enough" in str(detection.chosen.reason)
    assert detection.device is detection.by_source is detection.against_float32 is None
    assert detection.sliding_window == 5


def test_a_variant_is_compared_with_another_in_the_same_sound():
    worse = sound(CLEAN.recordings, [150, 140, 130, 120], CLEAN.sources)
    difference = detect(worse, float32=CLEAN).against_float32
    assert difference.difference == 0.5
    low, high = difference.ci95
    assert low <= 0.5 <= high
    here, there = (sweep(outputs, RULE, 0.7) for outputs in (worse, CLEAN))
    assert difference_at(here, there, 60.0, seed=0) == difference
    same = detect(CLEAN, float32=CLEAN).against_float32
    assert (same.difference, same.ci95, same.p) == (0.0, (0.0, 0.0), 1.0)
    assert difference_at(here, there, 1.0, seed=0) is None


def test_results_from_before_streaming_models_are_read():
    stored = json.loads(detect(CLEAN).model_dump_json())
    assert Detection.model_validate(stored) == detect(CLEAN)
    for key in ("sliding_window", "by_source", "device"):
        del stored[key]
    for key in ("cutoff", "delay_seconds_p50", "delay_seconds_p95"):
        del stored["chosen"][key]
    assert Detection.model_validate(stored).chosen.frr == 0.5


def test_intervals_include_the_true_rate_about_as_often_as_they_say():
    """Of 40 samples of known chances; 95 % would be 38."""
    rng = np.random.default_rng(4)
    blocks, words = 90, 60
    covered = 0
    for _ in range(40):
        # Half of the blocks have a burst of 0 to 255, words have 100 to 255.
        peaks = [
            (333 * block + 100, int(rng.integers(256)))
            for block in range(blocks)
            if rng.random() < 0.5
        ]
        outputs = sound([bursts(333 * blocks, *peaks)], rng.integers(100, 256, words).tolist())
        curve = sweep(outputs, RULE, 0.7)
        target = 6.5 / curve.hours
        point = at_rate(curve, target)
        assert point.frr_ci95 is not None
        low, high = interval(resampled(curve, [target], seed=0)[0], point.frr_ci95)
        # The cutoff with 6 false accepts of 45 bursts has 6/45 of the heights above it.
        true = (256 * (1 - 6 / 45) - 100) / 156
        covered += low <= true <= high
    assert covered >= 34


@pytest.mark.parametrize("cutoff", [0, 1, 100, 200, 247, 254])
def test_pymicro_wakeword_compares_with_the_same_cutoff(cutoff):
    """Its own averaging and comparison, of outputs as the model's file has them."""
    pymicro = pytest.importorskip(
        "pymicro_wakeword", reason="pymicro-wakeword, the outside oracle, is not installed"
    )
    rng = np.random.default_rng(cutoff)
    outputs = np.clip(cutoff + rng.integers(-3, 4, 300), 0, 255).astype(np.uint8)

    class Library:
        """Gives the outputs in place of an interpreter."""

        def __init__(self):
            self.left = iter(outputs)

        def TfLiteTensorByteSize(self, _):
            return 1

        def TfLiteTensorCopyToBuffer(self, _, pointer, size):
            ctypes.memmove(pointer, bytes([next(self.left)]), size)

        def __getattr__(self, _):
            return lambda *arguments: 0

    word = pymicro.MicroWakeWord.__new__(pymicro.MicroWakeWord)
    vars(word).update(
        lib=Library(),
        model=1,
        interpreter=1,
        stride=1,
        _features=[],
        debug_probabilities=False,
        input_scale=1.0,
        input_zero_point=0,
        input_dtype=np.int8,
        input_tensor=0,
        output_tensor=0,
        output_scale=1 / 256,
        output_zero_point=0,
        output_dtype=np.uint8,
        sliding_window_size=5,
        probability_cutoff=device_cutoff(cutoff).pymicro_cutoff,
        _probabilities=deque(maxlen=5),
    )
    sums = np.convolve(outputs.astype(int), np.ones(5, int))[:300]
    expected = [bool(total > 5 * cutoff and place >= 4) for place, total in enumerate(sums)]
    assert [word.process_streaming(np.zeros((1, 1, 40))) for _ in outputs] == expected
