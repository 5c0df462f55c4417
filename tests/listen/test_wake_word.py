"""A wake word in a stream decides as the device does, in chunks of any length."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.listen.models import RATE, bursts, loud, manifest
from tests.tflite.models_by_hand import dense
from tests.tflite.windows import Layer, window_model

import stapes
from stapes.data.stream.frames import LATE_SECONDS
from stapes.errors import MissingExtraError, ModelError, StapesError, UsageError
from stapes.frontends.registry import STREAMS
from stapes.listen.micro import MicroEngine
from stapes.listen.wake_word import WakeWord
from stapes.measure.device_rule import DeviceRule, detections
from stapes.targets.streams import device_outputs
from stapes.tflite.edit.streaming import streaming

pytest.importorskip("pymicro_features", reason="needs the extra `listen`")

SOUND = bursts(10.0, 0.3, 2.0, 2.7, 5.0, 8.0)


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> Path:
    return manifest(tmp_path_factory.mktemp("model"))


def moments(path: Path, y=SOUND, **options) -> list[float]:
    return [round(found.seconds, 2) for found in WakeWord(path, **options).process(y)]


def test_a_device_detects_sudden_sound_unless_it_is_deaf(model):
    # The sounds at 0.3 s, after the start, and at 2.7 s, after a detection, come too early.
    assert moments(model) == [2.06, 5.06, 8.06]


def test_the_manifest_says_who_listens(model):
    word = WakeWord(model)
    assert (word.name, word.wake_word, word.languages) == ("loud", "Loud", ("en",))
    assert word.threshold == int(0.6 * 255) / 255
    assert word.step_seconds == 0.03
    [first, *_] = word.process(SOUND)
    assert first.name == "loud"
    assert word.threshold < first.score <= 1
    assert "threshold=0.6" in repr(word)


@given(st.lists(st.integers(0, 700), max_size=30), st.booleans())
@settings(deadline=None, max_examples=30)
def test_chunks_of_any_length_give_the_same_steps(tmp_path_factory, lengths, as_floats):
    path = manifest(tmp_path_factory.getbasetemp() / "chunks")
    y = SOUND[: 3 * RATE]
    expected = WakeWord(path).steps(y)
    word, steps = WakeWord(path), []
    ends = [0, *np.cumsum(lengths).tolist(), len(y)]
    for begin, end in pairwise(ends):
        chunk = y[begin:end]
        steps += word.steps(chunk / 32_768 if as_floats else chunk)
    assert steps == expected
    assert len(expected) == 99


def test_decisions_are_those_that_a_run_measures(model):
    rng = np.random.default_rng(3)
    y = bursts(60.0, *np.sort(rng.uniform(0, 59, 40)))
    assert_as_measured(y, model, cutoff=int(0.6 * 255), sliding_window=3)


def test_another_frontend_gives_the_model_its_own_features():
    # Faint noise has 7 of 26 here, and loud noise 19.
    content = loud(level=12.0)
    engine = MicroEngine(content, 0.6, 3, "logmel")
    y = (SOUND / 32_768).astype(np.float32)
    outputs = device_outputs(content, STREAMS["logmel"].stream(y))
    means = np.convolve(outputs / 255, np.ones(3) / 3)[: len(outputs)]
    steps = [step for chunk in np.array_split(SOUND, 37) for step in engine.process(chunk)]
    assert [step.seconds for step in steps[:2]] == pytest.approx([0.05, 0.08])
    # A detection empties the ring.
    first = next(place for place, step in enumerate(steps) if step.detected)
    scores = [step.score for step in steps[:first]]
    assert scores == pytest.approx(means[:first], abs=1e-9)
    assert 20 < first < 300
    micro = [step.score for step in MicroEngine(content, 0.6, 3).process(SOUND)]
    assert micro[:first] != scores


def test_a_published_model_decides_as_a_run_measures(models, speech):
    path = models / "alexa.json"
    parts = [np.zeros(RATE, np.int16)]
    for clip in sorted((speech / "wakewords" / "alexa").rglob("*.*"))[:12]:
        sound, rate = soundfile.read(clip, dtype="int16")
        assert rate == RATE
        parts += [sound, np.zeros(RATE, np.int16)]
    assert_as_measured(np.concatenate(parts), path, cutoff=int(0.9 * 255), sliding_window=5)


def assert_as_measured(y, path: Path, *, cutoff: int, sliding_window: int) -> None:
    outputs = device_outputs(
        path.with_suffix(".tflite").read_bytes(), STREAMS["micro"].stream(y / 32_768)
    )
    rule = DeviceRule(sliding_window=sliding_window)
    [expected] = detections([outputs], np.array([cutoff]), rule)
    heard = WakeWord(path).process(y)
    assert len(heard) >= 4
    assert [found.seconds for found in heard] == pytest.approx(expected.seconds + LATE_SECONDS)


def test_published_models_score_as_pymicro_wakeword(models, speech):
    """Its features wrap where the device clamps; in this sound, none does."""
    pymicro = pytest.importorskip("pymicro_wakeword")
    y, _ = soundfile.read(sorted((speech / "wakewords" / "alexa").rglob("*.*"))[0], dtype="int16")
    y = np.concatenate([np.zeros(2 * RATE, np.int16), y, np.zeros(RATE, np.int16)])
    other = pymicro.MicroWakeWord.from_config(models / "alexa.json")
    features = pymicro.MicroWakeWordFeatures()
    means = [
        other.process_streaming_prob(frame) for frame in features.process_streaming(y.tobytes())
    ][2::3]
    steps = WakeWord(models / "alexa.json", cutoff=1.0).steps(y)
    # Before its window is full, pymicro-wakeword's mean is 0.
    scores = np.array([step.score for step in steps])[5:] * 255 / 256
    assert scores.max() > 0.9
    np.testing.assert_allclose(scores, means[5 : 5 + len(scores)], atol=0.03)


def test_a_reset_begins_again(model):
    word = WakeWord(model)
    first = word.steps(SOUND)
    word.reset()
    assert word.score == 0.0
    assert word.steps(SOUND) == first


def test_predict_gives_the_highest_score_of_a_chunk(model):
    word = WakeWord(model)
    assert word.predict(SOUND[:100]) == {"loud": 0.0}
    scores = [word.predict(chunk)["loud"] for chunk in np.split(SOUND, 125)]
    assert max(scores) == 1.0
    # No step ends in one sample.
    assert word.predict(SOUND[:1]) == {"loud": word.score}


def test_a_tflite_has_its_manifest_beside_it_or_a_cutoff(model, tmp_path):
    assert moments(model.with_suffix(".tflite")) == [2.06, 5.06, 8.06]
    assert WakeWord(model, cutoff=0.3).threshold == int(0.3 * 255) / 255
    alone = tmp_path / "hey_loud.tflite"
    alone.write_bytes(loud())
    word = WakeWord(alone, cutoff=0.6)
    assert (word.name, word.wake_word, word.languages) == ("hey_loud", "hey loud", ())
    with pytest.raises(UsageError, match=r"hey_loud\.tflite: no manifest .* give cutoff"):
        WakeWord(alone)


def test_float_models_compare_floats(tmp_path):
    path = tmp_path / "float.tflite"
    path.write_bytes(loud("float32"))
    word = WakeWord(path, cutoff=0.6)
    assert word.threshold == 0.6
    assert [round(found.seconds, 2) for found in word.process(SOUND)] == [2.09, 5.09, 8.09]


def test_scores_that_are_no_numbers_are_an_error(tmp_path):
    path = tmp_path / "nan.tflite"
    path.write_bytes(loud("float32", level=float("nan")))
    with pytest.raises(ModelError, match=r"nan\.tflite: it gives scores that are not numbers"):
        WakeWord(path, cutoff=0.6).process(SOUND)


def test_outputs_of_other_integers_are_dequantized(tmp_path):
    path = tmp_path / "int8.tflite"
    path.write_bytes(streaming(window_model([Layer(6), Layer(None, 5, 3)], bins=40)))
    scores = [step.score for step in WakeWord(path, cutoff=0.5).steps(SOUND)]
    assert 0 <= min(scores) < max(scores) <= 1


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("none.json", None, r"none\.json cannot be read"),
        ("none.tflite", None, r"none\.tflite cannot be read"),
        ("none", None, "cannot be read"),
        ("text.tflite", b"no model, but a text", r"text\.tflite is no \.tflite"),
        ("cut.tflite", loud()[:600], r"cut\.tflite"),
        ("list.json", b"[]", r"list\.json is no manifest"),
        ("dense.tflite", dense(), r"its input is int8 \[1, 4\] and its output int8 \[1, 3\]"),
    ],
)
def test_another_file_is_refused_in_one_sentence(tmp_path, name, content, message):
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(StapesError, match=message):
        WakeWord(tmp_path / name, cutoff=0.5)


@pytest.mark.parametrize(
    "name", ["loop_in_float_model", "needs_2gb", "custom_op_of_20000_letters", "slim_input_1gb"]
)
def test_hostile_models_are_refused(models, name):
    with pytest.raises(ModelError, match=name):
        WakeWord(models / "cases" / "hostile" / "tflite" / f"{name}.tflite", cutoff=0.5)


def test_features_of_another_step_cannot_be_computed(tmp_path):
    path = manifest(tmp_path, feature_step_size=20)
    with pytest.raises(ModelError, match="features every 20 ms"):
        WakeWord(path)


@pytest.mark.parametrize(
    ("samples", "message"),
    [
        (np.zeros((2, 160), np.int16), "give mono sound"),
        (np.zeros(160, np.int32), "not int32"),
        (np.full(160, np.nan), "not finite"),
    ],
)
def test_samples_must_be_sound(model, samples, message):
    with pytest.raises(UsageError, match=message):
        WakeWord(model).process(samples)


@pytest.mark.parametrize("cutoff", [-0.1, 1.1, float("nan")])
def test_a_cutoff_is_a_probability(model, cutoff):
    with pytest.raises(UsageError, match="cutoff: give a number from 0 to 1"):
        WakeWord(model, cutoff=cutoff)


def test_without_the_extra_it_is_named(model, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "pymicro_features", None)
    with pytest.raises(MissingExtraError, match=r"install stapes\[listen\]"):
        WakeWord(model)


def test_it_is_public():
    assert stapes.WakeWord is WakeWord
    assert stapes.Detection.__module__ == "stapes.listen.wake_word"
