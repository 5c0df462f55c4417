"""Post-training quantization by the LiteRT converter.

Source: LiteRT's guide "Post-training quantization"; int16 activations with int8 weights:
"Post-training integer quantization with int16 activations".
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stapes.models.backend import tensorflow
from stapes.models.lite import to_tflite
from stapes.models.stream_cnn import field_of, is_stream
from stapes.techniques.variant import Material, Variant


def float32(material: Material) -> Variant:
    """LiteRT conversion only."""
    return Variant(convert(material.model))


def dynamic_range(material: Material) -> Variant:
    """int8 weights; activations are quantized at run time."""

    def configure(converter: Any) -> None:
        converter.optimizations = [tensorflow().lite.Optimize.DEFAULT]

    return Variant(convert(material.model, configure))


def uint8(material: Material) -> Variant:
    """Full integer: int8 weights and activations, uint8 input and output."""
    dtype = tensorflow().uint8
    return _calibrated(convert_int8(material.model, material.calibration, dtype), material)


def int8(material: Material) -> Variant:
    """Full integer: int8 weights, activations, input and output, for microcontrollers."""
    return _calibrated(convert_int8(material.model, material.calibration), material)


def float16(material: Material) -> Variant:
    """float16 weights, which become float32 when the model loads."""
    tf = tensorflow()

    def configure(converter: Any) -> None:
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.target_spec.supported_types = [tf.float16]

    return Variant(convert(material.model, configure))


def int16x8(material: Material) -> Variant:
    """int16 activations, int8 weights; float input and output."""
    tf = tensorflow()

    def configure(converter: Any) -> None:
        _calibrate(converter, material.calibration)
        converter.target_spec.supported_ops = [
            tf.lite.OpsSet.EXPERIMENTAL_TFLITE_BUILTINS_ACTIVATIONS_INT16_WEIGHTS_INT8
        ]
        if is_stream(material.model):
            # Rings of floats would be twice as large.
            converter.inference_input_type = converter.inference_output_type = tf.int16

    return _calibrated(convert(material.model, configure), material)


def convert_int8(model: Any, calibration: NDArray[np.float32], dtype: Any = None) -> bytes:
    """A full-integer .tflite of a Keras model; `dtype`, by default int8, is of input and output.

    calibration : np.ndarray [shape=(n, frames, bins, 1)]
        Of a detector in a stream [shape=(n, field, bins)].
    """
    tf = tensorflow()

    def configure(converter: Any) -> None:
        _calibrate(converter, calibration)
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        full_integer(converter, model, dtype)

    return convert(model, configure)


def full_integer(converter: Any, model: Any, dtype: Any = None) -> None:
    """Make input and output integers, by default int8; ESPHome takes a stream's score as uint8."""
    tf = tensorflow()
    converter.inference_input_type = dtype or tf.int8
    converter.inference_output_type = dtype or (tf.uint8 if is_stream(model) else tf.int8)


def convert(model: Any, configure: Callable[[Any], None] | None = None) -> bytes:
    """A .tflite of a Keras model, for one clip at a time; `configure` sets the converter.

    That of a detector in a stream takes one receptive field and gives the score after it [1, 1].
    """
    tf = tensorflow()
    shape, call = (1, *model.input_shape[1:]), model
    if is_stream(model):
        shape = (1, field_of(model)[0], model.input_shape[2])

        def call(features: Any) -> Any:
            return tf.sigmoid(tf.reshape(model(features), (1, 1)))

    specs = [tf.TensorSpec(shape, tf.float32, name="features")]
    return to_tflite(call, specs, model.variables, configure)


def _calibrate(converter: Any, calibration: NDArray[np.float32]) -> None:
    def clips() -> Iterator[list[NDArray[np.float32]]]:
        for clip in calibration:
            yield [clip[None]]

    converter.optimizations = [tensorflow().lite.Optimize.DEFAULT]
    converter.representative_dataset = clips


def _calibrated(tflite: bytes, material: Material) -> Variant:
    return Variant(tflite, {"calibration_clips": len(material.calibration)})
