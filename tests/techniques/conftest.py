"""A small trained model and its variants, each made once for all tests."""

from __future__ import annotations

import dataclasses
import functools
import importlib.util

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter, OpResolverType

from stapes.data.features import FeatureSet
from stapes.measure.accuracy import accuracy
from stapes.targets.litert import LiteRT
from stapes.techniques.recipes import Recipes

# conv 3x3x1x8 does not take 2:4; conv_1 3x3x8x16 and dense 64x2 do.
SHAPE = (22, 13, 1)
FILTERS = (8, 16)

# Few steps at high rates, so that zeros and clusters are lost if nothing keeps them.
QUICK = {
    "pruning": {"epochs": 2},
    "two_by_four": {"epochs": 1},
    "two_by_four_full": {"epochs": 1},
    "channels": {"epochs": 1},
    "quantization_aware": {"epochs": 1, "learning_rate": 1e-2},
    "clustering": {"epochs": 1, "learning_rate": 1e-3},
    "collaborative": {"epochs": 1, "learning_rate": 1e-2},
    "distillation": {"epochs": 15, "filters": [4, 8]},
    "small": {"epochs": 15},
    "tiny": {"epochs": 15, "widths": [4, 6]},
}


def pytest_collection_modifyitems(items):
    """Mark as slow the tests of surgery, and those that need the trained model."""
    for item in items:
        surgery = item.path.stem == "test_channel_surgery"
        if surgery or "baseline" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.slow)


def clips(n, seed):
    """Noise, with the wake word in every other clip: a band that rises with time."""
    rng = np.random.default_rng(seed)
    x = rng.normal(0, 4, (n, *SHAPE))
    y = (np.arange(n) % 2).astype(np.uint8)
    for bin_, frame in enumerate(range(2, 12)):
        x[1::2, frame : frame + 4, bin_] += 10
    return FeatureSet(x.astype(np.float32), y, [f"clip{number}" for number in range(n)])


def litert_accuracy(tflite, features):
    return accuracy(LiteRT(tflite).predict(features.x), features.y).value


@pytest.fixture(scope="session")
def training():
    if importlib.util.find_spec("tf_keras") is None:
        pytest.skip("needs the extra `train`")
    return clips(192, seed=0)


@pytest.fixture(scope="session")
def test_clips():
    return clips(64, seed=1)


@pytest.fixture(scope="session")
def baseline(training):
    """A reference CNN of fewer filters that classifies the clips."""
    from stapes.models.architectures import reference_cnn
    from stapes.models.settings import TrainSettings
    from stapes.models.training import train

    build = functools.partial(reference_cnn, SHAPE, filters=FILTERS)
    return train(build, training, None, TrainSettings(epochs=6), seed=0).model


@pytest.fixture(scope="session")
def material(baseline, weights_before, training):
    from stapes.techniques.variant import Material

    assert weights_before
    return Material(
        model=baseline,
        baseline=baseline,
        training=training,
        calibration=np.asarray(training.x[:32]),
        recipes=Recipes.model_validate(QUICK),
        seed=0,
        validation=clips(40, seed=2),
        accuracy=litert_accuracy,
    )


@pytest.fixture(scope="session")
def stage(material):
    """`stage(name)`: the material whose model is that of a stage."""
    from stapes.models.backend import start_over
    from stapes.techniques.registry import STAGES

    @functools.cache
    def make(name):
        if name == "baseline":
            return material
        below = make(STAGES[name].needs)
        start_over(material.seed)
        return dataclasses.replace(material, model=STAGES[name].make(below))

    return make


@pytest.fixture(scope="session")
def remake(stage):
    """`remake(technique)`: its Variant, made again."""
    from stapes.models.backend import start_over
    from stapes.techniques.registry import TECHNIQUES

    def make(name):
        technique = TECHNIQUES[name]
        start_over(0)
        return technique.make(stage(technique.needs))

    return make


@pytest.fixture(scope="session")
def variant(remake):
    """`variant(technique)`: its Variant."""
    return functools.cache(remake)


@pytest.fixture(scope="session")
def kernels(variant):
    """`kernels(technique)`: its layers' weights, read by LiteRT."""
    return functools.cache(lambda name: loaded_kernels(variant(name).tflite))


@pytest.fixture(scope="session")
def kernels_of():
    """`kernels_of(tflite)`: the layers' weights, read by LiteRT."""
    return loaded_kernels


def loaded_kernels(model):
    """Kernels, output channels first; sparse and float16 ones as LiteRT expands them."""
    interpreter = Interpreter(
        model_content=model,
        num_threads=1,
        # XNNPACK would expand the weights out of sight.
        experimental_op_resolver_type=OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
        experimental_preserve_all_tensors=True,
    )
    interpreter.allocate_tensors()
    interpreter.invoke()
    return [
        interpreter.get_tensor(op["inputs"][1])
        for op in interpreter._get_ops_details()
        if op["op_name"] in ("CONV_2D", "FULLY_CONNECTED")
    ]


@pytest.fixture(scope="session")
def weights_before(baseline):
    """The baseline's weights before any technique; `material` needs them."""
    return [weight.copy() for weight in baseline.get_weights()]
