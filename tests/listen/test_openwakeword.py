"""openWakeWord's models: the contract of its three models, and its decision."""

from __future__ import annotations

import shutil
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import soundfile
from ai_edge_litert import schema_py_generated as schema
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.listen.models import RATE, openwakeword
from tests.tflite.models_by_hand import OP, TYPE, model, op, tensor

from stapes.errors import ModelError, UsageError
from stapes.listen.wake_word import WakeWord

SOUND = np.random.default_rng(5).integers(-3_000, 3_000, 4 * RATE).astype(np.int16)


@pytest.fixture(scope="module")
def head(tmp_path_factory):
    return openwakeword(tmp_path_factory.mktemp("openwakeword"))


def by_hand(weights, y):
    """The score of each chunk of 80 ms, from the whole sound with silence before it."""
    silence = 200_000 // 1_280 * 1_280
    sound = np.concatenate([np.zeros(silence + 480), y]).astype(np.float64)
    chunks = range((len(sound) - 480) // 1_280)
    windows = np.stack([sound[1_280 * n : 1_280 * n + 1_760] for n in chunks])
    bands = (windows.reshape(-1, 220) @ weights["melspectrogram"].T) / 10 + 2
    first = silence // 1_280
    embeddings = np.stack(
        [
            bands[8 * (n + 1) - 76 : 8 * (n + 1)].ravel() @ weights["embedding_model"].T
            for n in range(first - 4, len(windows))
        ]
    )
    logits = np.stack([embeddings[n + 1 : n + 5].ravel() for n in range(len(y) // 1_280)])
    return 1 / (1 + np.exp(-(logits @ weights["head"][0])))


def test_scores_are_those_of_the_contract(head):
    path, weights = head
    steps = WakeWord(path, cutoff=1.0).steps(SOUND)
    expected = by_hand(weights, SOUND)
    assert len(steps) == len(expected) == 50
    # As in openWakeWord, the first five are 0.
    assert [step.score for step in steps[:5]] == [0.0] * 5
    np.testing.assert_allclose([step.score for step in steps[5:]], expected[5:], rtol=1e-3)
    assert np.ptp(expected) > 0.2
    assert [step.seconds for step in steps[:2]] == pytest.approx([0.08, 0.16])


def test_a_detection_is_above_the_threshold_and_alone_for_two_seconds(head):
    path, weights = head
    scores = by_hand(weights, SOUND)
    threshold = float(np.quantile(scores[5:], 0.5))
    word = WakeWord(path, cutoff=threshold)
    above = 0.08 * (np.flatnonzero(scores > threshold) + 1)
    expected = [above[above > 0.4001][0]]
    expected += [above[above >= expected[0] + 2][0]]
    assert [found.seconds for found in word.process(SOUND)] == pytest.approx(expected)


@given(st.lists(st.integers(0, 3_000), max_size=20))
@settings(deadline=None, max_examples=10)
def test_chunks_of_any_length_give_the_same_steps(tmp_path_factory, lengths):
    path, _ = openwakeword(tmp_path_factory.getbasetemp() / "chunks")
    word = WakeWord(path)
    expected = word.steps(SOUND[:RATE])
    word.reset()
    ends = [0, *np.cumsum(lengths).tolist(), RATE]
    steps = [
        step for begin, end in pairwise(ends) for step in word.steps(SOUND[begin : min(end, RATE)])
    ]
    assert steps == expected


def test_the_default_threshold_is_openwakewords(head):
    word = WakeWord(head[0])
    assert (word.threshold, word.step_seconds, word.name) == (0.5, 0.08, "head")


def test_the_models_before_the_head_may_be_elsewhere(head, tmp_path):
    path = shutil.copy(head[0], tmp_path)
    with pytest.raises(UsageError, match=r"features: .*melspectrogram\.tflite is missing"):
        WakeWord(path)
    assert WakeWord(path, features=head[0].parent).name == "head"


def test_a_broken_model_before_the_head_is_named(head, tmp_path):
    path = shutil.copy(head[0], tmp_path)
    shutil.copy(head[0].with_name("melspectrogram.tflite"), tmp_path)
    (tmp_path / "embedding_model.tflite").write_bytes(b"0123TFL3 and no more")
    with pytest.raises(ModelError, match=r"embedding_model\.tflite"):
        WakeWord(path)
    # It has the shapes, and an output that is no embedding.
    shapes = [(1, 76, 32, 1), (1, 76 * 32)]
    ops = [op(OP.RESHAPE, (0, 1), (2,), schema.ReshapeOptionsT())]
    shape = tensor((2,), "", np.array(shapes[1], np.int32))
    for kind, message in ((TYPE.FLOAT32, "its output is"), (TYPE.INT8, "no float32")):
        tensors = [tensor(shapes[0], kind=kind), shape, tensor(shapes[1], kind=kind)]
        (tmp_path / "embedding_model.tflite").write_bytes(model(tensors, ops, (0,), (2,)))
        with pytest.raises(ModelError, match=rf"embedding_model\.tflite is no model .*{message}"):
            WakeWord(path)
    # The head of another place has other shapes.
    shutil.copy(head[0], tmp_path / "embedding_model.tflite")
    with pytest.raises(ModelError, match=r"embedding_model\.tflite"):
        WakeWord(path)


def test_published_models_score_as_pyopen_wakeword(speech):
    """With the alignment of openWakeWord: there the newest embedding is of the newest frames.

    In pyopen-wakeword, chunks of 80 ms end 480 samples later, and embeddings lag by 4 frames.
    """
    other = pytest.importorskip("pyopen_wakeword", reason="needs the package pyopen-wakeword")
    folder = Path(other.__file__).parent / "models"
    clip = sorted((speech / "wakewords" / "alexa").rglob("*.*"))[0]
    y, _ = soundfile.read(clip, dtype="int16")
    y = np.concatenate([np.zeros(2 * RATE, np.int16), y, np.zeros(RATE, np.int16)])
    features = other.OpenWakeWordFeatures.from_builtin()
    word = other.OpenWakeWord.from_model(folder / "alexa.tflite")
    late = np.concatenate([np.zeros(480, np.int16), y])
    for embedding in features.process_streaming(late[:480].tobytes()):
        list(word.process_streaming(embedding))
    features.new_mels -= 4
    expected: list[float] = []
    for begin in range(480, len(late) - 1_279, 1_280):
        chunk = late[begin : begin + 1_280].tobytes()
        for embedding in features.process_streaming(chunk):
            expected += word.process_streaming(embedding)
    scores = [step.score for step in WakeWord(folder / "alexa.tflite").steps(y)]
    assert max(scores) > 0.5
    np.testing.assert_allclose(scores[5:], expected[5 : len(scores)], atol=1e-3)
