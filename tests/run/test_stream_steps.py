"""Validation sound is judged as the device decides; calibration and costs have known answers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.extras import require
from tests.models import toy_stream

from stapes.data.stream.frames import read_frames
from stapes.frontends.numerics.stream import real
from stapes.measure.operating_points import at_rate
from stapes.measure.settings import DetectionSettings
from stapes.models.crops import Crops
from stapes.models.lowering import lower
from stapes.models.stream_cnn import field_of, stream_cnn
from stapes.models.stream_training import scorer
from stapes.run import stream_steps
from stapes.run.settings import RunSettings
from stapes.run.stream_validation import Validation
from stapes.targets.streams import outputs
from stapes.techniques.post_training import convert
from stapes.tflite.edit.streaming import streaming

require(train="tf_keras")

RULE: dict[str, Any] = {"sliding_window": 1, "tolerance_seconds": 0.5, "target_fa_per_hour": 1.0}


def sound(folder: Path, *, words: int = 8, frames: int = 20_000) -> Path:
    """Validation sound in which bin 0 of a clip's last whole frame is 127, and nowhere else."""
    split = folder / "validation"
    split.mkdir(parents=True)
    if words:
        part = toy_stream.words(words, 1)
        x = np.minimum(part.x, 126)
        # The frame whose 30 ms end with the clip.
        x[part.marks[:, 1] - 3, 0] = 127
        np.save(split / "words-00.npy", x)
        np.save(split / "words-00.marks.npy", part.marks)
    np.save(split / "background-00.npy", np.minimum(toy_stream.noise(frames, 2), 126))
    return folder


def settings(**detection: Any) -> RunSettings:
    return RunSettings(detection=DetectionSettings(**{**RULE, **detection}))


def finds(field: int, stride: int) -> Any:
    """Scores of a model that is sure when its field ends just after the marked frame."""

    def scores(x: np.ndarray) -> np.ndarray:
        last = x[field - 1 :: stride, 0]
        for earlier in range(1, stride):
            last = np.maximum(last, x[field - 1 - earlier :: stride, 0][: len(last)])
        return np.asarray(0.1 + 0.8 * (last == 127), np.float32)

    return scores


@pytest.mark.parametrize(("field", "stride"), [(5, 1), (113, 1), (113, 3), (300, 3), (50, 4)])
def test_the_delay_is_from_the_clips_end(tmp_path: Path, field: int, stride: int) -> None:
    """A frame that ends with the clip detects it at once: in less than a step."""
    validation = Validation(sound(tmp_path), settings(), field, stride)
    curve = validation.curve(finds(field, stride))
    # The first clip may end before the first whole receptive field.
    words = slice(int(field > 250), None)
    place = np.flatnonzero(~curve.missed[words].any(axis=0))[-1]
    assert 0.1 < curve.thresholds[place] < 0.9
    delays = curve.delays[words, place]
    assert delays.min() >= -1e-9
    assert delays.max() < stride * 0.01
    if stride == 1:
        assert delays == pytest.approx(0)


@pytest.mark.parametrize("minutes", [1, 3, 70])
def test_a_perfect_model_misses_nothing_at_any_length_of_sound(
    tmp_path: Path, minutes: float
) -> None:
    folder = sound(tmp_path, frames=round(6000 * minutes))
    validation = Validation(folder, settings(), 113, 3)
    assert validation.possible
    curve = validation.curve(finds(113, 3))
    assert validation.rate == pytest.approx(max(1.0, 1 / curve.hours))
    assert validation.metrics(finds(113, 3)) == {"val_frr": 0.0}


def test_a_model_that_finds_nothing_misses_all(tmp_path: Path) -> None:
    validation = Validation(sound(tmp_path), settings(), 113, 3)

    def scores(x: np.ndarray) -> np.ndarray:
        return np.full((len(x) - 113) // 3 + 1, 0.1, np.float32)

    assert validation.metrics(scores) == {"val_frr": 1.0}


@pytest.mark.parametrize(("words", "frames"), [(0, 20_000), (8, 90)])
def test_without_words_or_sound_there_is_no_judge(tmp_path: Path, words: int, frames: int) -> None:
    validation = Validation(sound(tmp_path, words=words, frames=frames), settings(), 113, 3)
    assert not validation.possible
    assert validation.judge is None
    model = stream_cnn(width=2, blocks=1, kernel=5)
    weights = lower(model).get_weights()
    for one, other in zip(validation.finish(model).get_weights(), weights, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("stride", [1, 2, 3])
def test_scores_are_those_of_the_streaming_file(tmp_path: Path, stride: int) -> None:
    """Output for output, from the first whole receptive field on; there are zeros before it."""
    model = lower(stream_cnn(width=4, blocks=2, kernel=5, stride=stride))
    field, _ = field_of(model)
    folder = sound(tmp_path, frames=20_000)
    validation = Validation(folder, settings(), field, stride)
    [scores] = validation.curve(scorer(model)).outputs.recordings
    x = read_frames(folder / "validation" / "background-00.npy")[:900]
    stream = outputs(streaming(convert(model)), real(x))
    first = -(-field // stride) - 1
    assert not scores[:first].any()
    np.testing.assert_allclose(scores[first : 900 // stride], stream[first:], atol=1e-5)


def test_the_threshold_moves_to_one_half(tmp_path: Path) -> None:
    """The logits move; of one output, the mean is the output, so that its threshold moves too."""
    folder = sound(tmp_path, frames=60_000)
    validation = Validation(folder, settings(target_fa_per_hour=20.0), 26, 3)
    model = stream_cnn(width=4, blocks=1, kernel=8)
    assert field_of(model) == (26, 3)
    kernel, bias = model.get_layer("logit").get_weights()
    model.get_layer("logit").set_weights([0.01 * kernel, bias - 2])
    before = at_rate(validation.curve(scorer(lower(model))), validation.rate).threshold
    after = at_rate(validation.curve(scorer(validation.finish(model))), validation.rate).threshold
    assert before is not None
    assert before < 0.4
    assert after == pytest.approx(0.5, abs=0.02)


def test_the_cost_of_a_step_is_that_of_its_kernels() -> None:
    """40 * 26 * 3 frames, 5 * 26, (11 + 13 + 15) * 26, 3 * 26 * 26, 26."""
    assert stream_steps.macs_of_step(lower(stream_cnn())) == 6_318


def test_calibration_has_the_range_of_the_device(tmp_path: Path) -> None:
    def drawn() -> np.ndarray:
        crops = Crops(
            [toy_stream.words(6, 1)],
            [toy_stream.others(3000, 2)],
            field=60,
            stride=3,
            settings=toy_stream.SETTINGS,
            seed=0,
        )
        return stream_steps._calibration(crops, 60, RunSettings(calibration_clips=50))

    calibration = drawn()
    assert calibration.shape == (50, 60, 40)
    assert (calibration.min(), calibration.max()) == (0.0, 26.0)
    np.testing.assert_array_equal(calibration, drawn())
