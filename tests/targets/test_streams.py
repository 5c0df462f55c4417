"""A stream's outputs over a recording are those of its steps, from reset, in every runtime."""

from __future__ import annotations

import numpy as np
import pytest
from tests.tflite.models_by_hand import dense
from tests.tflite.windows import HAS_TFLM, Layer, features, window_model

from stapes.errors import ModelError
from stapes.targets.quantization import quantize
from stapes.targets.runners import RUNNERS
from stapes.targets.streams import Runtime, outputs
from stapes.tflite.edit.streaming import streaming

LAYERS = [Layer(6), Layer(None, 5, 3), Layer(None, 4), Layer(6)]

RUNTIMES: list[Runtime] = ["reference", "litert"]
if HAS_TFLM:
    RUNTIMES.append("tflm")


@pytest.fixture(scope="module")
def stream():
    return streaming(window_model(LAYERS))


@pytest.mark.parametrize(("runtime", "runner"), [("litert", "litert"), ("tflm", "tflm")])
def test_outputs_are_those_of_each_step(stream, runtime, runner):
    if runtime not in RUNTIMES:
        pytest.skip("needs the extra `micro`")
    frames = features("int8", 152, 4)
    invoke, _ = RUNNERS[runner](stream, None)
    expected = [invoke([frames[None, n : n + 3]])[0].item() for n in range(0, 150, 3)]
    # Two frames at the end make no step.
    actual = outputs(stream, frames, runtime)
    assert (actual.dtype.name, actual.shape) == ("int8", (50,))
    assert actual.tolist() == expected
    assert len(set(expected)) > 10


@pytest.mark.skipif(not HAS_TFLM, reason="needs the extra `micro`")
@pytest.mark.parametrize("seed", range(3))
def test_reference_kernels_give_the_bits_of_tflite_micro(seed):
    content = streaming(window_model(LAYERS, seed=seed))
    frames = features("int8", 3_000, 4, seed)
    np.testing.assert_array_equal(outputs(content, frames), outputs(content, frames, "tflm"))


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_each_call_begins_from_reset(stream, runtime):
    frames = features("int8", 60, 4)
    first, second = (outputs(stream, frames, runtime) for _ in range(2))
    np.testing.assert_array_equal(first, second)


def test_floats_are_quantized_for_an_integer_input(stream):
    frames = np.random.default_rng(0).uniform(-6, 6, (60, 4)).astype(np.float32)
    np.testing.assert_array_equal(
        outputs(stream, frames), outputs(stream, quantize(frames, 0.05, -7, np.int8))
    )


def test_a_float_stream_gives_floats():
    content = streaming(window_model(LAYERS, kind="float32"))
    frames = features("float32", 60, 4)
    scores = [outputs(content, frames, runtime) for runtime in RUNTIMES]
    assert {score.dtype for score in scores} == {np.dtype(np.float32)}
    for score in scores[1:]:
        np.testing.assert_allclose(score, scores[0], atol=1e-5)


@pytest.mark.parametrize("count", [0, 2])
def test_too_few_frames_give_no_output(stream, count):
    assert outputs(stream, features("int8", count, 4)).shape == (0,)


@pytest.mark.parametrize(
    ("frames", "reason"),
    [
        (features("int8", 9, 5), r"The features are \[9, 5\]: the model needs \[n, 4\]"),
        (features("int8", 9, 4)[0], r"The features are \[4\]: the model needs"),
        (features("uint8", 9, 4), "The features are uint8: the model needs int8"),
        (features("int16", 9, 4), "The features are int16: the model needs int8"),
    ],
)
def test_other_features_are_refused(stream, frames, reason):
    with pytest.raises(ModelError, match=reason):
        outputs(stream, frames)


def test_another_model_is_refused():
    with pytest.raises(ModelError, match="those of a streaming model are"):
        outputs(dense(), features("int8", 9, 4))
