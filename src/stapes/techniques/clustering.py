"""Clustering: the weights of a layer share few values, which tables and gzip store well.

Sources: Han, Mao and Dally 2016, "Deep compression", arXiv:1510.00149; TFMOT's clustering guide.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from stapes.models.backend import keras
from stapes.techniques.fine_tuning import fine_tune
from stapes.techniques.keras_models import clone
from stapes.techniques.post_training import convert, convert_int8
from stapes.techniques.variant import Material, Variant
from stapes.tflite.read.constants import Constant, constants
from stapes.tflite.read.weights import most_distinct_in_a_channel

_FEWEST = 3
"""The fewest clusters that TFMOT takes where it keeps zeros."""


def cluster(material: Material) -> Any:
    """Stage `clustered`: the baseline with few distinct weights a layer."""
    import tensorflow_model_optimization as tfmot

    return _cluster(material, tfmot.clustering.keras.cluster_weights)


def sparse_cluster(material: Material) -> Any:
    """Stage `sparse_clustered`: the pruned model, clustered with its zeros."""
    from tensorflow_model_optimization.python.core.clustering.keras.experimental import (
        cluster as experimental,
    )

    return _cluster(material, experimental.cluster_weights, preserve_sparsity=True)


def clustered(material: Material) -> Variant:
    """Float, with few distinct weights: the file has its old size, its gzip is smaller."""
    return with_distinct(convert(material.model), material)


def clustered_int8(material: Material) -> Variant:
    """The clustered model, quantized after training."""
    return with_distinct(convert_int8(material.model, material.calibration), material)


def with_distinct(tflite: bytes, material: Material) -> Variant:
    """A variant with notes on layers that have more distinct values than the recipe."""
    recipe = material.recipes.clustering
    kernels = [constant for constant in constants(tflite) if constant.role == "kernel"]
    notes = [_note(kernel, recipe.clusters) for kernel in kernels]
    return Variant(tflite, recipe.model_dump(mode="json"), layer_notes=notes)


def _note(kernel: Constant, clusters: int) -> str:
    distinct = len(np.unique(kernel.values))
    if distinct <= clusters:
        return ""
    if kernel.op == "DEPTHWISE_CONV_2D":
        return "not clustered: TFMOT leaves depthwise kernels out"
    in_a_channel = most_distinct_in_a_channel(kernel.values)
    if in_a_channel <= clusters:
        return (
            f"{distinct} distinct values: each channel has its own scale, and at most "
            f"{in_a_channel} values"
        )
    return f"clusters lost: {distinct} distinct values, up to {in_a_channel} in a channel"


def _cluster(material: Material, cluster_weights: Any, **options: Any) -> Any:
    import tensorflow_model_optimization as tfmot

    recipe = material.recipes.clustering
    module = tfmot.clustering.keras

    def wrap(layer: Any) -> Any:
        clusters = _clusters_of(layer, recipe.clusters)
        if clusters < _FEWEST:
            # Two weights need no clusters, but training must not change them.
            layer.trainable = False
            return layer
        return cluster_weights(
            layer,
            number_of_clusters=clusters,
            cluster_centroids_init=module.CentroidInitialization[recipe.centroids],
            **options,
        )

    model = keras().models.clone_model(clone(material.model), clone_function=wrap)
    fine_tune(model, material, recipe)
    stripped = module.strip_clustering(model)
    stripped.trainable = True
    return stripped


def _clusters_of(layer: Any, clusters: int) -> int:
    """The recipe's number, or one more than the weights that are not zero, if that is less.

    TFMOT fails on more clusters than values; with so few, each weight keeps its value.
    """
    kernels = [weight for weight in layer.get_weights() if weight.ndim > 1]
    values: list[int] = [min(k.size, int(np.count_nonzero(k)) + 1) for k in kernels]
    return min([clusters, *values])
