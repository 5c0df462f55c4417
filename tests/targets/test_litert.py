"""LiteRT gives a model's known outputs, and refuses what is no classifier."""

from __future__ import annotations

import importlib.util
import itertools

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter
from tests.tflite.models_by_hand import dense as dense_by_hand

from stapes.errors import ModelError
from stapes.targets.litert import LiteRT

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("tf_keras") is None, reason="needs the extra `train`"
)

KERNEL = np.array([[1, 0], [0, 1], [2, -1]], np.float32)
BIAS = np.array([0.5, -0.5], np.float32)
X = np.array([[1, 2, 3], [0, 0, 0], [-4, 8, 0.5]], np.float32)
DENSE = X @ KERNEL + BIAS


@pytest.fixture(scope="module")
def tf():
    from stapes.models.backend import tensorflow

    return tensorflow()


@pytest.fixture(scope="module")
def dense(tf):
    from stapes.models.backend import keras

    layers = keras().layers
    model = keras().Sequential([layers.Input((3,)), layers.Dense(2, name="dense")])
    model.layers[-1].set_weights([KERNEL, BIAS])
    return model


@pytest.fixture(scope="module")
def float_model(dense):
    from stapes.techniques.post_training import convert

    return convert(dense)


@pytest.fixture(scope="module")
def uint8_model(dense, tf):
    from stapes.techniques.post_training import convert_int8

    # All corners, so that calibration covers every output.
    calibration = np.array(list(itertools.product((-10, 30), repeat=3)), np.float32)
    return convert_int8(dense, calibration, tf.uint8)


@pytest.fixture(scope="module")
def clips():
    return np.random.default_rng(1).uniform(-20, 40, (40, 3)).astype(np.float32)


@pytest.fixture(scope="module")
def of_function(tf):
    """Convert a function of tensors with these shapes to a .tflite."""

    def convert(function, *shapes, dtype=None):
        specs = [tf.TensorSpec(shape, dtype or tf.float32) for shape in shapes]
        concrete = tf.function(function).get_concrete_function(*specs)
        return tf.lite.TFLiteConverter.from_concrete_functions([concrete], tf.Module()).convert()

    return convert


def by_hand(model, raw):
    """The dequantized outputs of inputs that are in the model's own type."""
    interpreter = Interpreter(model_content=model)
    interpreter.allocate_tensors()
    [inputs], [outputs] = interpreter.get_input_details(), interpreter.get_output_details()
    scale, zero_point = outputs["quantization"]
    rows = []
    for clip in raw:
        interpreter.set_tensor(inputs["index"], clip[None])
        interpreter.invoke()
        rows.append(scale * (interpreter.get_tensor(outputs["index"])[0].astype(int) - zero_point))
    return np.array(rows, np.float32)


def refusal(make, *arguments):
    """The message of the ModelError, which has one line."""
    with pytest.raises(ModelError) as caught:
        make(*arguments)
    message = str(caught.value)
    assert message
    assert "\n" not in message
    return message


def test_a_float_model_gives_its_known_answers(float_model):
    model = LiteRT(float_model)
    scores = model.predict(X)
    assert scores.dtype == np.float32
    np.testing.assert_allclose(scores, DENSE, rtol=1e-6)


def test_the_signature_is_read_from_the_file(float_model, uint8_model):
    signature = LiteRT(float_model).signature
    assert signature.input_shape == (1, 3)
    assert signature.output_shape == (1, 2)
    assert signature.input_dtype == signature.output_dtype == np.float32
    assert not signature.quantized_input
    quantized = LiteRT(uint8_model).signature
    [details] = Interpreter(model_content=uint8_model).get_input_details()
    assert quantized.input_dtype == quantized.output_dtype == np.uint8
    assert (quantized.input_scale, quantized.input_zero_point) == details["quantization"]
    assert quantized.quantized_input


def test_uint8_is_fed_at_its_own_scale_and_zero_point(uint8_model, clips):
    model = LiteRT(uint8_model)
    [details] = Interpreter(model_content=uint8_model).get_input_details()
    scale, zero_point = details["quantization"]
    raw = np.clip(np.round(clips / scale) + zero_point, 0, 255).astype(np.uint8)
    np.testing.assert_allclose(model.predict(clips), by_hand(uint8_model, raw), rtol=1e-6)


def test_uint8_outputs_are_real_numbers(uint8_model, clips):
    model = LiteRT(uint8_model)
    inside = clips[(clips > -9).all(axis=1) & (clips < 29).all(axis=1)]
    assert len(inside) > 5
    signature = model.signature
    # Half a step of the output, and of each input through the kernel.
    slack = signature.output_scale + 2 * signature.input_scale
    np.testing.assert_allclose(model.predict(inside), inside @ KERNEL + BIAS, atol=slack)


def test_casting_is_plain_casting_and_is_wrong(uint8_model, clips):
    model = LiteRT(uint8_model)
    clips = np.concatenate([clips, [[-1.5, 300.0, 255.99]]]).astype(np.float32)
    raw = clips.astype(np.int64).astype(np.uint8)
    assert raw[-1].tolist() == [255, 44, 255]
    cast = model.predict_cast(clips)
    np.testing.assert_allclose(cast, by_hand(uint8_model, raw), rtol=1e-6)
    assert np.abs(cast - model.predict(clips)).max() > 5


def test_run_takes_inputs_as_they_are(uint8_model):
    raw = np.array([[0, 128, 255], [1, 2, 3]], np.uint8)
    np.testing.assert_allclose(LiteRT(uint8_model).run(raw), by_hand(uint8_model, raw), rtol=1e-6)


def test_a_clip_has_the_same_scores_alone_and_in_a_batch(uint8_model, clips):
    model = LiteRT(uint8_model)
    alone = np.concatenate([model.predict(clip[None]) for clip in clips])
    np.testing.assert_array_equal(model.predict(clips), alone)


def test_float64_clips_are_taken(float_model):
    np.testing.assert_allclose(LiteRT(float_model).predict(X.astype(float)), DENSE, rtol=1e-6)


def test_no_clips_no_scores(float_model, uint8_model):
    for content in (float_model, uint8_model):
        model = LiteRT(content)
        assert model.predict(X[:0]).shape == (0, 2)
        assert model.predict_cast(X[:0]).shape == (0, 2)


def test_a_batch_that_is_open_or_of_another_size_runs_clip_by_clip(of_function):
    for batch in (None, 1, 4):
        model = LiteRT(of_function(lambda x: 2 * x, (batch, 3)))
        assert model.signature.input_shape == (1, 3)
        np.testing.assert_array_equal(model.predict(X), 2 * X)


def test_an_output_without_a_batch_is_still_one_row_a_clip(of_function, tf):
    one = LiteRT(of_function(lambda x: tf.reduce_sum(x), (1, 3)))
    np.testing.assert_allclose(one.predict(X), X.sum(axis=1, keepdims=True))
    two = LiteRT(of_function(lambda x: tf.reshape(x[:, :2], [2]), (1, 3)))
    np.testing.assert_array_equal(two.predict(X), X[:, :2])


def test_outputs_of_more_axes_are_one_row_a_clip(of_function, tf):
    model = LiteRT(of_function(lambda x: tf.reshape(x, [1, 1, 3, 1]), (1, 3)))
    np.testing.assert_array_equal(model.predict(X), X)


def test_features_of_another_shape_are_refused(float_model, uint8_model):
    for content in (float_model, uint8_model):
        model = LiteRT(content)
        for shape in ((2, 4), (2, 3, 2), (2,), (3, 2)):
            message = refusal(model.predict, np.zeros(shape, np.float32))
            assert "[3]" in message
            assert "frontend" in message


def test_axes_of_one_may_be_missing_or_added(float_model):
    model, x = LiteRT(float_model), np.random.default_rng(0).normal(size=(5, 3)).astype(np.float32)
    for shape in ((5, 3, 1), (5, 1, 3, 1)):
        np.testing.assert_array_equal(model.predict(x.reshape(shape)), model.predict(x))


def test_two_inputs_or_outputs_are_refused(of_function):
    assert "2 inputs" in refusal(LiteRT, of_function(lambda x, y: x + y, (1, 3), (1, 3)))
    assert "2 outputs" in refusal(LiteRT, of_function(lambda x: (x, x + 1), (1, 3)))


def test_a_single_number_is_no_features(of_function):
    assert "single number" in refusal(LiteRT, of_function(lambda x: 2 * x, ()))


def test_integers_without_quantization_cannot_be_fed(of_function, tf):
    model = of_function(lambda x: x + 1, (1, 3), dtype=tf.int32)
    assert "no quantization" in refusal(LiteRT, model)


@pytest.mark.parametrize(
    "content", [b"", b"TFL3", b"\x1c\0\0\0TFL3", b"no model at all, but a text " * 20]
)
def test_a_file_that_is_no_model_is_refused(content):
    refusal(LiteRT, content)


def test_a_truncated_model_is_refused(float_model):
    for end in range(0, len(float_model), 61):
        refusal(LiteRT, float_model[:end])


def test_the_reason_is_the_first_line_that_litert_prints():
    kernel = np.ones((3, 4), np.int8)
    content = dense_by_hand(kernel, scale=[1.0, 1.0, 1.0], zero_point=[0])
    assert refusal(LiteRT, content).endswith("3 scale values. Must have same number")


def test_the_reason_names_the_op_without_the_source_file():
    content = dense_by_hand()
    message = refusal(LiteRT, content)
    assert message.endswith(" (FULLY_CONNECTED)")
    assert ".cc" not in message
    assert "Node number" not in message
