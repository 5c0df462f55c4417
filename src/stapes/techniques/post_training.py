"""Post-training quantization by the LiteRT converter: nothing is trained again.

Source: LiteRT's guide "Post-training quantization"; int16 activations with int8 weights:
"Post-training integer quantization with int16 activations".
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stapes.models.backend import tensorflow
from stapes.techniques.variant import Material, Variant


def float32(material: Material) -> Variant:
    """LiteRT conversion only."""
    return Variant("float32", "LiteRT conversion only", convert(material.baseline))


def dynamic_range(material: Material) -> Variant:
    """int8 weights; activations stay float and are quantized as they come."""

    def settle(converter: Any) -> None:
        converter.optimizations = [tensorflow().lite.Optimize.DEFAULT]

    return Variant(
        "dynamic_range", "post-training dynamic range", convert(material.baseline, settle)
    )


def uint8(material: Material) -> Variant:
    """Full integer: int8 weights and activations, uint8 input and output."""
    tf = tensorflow()

    def settle(converter: Any) -> None:
        _calibrate(converter, material.calibration)
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        converter.inference_input_type = tf.uint8
        converter.inference_output_type = tf.uint8

    return Variant(
        "uint8",
        "post-training full integer, uint8 input and output",
        convert(material.baseline, settle),
        {"calibration_clips": len(material.calibration)},
    )


def float16(material: Material) -> Variant:
    """Weights stored as float16, widened to float32 when the model is loaded."""
    tf = tensorflow()

    def settle(converter: Any) -> None:
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.target_spec.supported_types = [tf.float16]

    return Variant("float16", "post-training float16", convert(material.baseline, settle))


def int16x8(material: Material) -> Variant:
    """int16 activations, int8 weights; float input and output."""
    tf = tensorflow()

    def settle(converter: Any) -> None:
        _calibrate(converter, material.calibration)
        converter.target_spec.supported_ops = [
            tf.lite.OpsSet.EXPERIMENTAL_TFLITE_BUILTINS_ACTIVATIONS_INT16_WEIGHTS_INT8
        ]

    return Variant(
        "int16x8",
        "post-training int16 activations, int8 weights",
        convert(material.baseline, settle),
        {"calibration_clips": len(material.calibration)},
    )


def convert(model: Any, settle: Callable[[Any], None] | None = None) -> bytes:
    """A .tflite of a Keras model, for one clip at a time.

    Parameters
    ----------
    model : tf_keras.Model
    settle : callable, optional
        Given the converter, sets what is to be quantized.
    """
    tf = tensorflow()
    shape = (1, *model.input_shape[1:])
    # A batch that is left open would add ops to find its size, which some runtimes lack.
    function = tf.function(model).get_concrete_function(
        tf.TensorSpec(shape, tf.float32, name="features")
    )
    converter = tf.lite.TFLiteConverter.from_concrete_functions([function], model)
    if settle:
        settle(converter)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return bytes(converter.convert())


def _calibrate(converter: Any, calibration: NDArray[np.float32]) -> None:
    def clips() -> Iterator[list[NDArray[np.float32]]]:
        for clip in calibration:
            yield [clip[None]]

    converter.optimizations = [tensorflow().lite.Optimize.DEFAULT]
    converter.representative_dataset = clips
