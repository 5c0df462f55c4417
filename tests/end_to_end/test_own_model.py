"""`stapes run --model` with the kinds of models that users have."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile
from tests.end_to_end.command import stapes, stapes_here
from tests.extras import require

from stapes.techniques.registry import TECHNIQUES

require(train="tensorflow")

FROM_FILE = [name for name, technique in TECHNIQUES.items() if technique.from_file]
# One of each kind that needs the model's head or layers: wrappers, filters, ranges, a student.
TRAINED = ["pruned_sparse", "pruned_channels", "qat", "distilled"]

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A corpus in which `high` is a high tone and the other words are low ones, and a cache."""
    out = tmp_path_factory.mktemp("own")
    rng = np.random.default_rng(0)
    time = np.arange(16_000) / 16_000
    for label, tones in (("high", (900, 1200)), ("low", (150, 250)), ("lower", (100, 140))):
        (out / "data" / label).mkdir(parents=True)
        for number in range(60):
            tone = np.sin(2 * np.pi * rng.uniform(*tones) * time)
            y = 0.3 * tone + 0.05 * rng.standard_normal(16_000)
            soundfile.write(out / "data" / label / f"{number}.wav", y, 16_000)
    return out


@pytest.fixture(scope="module")
def keras3():
    from stapes.models import backend
    from stapes.models.keras_import import any_keras

    backend.tensorflow()  # Its settings must come before any use.
    return any_keras._keras3()


@pytest.fixture(scope="module")
def sigmoid(folder: Path, keras3) -> Path:
    """A model of Keras 3 with one output, and layers that TFMOT refuses."""
    keras3.utils.set_random_seed(0)
    layers = keras3.layers
    model = keras3.Sequential(
        [
            layers.Input((50, 13)),
            layers.Rescaling(1 / 100),
            layers.Conv1D(12, 5, activation="relu", name="conv1d"),
            layers.MaxPooling1D(2),
            layers.SeparableConv1D(16, 3, use_bias=False),
            layers.BatchNormalization(),
            layers.ReLU(),
            layers.GlobalAveragePooling1D(),
            layers.Dense(1, activation="sigmoid"),
        ]
    )
    model.save(folder / "sigmoid.keras")
    return folder / "sigmoid.keras"


@pytest.fixture(scope="module")
def softmax(folder: Path, keras3) -> Path:
    """Four classes, of which the third is the word, as Keras 2's HDF5 and as a float .tflite."""
    from stapes.models.backend import keras
    from stapes.techniques.post_training import convert

    layers = keras().layers
    model = keras().Sequential(
        [
            layers.Input((50, 13, 1)),
            layers.Conv2D(8, 3, strides=2, activation="relu"),
            layers.Flatten(),
            layers.Dense(4, activation="softmax"),
        ]
    )
    rng = np.random.default_rng(0)
    # The converter leaves out biases of zero.
    model.set_weights([rng.normal(0, 0.1, weights.shape) for weights in model.get_weights()])
    model.save(folder / "softmax.h5")
    (folder / "softmax.tflite").write_bytes(convert(model))
    return folder / "softmax.h5"


def quick(folder: Path, model: Path, *arguments: object) -> tuple[str, ...]:
    options = ("run", "--data", folder / "data", "--word", "high", "--quick", "--model", model)
    # Each worker imports TensorFlow.
    return tuple(map(str, (*options, "--jobs", 1, *arguments)))


def test_the_techniques_work_on_a_keras_3_model_with_one_output(folder, sigmoid):
    out = folder / "sigmoid"
    rows = ",".join(TRAINED)
    stapes(*quick(folder, sigmoid, "--out", out, "--techniques", rows), cache=folder / "cache")
    results = json.loads((out / "results.json").read_text())
    assert results["baseline"]["model"] == str(sigmoid)
    assert results["baseline"]["history"] == {}
    by_name = {row["name"]: row for row in results["variants"]}
    assert list(by_name) == ["float32", *TRAINED]
    for row in results["variants"]:
        assert row["targets"]["litert"]["runs"], row["targets"]
    # 13 x 5 x 12 weights of the first convolution, 80 % of them zero.
    first = {layer["name"]: layer for layer in by_name["pruned_sparse"]["layers"]}["conv1d"]
    assert abs(first["zeros"] - 0.8 * first["weights"]) <= 1
    # Both ends of the student are the model's own: [50, 13] in, one sigmoid out.
    from stapes.targets.litert import LiteRT

    student = LiteRT((out / "models" / "distilled.tflite").read_bytes()).signature
    assert student.input_shape == (1, 50, 13)
    assert student.output_shape == (1, 1)


def test_training_techniques_learn_the_word_on_any_head(folder, softmax):
    """Four outputs: the third is the word, and the others are unknown."""
    out = folder / "four"
    stapes(
        *quick(folder, softmax, "--positive", 2, "--out", out, "--techniques", "distilled"),
        cache=folder / "cache",
    )
    call = ("evaluate", out / "models" / "distilled.tflite", "--config", out / "run.yaml", "--json")
    status, printed, _ = stapes_here(*call, cache=folder / "cache", cwd=out)
    assert status == 0
    results = json.loads((out / "results.json").read_text())
    assert json.loads(printed)["confusion"] == results["variants"][-1]["confusion"]


def test_a_float_tflite_gets_the_rows_that_need_no_training(folder, softmax):
    pytest.importorskip("ai_edge_quantizer", reason="the extra `int4` is not installed")
    out, model = folder / "file", softmax.with_suffix(".tflite")
    done = stapes(*quick(folder, model, "--positive", 2, "--out", out), cache=folder / "cache")
    assert "cannot be trained" in done.stdout
    results = json.loads((out / "results.json").read_text())
    assert [row["name"] for row in results["variants"]] == FROM_FILE
    assert results["baseline"]["parameters"] == 8 * 9 + 8 + 24 * 6 * 8 * 4 + 4
    assert results["baseline"]["macs"] == 24 * 6 * 8 * 9 + 24 * 6 * 8 * 4 + 2 * 4
    assert (out / "baseline.tflite").read_bytes() == model.read_bytes()
    first = results["variants"][0]
    assert first["bytes"] < first["bytes_before_slim"] == model.stat().st_size
    from stapes.targets.litert import LiteRT

    x = np.random.default_rng(0).normal(0, 30, (20, 50, 13, 1)).astype(np.float32)
    scores = {}
    for name in FROM_FILE:
        variant = LiteRT((out / "models" / f"{name}.tflite").read_bytes())
        scores[name] = variant.predict(x)
        dtype = {"uint8": np.uint8, "int8": np.int8, "int16x8": np.int16}.get(name, np.float32)
        assert variant.signature.input_dtype == dtype
    np.testing.assert_array_equal(scores["uint8"], scores["int8"])
    np.testing.assert_allclose(scores["float16"], scores["float32"], atol=0.01)


def test_a_slimmed_tflite_gets_these_rows_too(folder, softmax):
    """It has no signature and no names."""
    pytest.importorskip("ai_edge_quantizer", reason="the extra `int4` is not installed")
    from stapes.tflite.edit.slim import slim

    slimmed, out = folder / "slimmed.tflite", folder / "slim"
    slimmed.write_bytes(slim(softmax.with_suffix(".tflite").read_bytes()))
    rows = ("--techniques", "uint8,int4", "--positive", 2)
    call = quick(folder, slimmed, "--out", out, *rows)
    stapes(*call, cache=folder / "cache")
    results = json.loads((out / "results.json").read_text())
    assert [row["name"] for row in results["variants"]] == ["float32", "uint8", "int4"]
    floats, uint8, int4 = results["variants"]
    # A file without quantized constants would be as large as before.
    assert uint8["data_bytes"] < floats["data_bytes"] / 3
    assert int4["data_bytes"] < floats["data_bytes"] / 3
    assert uint8["targets"]["litert"]["runs"]
    # Another content of the same file is another run.
    slimmed.write_bytes(softmax.with_suffix(".tflite").read_bytes())
    status, _, message = stapes_here(*call, cache=folder / "cache", cwd=folder)
    assert status == 2
    assert "--model" in message


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--model", "absent.keras"], "absent.keras"),
        (["--model", "cut.tflite"], "cut.tflite"),
        (["--model", "noise.keras"], "noise.keras"),
        (["--model", "file/models/int8.tflite"], "quantized already"),
        (["--model", "wide.keras"], "mfcc"),
        (["--positive", "0"], "--positive"),
        (["--model", "softmax.tflite", "--techniques", "qat"], "needs training"),
    ],
)
def test_the_error_for_an_unusable_model_names_it_and_nothing_is_written(
    folder, softmax, keras3, arguments, message
):
    whole = softmax.with_suffix(".tflite").read_bytes()
    (folder / "cut.tflite").write_bytes(whole[: len(whole) // 2])
    (folder / "noise.keras").write_bytes(b"no model at all")
    if not (folder / "file" / "models").is_dir():
        from stapes.models.backend import keras
        from stapes.techniques.post_training import convert_int8

        (folder / "file" / "models").mkdir(parents=True)
        x = np.zeros((2, 50, 13, 1), np.float32)
        quantized = convert_int8(keras().models.load_model(softmax, compile=False), x)
        (folder / "file" / "models" / "int8.tflite").write_bytes(quantized)
    layers = keras3.layers
    keras3.Sequential(
        [layers.Input((49, 40, 1)), layers.Flatten(), layers.Dense(2, activation="softmax")]
    ).save(folder / "wide.keras")
    arguments = [str(folder / text) if "." in text else text for text in arguments]
    out = folder / "refused"
    call = ["run", "--data", folder / "data", "--word", "high", "--quick", "--out", out]
    status, _, printed = stapes_here(*call, *arguments, cache=folder / "cache", cwd=folder)
    assert status in (1, 2)
    assert message in printed
    assert printed.count("\n") == 1, printed
    assert not out.exists()
