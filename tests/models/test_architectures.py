"""The architectures are the published ones, and are called the same in every process."""

from __future__ import annotations

import importlib.util

import numpy as np
import pytest

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("tf_keras") is None, reason="needs the extra `train`"
)


@pytest.fixture(scope="module")
def built():
    from stapes.models.architectures import reference_cnn

    return reference_cnn()


def weighted(model):
    return {layer.name: layer.count_params() for layer in model.layers if layer.count_params()}


def test_the_reference_cnn_has_the_published_parameters(built):
    assert weighted(built) == {"conv": 320, "conv_1": 18_496, "dense": 1_410}
    assert built.count_params() == 20_226


def test_the_reference_cnn_has_the_published_shapes(built):
    assert built.input_shape == (None, 50, 13, 1)
    assert {layer.name: layer.output_shape[1:] for layer in built.layers} == {
        "conv": (48, 11, 32),
        "pool": (24, 5, 32),
        "conv_1": (22, 3, 64),
        "pool_1": (11, 1, 64),
        "flatten": (704,),
        "dropout": (704,),
        "dense": (2,),
    }


def test_its_scores_are_a_softmax_over_two_classes(built):
    x = np.random.default_rng(0).normal(0, 20, (5, 50, 13, 1)).astype(np.float32)
    scores = built(x).numpy()
    assert scores.shape == (5, 2)
    assert (scores >= 0).all()
    np.testing.assert_allclose(scores.sum(axis=1), 1, rtol=1e-6)


def test_half_of_the_features_are_dropped_in_training_only(built):
    from stapes.models.backend import start_over

    start_over(0)
    dropout = built.get_layer("dropout")
    ones = np.ones((1, 704), np.float32)
    np.testing.assert_array_equal(dropout(ones, training=False), ones)
    kept = np.asarray(dropout(ones, training=True))
    assert set(np.unique(kept)) == {0.0, 2.0}


def test_names_are_the_same_when_a_process_builds_again():
    from stapes.models.architectures import ARCHITECTURES
    from stapes.models.backend import start_over

    for build in ARCHITECTURES.values():
        start_over(0)
        first, beside = build((50, 13, 1)), build((50, 13, 1))
        start_over(0)
        again = build((50, 13, 1))
        names = [[weight.name for weight in model.weights] for model in (first, beside, again)]
        assert names[0] == names[1] == names[2]
        assert [layer.name for layer in first.layers] == [layer.name for layer in again.layers]
        assert first.name == beside.name == again.name


def test_a_seed_decides_the_first_weights():
    from stapes.models.architectures import reference_cnn
    from stapes.models.backend import start_over

    kernels = []
    for seed in (7, 7, 8):
        start_over(seed)
        kernels.append(reference_cnn().get_weights()[0])
    np.testing.assert_array_equal(kernels[0], kernels[1])
    assert not np.array_equal(kernels[0], kernels[2])


def test_every_architecture_takes_the_frontends_shape():
    from stapes.models.architectures import ARCHITECTURES

    for build in ARCHITECTURES.values():
        model = build((49, 40, 1))
        assert model.input_shape == (None, 49, 40, 1)
        assert model.output_shape == (None, 2)


def test_fewer_filters_are_the_students_small_cnn():
    from stapes.models.architectures import reference_cnn

    # The published "structural pruning" run: 2 first filters, 2,646 parameters.
    assert weighted(reference_cnn(filters=(2, 64))) == {"conv": 20, "conv_1": 1_216, "dense": 1_410}
    assert reference_cnn(filters=(2, 64)).count_params() == 2_646
