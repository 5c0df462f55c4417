"""Quantization-aware training, alone and on models whose zeros or clusters it keeps.

PQAT, CQAT and PCQAT are TFMOT's collaborative optimization: they train quantization into a pruned,
a clustered, or a pruned and clustered model and keep what was reached before.

Sources: Jacob et al. 2018, arXiv:1712.05877; TFMOT's guides "Quantization aware training" and
"Collaborative optimization".
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from stapes.models.backend import keras, tensorflow
from stapes.techniques.clustering import with_distinct
from stapes.techniques.fine_tuning import fine_tune
from stapes.techniques.keras_models import clone
from stapes.techniques.post_training import convert, convert_int8
from stapes.techniques.pruning import with_sparsity
from stapes.techniques.recipes import QuantizationAware
from stapes.techniques.variant import Material, Variant

# The weight of the old range in TFMOT's moving average of activations.
_EMA_DECAY = 0.999
_CALIBRATION_ROUNDS = 2


def qat(material: Material) -> Variant:
    """Quantization-aware training of the baseline."""
    recipe = material.recipes.quantization_aware
    tflite, left = _trained(material, recipe, None)
    return Variant(tflite, recipe.model_dump(mode="json"), left)


def pqat(material: Material) -> Variant:
    """Pruning-preserving QAT, on the stage `pruned`."""
    import tensorflow_model_optimization as tfmot

    recipe = material.recipes.collaborative
    scheme = tfmot.experimental.combine.Default8BitPrunePreserveQuantizeScheme()
    tflite, left = _trained(material, recipe, scheme)
    notes = with_sparsity(tflite, material).layer_notes
    return Variant(tflite, recipe.model_dump(mode="json"), left, notes)


def cqat(material: Material) -> Variant:
    """Cluster-preserving QAT, on the stage `clustered`."""
    return _cluster_preserving(material, preserve_sparsity=False)


def pcqat(material: Material) -> Variant:
    """Sparsity- and cluster-preserving QAT, on the stage `sparse_clustered`."""
    variant = _cluster_preserving(material, preserve_sparsity=True)
    sparse = with_sparsity(variant.tflite, material)
    notes = [
        "; ".join(note for note in pair if note)
        for pair in zip(variant.layer_notes, sparse.layer_notes, strict=True)
    ]
    return Variant(variant.tflite, variant.settings, variant.notes, notes)


def calibrate_ranges(model: Any, x: NDArray[np.float32]) -> None:
    """Give the activation quantizers of a QAT model the ranges that they see on `x`.

    TFMOT begins with -6 to 6 and moves by a thousandth a step, so that a short training ends
    long before the ranges are right. One step of a moving average with a known weight tells the
    range it moved towards; the layers settle one behind the other.

    Parameters
    ----------
    model : tf_keras.Model, from TFMOT's quantize_model or quantize_apply
    x : np.ndarray [shape=(n, frames, bins, 1)]
    """
    ranges = [
        variable
        for variable in model.variables
        if variable.name.split(":")[0].endswith(("activation_min", "activation_max"))
    ]
    for _ in range(len(model.layers) * _CALIBRATION_ROUNDS):
        before = [variable.numpy() for variable in ranges]
        model(x, training=True)
        for variable, old in zip(ranges, before, strict=True):
            variable.assign(old + (variable.numpy() - old) / (1 - _EMA_DECAY))


def _cluster_preserving(material: Material, preserve_sparsity: bool) -> Variant:
    import tensorflow_model_optimization as tfmot

    recipe = material.recipes.collaborative
    combine = tfmot.experimental.combine
    scheme = combine.Default8BitClusterPreserveQuantizeScheme(preserve_sparsity)
    tflite, left = _trained(material, recipe, scheme, strip=combine.strip_clustering_cqat)
    notes = with_distinct(tflite, material).layer_notes
    return Variant(tflite, recipe.model_dump(mode="json"), left, notes)


def _trained(
    material: Material, recipe: QuantizationAware, scheme: Any, strip: Any = None
) -> tuple[bytes, list[str]]:
    """The .tflite of the model trained with quantization, and what was left out of it."""
    import tensorflow_model_optimization as tfmot

    quantization = tfmot.quantization.keras
    left: list[str] = []

    class LeftOut(keras().layers.Activation):  # type: ignore[misc]
        """An activation that TFMOT does not know, or it would fail at its output."""

    def annotate(layer: Any) -> Any:
        reason = _refused(layer)
        if not reason:
            return quantization.quantize_annotate_layer(layer)
        left.append(reason)
        is_activation = type(layer) is keras().layers.Activation
        return LeftOut.from_config(layer.get_config()) if is_activation else layer

    options = {} if scheme is None else {"scheme": scheme}
    with keras().utils.custom_object_scope({"LeftOut": LeftOut}):
        annotated = keras().models.clone_model(clone(material.model), clone_function=annotate)
        model = quantization.quantize_apply(annotated, **options)
    if recipe.calibrate:
        calibrate_ranges(model, material.calibration)
    fine_tune(model, material, recipe)
    model = strip(model) if strip else model
    if left:
        # What training did not quantize gets its ranges from the calibration clips.
        return convert_int8(model, material.calibration), left
    tf = tensorflow()

    def settle(converter: Any) -> None:
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.inference_input_type = tf.int8
        converter.inference_output_type = tf.int8

    return convert(model, settle), left


def _refused(layer: Any) -> str:
    """Why TFMOT does not quantize a layer in training; empty if it does."""
    from tensorflow_model_optimization.python.core.quantization.keras.default_8bit import (
        default_8bit_quantize_registry as registries,
    )

    registry = registries.Default8BitQuantizeRegistry()
    kind = type(layer).__name__
    fallback = "not quantized in training but after it"
    if kind == "InputLayer":
        return ""
    if not registry.supports(layer):
        return f"{layer.name}: {fallback}: TFMOT has no {kind}"
    try:
        registry.get_quantize_config(layer).get_output_quantizers(layer)
    except ValueError:
        return f"{layer.name}: {fallback}: TFMOT has no activation {layer.activation.__name__}"
    return ""
