"""pymicro-wakeword on an exported model: its outputs, its cutoff, and its features that wrap."""

from __future__ import annotations

import json

import numpy as np
import pytest
from tests.export.by_hand import device_model, run_folder

import stapes
from stapes.audio.read import decode
from stapes.errors import AudioError
from stapes.export.checks.pymicro import (
    STEPS,
    Differences,
    Streamed,
    differences,
    of_one_output,
    streamed,
)
from stapes.frontends.numerics.micro import frames, quantized
from stapes.frontends.numerics.stream import SCALE, ZERO_POINT, pcm16
from stapes.measure.detection import smooth
from stapes.measure.device_rule import DeviceRule, detections
from stapes.targets.streams import outputs

pytest.importorskip("pymicro_wakeword", reason="needs pymicro-wakeword")

RATE, HOP = 16_000, 160


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """The manifest of an exported model, and its copy of one output."""
    folder = tmp_path_factory.mktemp("pymicro")
    result = stapes.export(run_folder(folder / "run"), folder / "out", "esphome", cutoff=0.5)
    manifest = folder / "out" / "house.json"
    return manifest, of_one_output(manifest, folder / "single"), result


@pytest.fixture(scope="module")
def sound():
    """Noise that grows louder, with tones that rise and fall [shape=(samples,)]."""
    rng = np.random.default_rng(0)
    seconds = np.arange(20 * RATE) / RATE
    tone = np.sin(2 * np.pi * (600 + 500 * np.sin(seconds)) * seconds)
    noise = (0.002 + 0.001 * seconds) * rng.normal(size=len(seconds))
    return ((noise + 0.1 * tone) * (np.sin(2 * np.pi * seconds / 3) > 0)).astype(np.float32)


def stream(exported, y, first=0):
    manifest, single, _ = exported
    return streamed(manifest, single, pcm16(y).tobytes(), slice(first, None), 3)


def test_its_features_are_the_frontend_s(exported, sound):
    part = stream(exported, sound)
    np.testing.assert_array_equal(part.features, frames(sound, HOP))
    np.testing.assert_array_equal(stream(exported, sound, 30).features, part.features[30:])


def test_fed_the_same_integers_it_gives_the_outputs_of_a_device(exported, sound):
    part = stream(exported, sound)
    its_own = np.round(part.features / np.float32(SCALE) + ZERO_POINT).astype(np.int8)
    same = outputs(device_model(), its_own)
    apart = np.abs(part.outputs.astype(int) - same)
    # Its kernels are optimized ones: a few outputs are rounded otherwise.
    assert (apart == 0).mean() > 0.98
    assert apart.max() <= 5
    assert len(set(part.outputs)) > 10


def test_it_flags_a_step_where_the_mean_is_above_its_cutoff(exported, sound):
    part, (manifest, _, result) = stream(exported, sound), exported
    micro = json.loads(manifest.read_text())["micro"]
    means = smooth(part.outputs, micro["sliding_window_size"])
    expected = means > STEPS * micro["probability_cutoff"]
    assert part.flagged[: 5 - 1].tolist() == [False] * 4
    np.testing.assert_array_equal(part.flagged[4:], expected)
    assert 0 < expected.sum() < len(expected)
    # ESPHome divides by 255, so the same manifest is less strict there.
    assert result.cutoff == 127 < STEPS * micro["probability_cutoff"]


def test_a_feature_over_26_wraps_there_and_is_clamped_on_a_device(exported):
    import pymicro_wakeword

    _, single, _ = exported
    rng = np.random.default_rng(1)
    loud = rng.uniform(20, 30, (300, 40)).astype(np.float32)
    loud = (np.round(loud / 0.0390625) * 0.0390625).astype(np.float32)
    with np.errstate(invalid="ignore"):
        model = pymicro_wakeword.MicroWakeWord.from_config(single)
        scores = [model.process_streaming_prob(frame[None, None]) for frame in loud]
    there = np.rint(STEPS * np.array(scores[2::3])).astype(np.uint8)
    steps = np.round(loud / np.float32(SCALE) + ZERO_POINT)
    wrapped = outputs(device_model(), steps.astype(np.int64).astype(np.int8))
    device = outputs(device_model(), quantized(loud))
    assert np.abs(there.astype(int) - wrapped).max() <= 5
    assert np.abs(there.astype(int) - device).max() > 20
    part = Streamed(loud, there, np.zeros(100, bool))
    result = differences(device_model(), part, device, 255.0, 5)
    assert result.wrapped == int((steps > 127).sum()) > 1000
    assert result.largest == np.abs(there.astype(int) - device).max()


def test_differences_are_counted_and_added():
    model = device_model()
    features = np.zeros((9, 40), np.float32)
    features[0, :3] = [26.0, 26.1, 40.0]
    part = Streamed(features, np.array([9, 9, 7], np.uint8), np.array([False, True, True]))
    result = differences(model, part, np.array([9, 10, 9], np.uint8), 9.0, 2)
    assert result == Differences(
        features=360,
        rounded=0,
        wrapped=2,
        outputs=3,
        equal=1,
        largest=2,
        flagged=2,
        flagged_on_device=2,
        flagged_on_both=2,
    )
    both = result.plus(Differences(features=1, largest=1, flagged=4))
    assert (both.features, both.largest, both.flagged, both.equal) == (361, 2, 6, 1)


def test_a_published_model_detects_at_the_same_moments_exported(models, speech, tmp_path):
    pytest.importorskip("tflite_micro", reason="needs the extra `micro`")
    stapes.export(models / "alexa.tflite", tmp_path / "out", "esphome")
    manifest = tmp_path / "out" / "alexa.json"
    cutoffs = [
        json.loads(path.read_text())["micro"]["probability_cutoff"]
        for path in (manifest, models / "alexa.json")
    ]
    assert cutoffs[0] == cutoffs[1]
    clips = [np.zeros(RATE, np.float32)]
    for path in sorted((speech / "wakewords" / "alexa").glob("*.flac"))[:40]:
        try:
            clips.append(decode(path)[0])
        except AudioError:
            continue  # Some of them are broken.
    y = np.concatenate(clips)
    single = of_one_output(manifest, tmp_path / "single")
    part = streamed(manifest, single, pcm16(y).tobytes(), slice(None), 3)
    content = (models / "alexa.tflite").read_bytes()
    device = outputs(content, quantized(frames(y, HOP)))
    mean = STEPS * cutoffs[0]
    result = differences(content, part, device, mean, 5)
    assert result.wrapped == 0
    assert 0.005 < result.rounded / result.features < 0.15
    assert result.flagged_on_both > 0.95 * max(result.flagged, result.flagged_on_device)
    # With the outputs of either, a device detects at the same moments, to a step of 30 ms.
    [there], [here] = (
        list(detections([values], np.array([mean]), DeviceRule()))
        for values in (part.outputs, device)
    )
    assert len(here.output) == len(there.output) > 20
    assert np.abs(here.output - there.output).max() <= 1
