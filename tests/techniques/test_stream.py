"""Techniques of detectors in a stream: what ships streams, and has the weights that it says."""

from __future__ import annotations

import dataclasses
import functools
from typing import Any

import numpy as np
import pytest
from tests.extras import require
from tests.models import toy_stream

from stapes.data.features import FeatureSet
from stapes.frontends.numerics.stream import LARGEST, real
from stapes.models.backend import start_over
from stapes.models.crops import Crops
from stapes.models.lowering import lower
from stapes.models.stream_cnn import stream_cnn
from stapes.models.stream_training import scorer, train_stream
from stapes.targets.streams import outputs
from stapes.techniques.recipes import Recipes
from stapes.techniques.registry import STAGES, TECHNIQUES, is_stream
from stapes.techniques.stream import THRESHOLD
from stapes.techniques.variant import Material, Stream, Variant
from stapes.tflite.read.constants import constants
from stapes.tflite.read.verify import verify

require(train="tf_keras")

ROWS = [name for name in TECHNIQUES if is_stream(name)]
SMALLER = ("stream_tiny", "stream_pruned")
"""Of a model of six channels, they have too little left to find the word."""
INT8 = [name for name in ROWS if name not in ("stream_float32", "stream_int16x8")]
RECIPES = Recipes.model_validate(
    {
        "pruning": {"epochs": 2, "initial_sparsity": 0.2, "final_sparsity": 0.5, "teacher": 0},
        "clustering": {"epochs": 1, "clusters": 8, "teacher": 0},
        "quantization_aware": {"epochs": 1, "teacher": 0},
        "stream_tiny": {"epochs": 2, "widths": [2, 4], "max_rise": 0},
    }
)
SIZES = {"width": 6, "blocks": 2, "kernel": 5}
SETTINGS = toy_stream.SETTINGS

pytestmark = pytest.mark.slow


def highest(scores: Any) -> tuple[float, np.ndarray]:
    """The highest score of sound without the word, and of each word."""
    sound = toy_stream.words(10, 11)
    best = [scores(sound.x[begin - 50 : end + 40]).max() for begin, end, _ in sound.marks]
    return scores(toy_stream.others(3000, 12)).max(), np.array(best)


def judge(scores: Any) -> dict[str, float]:
    worst, best = highest(scores)
    return {"val_frr": float(np.mean(best <= worst))}


def threshold(tflite: bytes) -> float:
    """The logit between the two in a file."""
    first, last = ends(tflite)
    [scale] = last.quantization.scales if first.type != "FLOAT32" else [1.0]

    def scores(x: np.ndarray) -> np.ndarray:
        return scale * outputs(tflite, x if first.type == "INT8" else real(x)).astype(np.float64)

    worst, best = highest(scores)
    return float(logit([worst, np.median(best)]).mean())


def logit(p: Any) -> Any:
    p = np.clip(p, 1 / 512, 1 - 1 / 512)
    return np.asarray(np.log(p / (1 - p)))


def centred(model: Any) -> Any:
    """The plain model with one half between the two: else many integers would be the highest."""
    plain = lower(model)
    worst, best = highest(scorer(plain))
    kernel, bias = plain.get_layer("logit").get_weights()
    plain.get_layer("logit").set_weights([kernel, bias - logit([worst, np.median(best)]).mean()])
    return plain


@pytest.fixture(scope="module")
def material() -> Material:
    def crops(field: int, stride: int) -> Crops:
        words = [toy_stream.words(20, 1), toy_stream.words(20, 2)]
        others = [toy_stream.others(6000, 3)]
        return Crops(words, others, field=field, stride=stride, settings=SETTINGS, seed=0)

    build = functools.partial(stream_cnn, **SIZES)
    trained, drawn = train_stream(build, crops, SETTINGS, seed=0)
    model = centred(trained.model)
    x, _ = drawn.batch(99, 0, mask=False)
    calibration = x[:, -(drawn.frames - (drawn.outputs - 1) * 3) :]
    calibration[0, 0, :2] = 0.0, LARGEST
    return Material(
        model=model,
        baseline=model,
        training=FeatureSet(np.zeros((0, 0, 0), np.float32), np.zeros(0, np.uint8), []),
        calibration=calibration,
        recipes=RECIPES,
        seed=0,
        stream=Stream(drawn, SETTINGS, judge, centred, threshold),
    )


@pytest.fixture(scope="module")
def stage(material: Material) -> Any:
    @functools.cache
    def made(name: str) -> Material:
        if name == "stream":
            return material
        start_over(0)
        model = STAGES[name].make(made(STAGES[name].needs))
        return dataclasses.replace(material, model=model)

    return made


def remade(stage: Any, name: str) -> Variant:
    start_over(0)
    return TECHNIQUES[name].make(stage(TECHNIQUES[name].needs))


@pytest.fixture(scope="module")
def variant(stage: Any) -> Any:
    return functools.cache(functools.partial(remade, stage))


def ends(tflite: bytes) -> tuple[Any, Any]:
    graph = verify(tflite).graphs[0]
    return graph.tensor(graph.inputs[0]), graph.tensor(graph.outputs[0])


@pytest.mark.parametrize("name", ROWS)
def test_a_row_streams_what_a_device_gives_it(variant: Any, name: str) -> None:
    content = variant(name).tflite
    first, last = ends(content)
    assert first.shape == [1, 3, 40]
    assert last.elements == 1
    kinds = {"stream_float32": ("FLOAT32", "FLOAT32"), "stream_int16x8": ("INT16", "INT16")}
    assert (first.type, last.type) == kinds.get(name, ("INT8", "UINT8"))
    assert any(op.builtin == "VAR_HANDLE" for op in verify(content).graphs[0].operators)


@pytest.mark.parametrize("name", INT8)
def test_its_integers_are_those_of_the_device(variant: Any, name: str) -> None:
    first, last = ends(variant(name).tflite)
    assert list(first.quantization.scales) == pytest.approx([LARGEST / 255])
    assert list(first.quantization.zero_points) == [-128]
    assert list(last.quantization.scales) == pytest.approx([1 / 256])
    assert list(last.quantization.zero_points) == [0]


@pytest.mark.parametrize("name", [name for name in ROWS if name not in SMALLER])
def test_it_finds_the_word(variant: Any, name: str) -> None:
    """Its highest outputs are at words, as the float model's are."""
    content = variant(name).tflite
    integer = ends(content)[0].type == "INT8"

    def scores(x: np.ndarray) -> np.ndarray:
        return outputs(content, x if integer else real(x)).astype(np.float64)

    assert judge(scores)["val_frr"] <= 0.2


@pytest.mark.parametrize("name", ["stream_qat", "stream_clustered", "stream_int16x8"])
def test_its_threshold_is_where_scores_have_steps_to_spare(variant: Any, name: str) -> None:
    """To a step of the score there, which is 0.04 of a logit, and one of the logits, 0.05."""
    assert threshold(variant(name).tflite) == pytest.approx(THRESHOLD, abs=0.2)


def test_integers_are_near_the_floats(material: Material) -> None:
    """Where no threshold is moved."""
    assert material.stream is not None
    stream = dataclasses.replace(material.stream, threshold=lambda tflite: None)
    material = dataclasses.replace(material, stream=stream)
    x = toy_stream.words(6, 21).x
    names = ("stream_float32", "stream", "stream_int16x8")
    plain, integer, precise = (TECHNIQUES[name].make(material).tflite for name in names)
    model = outputs(plain, real(x))
    errors = [outputs(precise, real(x)) / 32_768 - model, outputs(integer, x) / 256 - model]
    # Single outputs are far off where activations leave the range of the calibration.
    assert np.abs(errors[0]).mean() < np.abs(errors[1]).mean() < 0.1


def kernels(content: bytes) -> list[Any]:
    return [constant for constant in constants(content) if constant.role == "kernel"]


def test_pruned_rows_have_zeros(variant: Any) -> None:
    plain = [k for k in kernels(variant("stream").tflite) if k.op == "CONV_2D"]
    pruned = [k for k in kernels(variant("stream_pruned").tflite) if k.op == "CONV_2D"]
    for kernel in pruned:
        if kernel.values.size > 10:
            assert np.mean(kernel.values == 0) >= 0.5 - 1 / kernel.values.size
    assert sum((k.values == 0).sum() for k in plain) < sum((k.values == 0).sum() for k in pruned)


@pytest.mark.parametrize("name", ["stream_clustered", "stream_lut"])
def test_clustered_rows_have_few_values_in_a_channel(variant: Any, name: str) -> None:
    for kernel in kernels(variant(name).tflite):
        if kernel.op == "CONV_2D":
            values = kernel.values.reshape(len(kernel.values), -1)
            assert max(len(np.unique(channel)) for channel in values) <= 8


def test_the_tiny_row_is_narrower_and_says_why(variant: Any) -> None:
    row = variant("stream_tiny")
    assert row.settings["width"] in (2, 4, 6)
    [note] = row.notes
    assert f"width {row.settings['width']}" in note


def test_without_validation_sound_the_tiny_row_is_the_full_one(material: Material) -> None:
    assert material.stream is not None
    stream = dataclasses.replace(material.stream, judge=None)
    alone = dataclasses.replace(material, stream=stream)
    start_over(0)
    row = TECHNIQUES["stream_tiny"].make(alone)
    assert row.tflite == TECHNIQUES["stream"].make(material).tflite
    assert "no width was tried" in row.notes[0]


@pytest.mark.parametrize("name", ["stream_qat", "stream_tiny"])
def test_the_same_seed_gives_the_same_bytes(variant: Any, stage: Any, name: str) -> None:
    """Also after other techniques, of which none changes what the others work from."""
    for other in ("stream_qat", "stream_tiny", "stream_pruned", "stream_clustered"):
        variant(other)
    assert remade(stage, name).tflite == variant(name).tflite


def test_the_float_row_is_the_model(variant: Any, material: Material) -> None:
    x = toy_stream.noise(400, 5)
    field, stride = 5 + 3 * (4 + 6), 3
    expected = scorer(material.model)(x[-field % stride :])
    stream = outputs(variant("stream_float32").tflite, real(x))
    np.testing.assert_allclose(stream[-len(expected) :], expected, atol=1e-5)
