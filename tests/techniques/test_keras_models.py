"""A clone has the outputs of its model and shares nothing with it."""

from __future__ import annotations

import numpy as np
import pytest


@pytest.fixture
def copy(baseline):
    from stapes.techniques.keras_models import clone

    return clone(baseline)


def test_a_clone_has_the_outputs_of_its_model(copy, baseline, test_clips):
    np.testing.assert_array_equal(
        copy.predict(test_clips.x, verbose=0), baseline.predict(test_clips.x, verbose=0)
    )
    assert [layer.name for layer in copy.layers] == [layer.name for layer in baseline.layers]


def test_weights_of_a_clone_are_its_own(copy, baseline, weights_before):
    copy.set_weights([np.zeros_like(weight) for weight in copy.get_weights()])
    for before, after in zip(weights_before, baseline.get_weights(), strict=True):
        np.testing.assert_array_equal(before, after)


def test_changes_of_a_clone_do_not_change_its_model(copy, baseline, test_clips):
    import tensorflow_model_optimization as tfmot

    expected = baseline.predict(test_clips.x, verbose=0)
    wrapped = tfmot.clustering.keras.cluster_weights(
        copy,
        number_of_clusters=2,
        cluster_centroids_init=tfmot.clustering.keras.CentroidInitialization.LINEAR,
    )
    stripped = tfmot.clustering.keras.strip_clustering(wrapped)
    assert [len(np.unique(kernel)) for kernel in stripped.get_weights()[::2]] == [2, 2, 2]
    np.testing.assert_array_equal(baseline.predict(test_clips.x, verbose=0), expected)
    assert type(baseline.layers[0]).__name__ == "Conv2D"
