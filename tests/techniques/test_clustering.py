"""A layer of the shipped file has as few values as the recipe, or a note why not."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from stapes.data.features import FeatureSet
from stapes.techniques.recipes import Recipes
from stapes.tflite.read.weights import most_distinct_in_a_channel

CLUSTERS = 16  # The recipe's default.


@pytest.fixture(scope="module")
def few_weights():
    """A material whose model is a dense layer of 24 weights, 13 of them zero."""
    from stapes.models.backend import keras
    from stapes.techniques.variant import Material

    layers = keras().layers
    model = keras().Sequential(
        [
            layers.Input((12, 1, 1)),
            layers.Flatten(name="flatten"),
            layers.Dense(2, activation="softmax", name="dense"),
        ]
    )
    rng = np.random.default_rng(0)
    kernel = rng.normal(size=(12, 2))
    kernel.ravel()[rng.permutation(24)[:13]] = 0
    model.layers[-1].set_weights([kernel, np.zeros(2)])
    x = rng.normal(size=(8, 12, 1, 1)).astype(np.float32)
    return Material(
        model=model,
        baseline=model,
        training=FeatureSet(x, np.arange(8, dtype=np.uint8) % 2, list("abcdefgh")),
        calibration=x,
        recipes=Recipes(),
        seed=0,
    )


def clustering(material, **changed):
    recipe = material.recipes.clustering.model_copy(update={"epochs": 1, **changed})
    recipes = material.recipes.model_copy(update={"clustering": recipe})
    return dataclasses.replace(material, recipes=recipes)


def dense_kernel(model):
    return model.layers[-1].get_weights()[0]


@pytest.mark.parametrize("name", ["clustered", "sparse_clustered"])
def test_a_layer_has_no_more_values_than_clusters(kernels, variant, name):
    for kernel in kernels(name):
        assert 2 <= len(np.unique(kernel)) <= CLUSTERS
    assert variant(name).layer_notes == ["", "", ""]
    assert variant(name).settings["clusters"] == CLUSTERS


def test_clusters_are_near_the_weights_that_they_replace(kernels):
    for kernel, before in zip(kernels("clustered"), kernels("float32"), strict=True):
        # Sixteen values explain most of the variance.
        assert np.var(kernel - before) < 0.1 * np.var(before)


def test_int8_keeps_the_clusters_of_each_channel(kernels, variant):
    notes = variant("clustered_int8").layer_notes
    for kernel, note in zip(kernels("clustered_int8"), notes, strict=True):
        assert kernel.dtype == np.int8
        assert most_distinct_in_a_channel(kernel) <= CLUSTERS
        distinct = len(np.unique(kernel))
        assert ("each channel has its own scale" in note) == (distinct > CLUSTERS)
        assert note.startswith(f"{distinct} distinct values") or not note


def test_clustering_of_a_pruned_model_keeps_every_zero(kernels):
    for kernel, pruned in zip(kernels("sparse_clustered"), kernels("pruned"), strict=True):
        assert not kernel[pruned == 0].any()
        assert kernel.any()


def test_lost_clusters_are_noted_with_how_many_values_there_are(variant, kernels, material):
    from stapes.techniques.clustering import with_distinct

    expected = [
        f"clusters lost: {len(np.unique(kernel))} distinct values, up to {channel} in a channel"
        for kernel, channel in zip(kernels("float32")[1:], (72, 64), strict=True)
    ]
    assert with_distinct(variant("float32").tflite, material).layer_notes[1:] == expected


@pytest.mark.parametrize("centroids", ["LINEAR", "KMEANS_PLUS_PLUS", "DENSITY_BASED", "RANDOM"])
def test_every_kind_of_centroids_gives_as_few_values_as_the_recipe(few_weights, centroids):
    from stapes.models.backend import start_over
    from stapes.techniques.clustering import cluster

    start_over(0)  # As a run does: random centroids need a seed.
    kernel = dense_kernel(cluster(clustering(few_weights, clusters=4, centroids=centroids)))
    assert 1 < len(np.unique(kernel)) <= 4


def test_a_layer_of_fewer_weights_than_clusters_is_clustered_too(few_weights):
    from stapes.techniques.clustering import cluster

    kernel = dense_kernel(cluster(clustering(few_weights, clusters=32)))
    assert len(np.unique(kernel)) <= 24


def test_a_pruned_layer_of_fewer_weights_than_clusters_keeps_its_zeros(few_weights):
    from stapes.techniques.clustering import sparse_cluster

    before = dense_kernel(few_weights.model).copy()
    kernel = dense_kernel(sparse_cluster(clustering(few_weights)))
    np.testing.assert_array_equal(kernel == 0, before == 0)
    assert len(np.unique(kernel)) == 12
    np.testing.assert_array_equal(dense_kernel(few_weights.model), before)


def test_the_baseline_does_not_change(variant, baseline, weights_before):
    assert variant("clustered").tflite
    for before, after in zip(weights_before, baseline.get_weights(), strict=True):
        np.testing.assert_array_equal(before, after)
