"""Quantization-aware training, alone and on models whose zeros or clusters it keeps.

PQAT, CQAT and PCQAT are TFMOT's collaborative optimization: quantization-aware training of a
pruned, a clustered, or a pruned and clustered model.

Sources: Jacob et al. 2018, arXiv:1712.05877; TFMOT's guides "Quantization aware training" and
"Collaborative optimization".
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stapes.frontends.numerics.stream import LARGEST
from stapes.models.backend import keras, tensorflow
from stapes.techniques.clustering import with_distinct
from stapes.techniques.fine_tuning import fine_tune
from stapes.techniques.keras_models import clone
from stapes.techniques.post_training import convert, convert_int8, full_integer
from stapes.techniques.pruning import with_sparsity
from stapes.techniques.recipes import QuantizationAware
from stapes.techniques.variant import Material, Variant

# The weight of the old range in TFMOT's moving average of activations.
_EMA_DECAY = 0.999
_CALIBRATION_ROUNDS = 2


def qat(material: Material) -> Variant:
    """Quantization-aware training of the baseline."""
    return _trained(material, material.recipes.quantization_aware)


def pqat(material: Material) -> Variant:
    """Pruning-preserving QAT, on the stage `pruned`."""
    import tensorflow_model_optimization as tfmot

    scheme = tfmot.experimental.combine.Default8BitPrunePreserveQuantizeScheme()
    variant = _trained(material, material.recipes.collaborative, scheme)
    return replace(variant, layer_notes=with_sparsity(variant.tflite, material).layer_notes)


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
    return replace(variant, layer_notes=notes)


def calibrate_ranges(model: Any, x: NDArray[np.float32]) -> None:
    """Set the activation ranges of TFMOT's QAT model to those on `x` [shape=(n, frames, bins, 1)].

    TFMOT starts with -6 to 6 and moves by a thousandth of the difference in each step, too slowly
    for a short training. One step of this moving average, of known weight, shows its target. The
    layers reach their ranges one after the other.
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


def _set_input_range(model: Any) -> None:
    """The range of the device's features, as TFMOT's moving average is only near it."""
    for variable in model.variables:
        name = variable.name.split(":")[0]
        if name.endswith(("quantize_layer_min", "quantize_layer_max")):
            variable.assign(0.0 if name.endswith("min") else LARGEST)


def _cluster_preserving(material: Material, preserve_sparsity: bool) -> Variant:
    import tensorflow_model_optimization as tfmot

    combine = tfmot.experimental.combine
    scheme = combine.Default8BitClusterPreserveQuantizeScheme(preserve_sparsity)
    recipe, strip = material.recipes.collaborative, combine.strip_clustering_cqat
    variant = _trained(material, recipe, scheme, strip)
    return replace(variant, layer_notes=with_distinct(variant.tflite, material).layer_notes)


def _trained(
    material: Material, recipe: QuantizationAware, scheme: Any = None, strip: Any = None
) -> Variant:
    """The model trained with quantization, and notes on layers that were left out."""
    import tensorflow_model_optimization as tfmot

    quantization = tfmot.quantization.keras
    notes: list[str] = []

    class LeftOut(keras().layers.Activation):  # type: ignore[misc]
        """An activation that TFMOT does not know; under its own name, TFMOT fails at its output."""

    def annotate(layer: Any) -> Any:
        reason = _refused(layer)
        if not reason:
            return quantization.quantize_annotate_layer(layer)
        notes.append(reason)
        is_activation = type(layer) is keras().layers.Activation
        return LeftOut.from_config(layer.get_config()) if is_activation else layer

    options = {} if scheme is None else {"scheme": scheme}
    with keras().utils.custom_object_scope({"LeftOut": LeftOut}):
        annotated = keras().models.clone_model(clone(material.model), clone_function=annotate)
        model = quantization.quantize_apply(annotated, **options)
    if recipe.calibrate:
        calibrate_ranges(model, material.calibration)
    fine_tune(model, material, recipe)
    if material.stream is not None:
        _set_input_range(model)
    model = strip(model) if strip else model
    settings = recipe.model_dump(mode="json")
    if notes:
        # Layers that were left out get their ranges from the calibration clips.
        return Variant(convert_int8(model, material.calibration), settings, notes)
    tf = tensorflow()

    def configure(converter: Any) -> None:
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        full_integer(converter, model)

    return Variant(convert(model, configure), settings)


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
