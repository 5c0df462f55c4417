"""Pruning: weights of small magnitude become zero, alone or two of every four.

Sources: Zhu and Gupta 2017, "To prune, or not to prune", arXiv:1710.01878; Mishra et al. 2021,
"Accelerating sparse deep neural networks", arXiv:2104.08378 (2:4); TFMOT's pruning guide.

TFMOT fails silently, so the sparsity of each layer is read from the shipped file.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from stapes.models.architectures import reference_cnn
from stapes.models.backend import keras, start_over, tensorflow
from stapes.system.text import percent
from stapes.techniques.fine_tuning import fine_tune, steps
from stapes.techniques.keras_models import clone
from stapes.techniques.post_training import convert, convert_int8
from stapes.techniques.recipes import TwoByFour
from stapes.techniques.variant import Material, Variant
from stapes.tflite.read.constants import Constant, constants
from stapes.tflite.read.weights import two_by_four_compliance

_DEPTHWISE = "DEPTHWISE_CONV_2D"
_UPDATES = 40
"""Updates of the masks in a training; TFMOT updates every 100 steps, which may be the whole."""


def prune(material: Material) -> Any:
    """Stage `pruned`: the baseline with most of its weights zero."""
    import tensorflow_model_optimization as tfmot

    recipe = material.recipes.pruning
    total = steps(material, recipe)
    schedule = tfmot.sparsity.keras.PolynomialDecay(
        initial_sparsity=recipe.initial_sparsity,
        final_sparsity=recipe.final_sparsity,
        begin_step=0,
        end_step=max(1, round(recipe.ramp * total) - 1),
        frequency=max(1, total // _UPDATES),
    )
    model = tfmot.sparsity.keras.prune_low_magnitude(
        clone(material.model), pruning_schedule=schedule
    )
    fine_tune(model, material, recipe, [tfmot.sparsity.keras.UpdatePruningStep()])
    return tfmot.sparsity.keras.strip_pruning(model)


def pruned(material: Material) -> Variant:
    """Float, with zeros: the file has its old size, its gzip is smaller."""
    return with_sparsity(convert(material.model), material)


def pruned_int8(material: Material) -> Variant:
    """The pruned model, quantized after training."""
    return with_sparsity(convert_int8(material.model, material.calibration), material)


def pruned_sparse(material: Material) -> Variant:
    """The pruned model in TFLite's sparse encoding, which stores no zeros."""

    def configure(converter: Any) -> None:
        converter.optimizations = [tensorflow().lite.Optimize.EXPERIMENTAL_SPARSITY]

    return with_sparsity(convert(material.model, configure), material)


def pruned_2by4(material: Material) -> Variant:
    """The published "structural pruning": a CNN of two first filters, trained from scratch.

    The first convolution has a constant sparsity of 50 %, the second and the dense layer 2:4.
    """
    start_over(material.seed)
    shape, outputs = material.model.input_shape[1:], material.model.output_shape[-1]
    model = reference_cnn(shape, filters=(2, 64), outputs=outputs)
    return _two_by_four(model, material, material.recipes.two_by_four, plain={"conv"})


def pruned_2by4_full(material: Material) -> Variant:
    """2:4 on every layer of the baseline that allows it."""
    recipe = material.recipes.two_by_four_full
    return _two_by_four(clone(material.model), material, recipe, plain=set())


def _two_by_four(model: Any, material: Material, recipe: TwoByFour, plain: set[str]) -> Variant:
    import tensorflow_model_optimization as tfmot

    sparsity = tfmot.sparsity.keras
    schedule = sparsity.ConstantSparsity(
        0.5, begin_step=0, frequency=max(1, steps(material, recipe) // _UPDATES)
    )

    def wrap(layer: Any) -> Any:
        layers = keras().layers
        if not isinstance(layer, (layers.Conv2D, layers.Dense)) or isinstance(
            layer, layers.DepthwiseConv2D
        ):
            return layer
        pattern = {} if layer.name in plain else {"sparsity_m_by_n": (2, 4)}
        return sparsity.prune_low_magnitude(layer, pruning_schedule=schedule, **pattern)

    wrapped = keras().models.clone_model(model, clone_function=wrap)
    _copy_weights(model, wrapped)
    fine_tune(wrapped, material, recipe, [sparsity.UpdatePruningStep()])
    tflite = convert(sparsity.strip_pruning(wrapped))
    notes = [_note_2by4(kernel) for kernel in _kernels(tflite)]
    return Variant(tflite, recipe.model_dump(mode="json"), layer_notes=notes)


def _copy_weights(source: Any, wrapped: Any) -> None:
    for layer, target in zip(source.layers, wrapped.layers, strict=True):
        inner = getattr(target, "layer", target)
        inner.set_weights(layer.get_weights())


def _note_2by4(constant: Constant) -> str:
    kernel = constant.values
    if constant.op == _DEPTHWISE:
        return "2:4 not applied: a depthwise kernel reads one input channel at a time"
    share = two_by_four_compliance(kernel)
    if share is None:
        inputs = kernel.shape[-1]
        zeros = 1 - np.count_nonzero(kernel) / kernel.size
        return (
            f"2:4 not applied: {inputs} input channel{'s' if inputs > 1 else ''} cannot be divided "
            f"into fours; {percent(zeros, 0)} zeros"
        )
    return "" if share == 1 else f"2:4 not reached: {percent(share, 1)} of the groups of four"


def with_sparsity(tflite: bytes, material: Material) -> Variant:
    """A variant with notes on layers that have fewer zeros than the recipe."""
    recipe = material.recipes.pruning
    notes = [_note_sparsity(kernel, recipe.final_sparsity) for kernel in _kernels(tflite)]
    return Variant(tflite, recipe.model_dump(mode="json"), layer_notes=notes)


def _note_sparsity(kernel: Constant, sparsity: float) -> str:
    target = round(sparsity * kernel.values.size)
    zeros = int(kernel.values.size - np.count_nonzero(kernel.values))
    if zeros >= target - 1:
        return ""
    if kernel.op == _DEPTHWISE:
        return "not pruned: TFMOT leaves depthwise kernels out"
    return f"target of {target:,} zeros not reached: {zeros:,}"


def _kernels(tflite: bytes) -> list[Constant]:
    return [constant for constant in constants(tflite) if constant.role == "kernel"]
