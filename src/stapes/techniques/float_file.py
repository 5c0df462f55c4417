"""The rows that need no training, from a user's float .tflite by ai-edge-quantizer.

Source: ai-edge-quantizer's recipes. Its calibration and scales are not the LiteRT converter's, so
these files differ a little from those of a Keras model.
"""

from __future__ import annotations

import contextlib
import io
from collections.abc import Callable
from typing import Any

from stapes.techniques.variant import FloatFile, Variant
from stapes.tflite.edit.for_tools import with_signature
from stapes.tflite.edit.inside import inside
from stapes.tflite.edit.retype import uint8_ends


def float32(file: FloatFile) -> Variant:
    """The unchanged file."""
    return Variant(file.tflite)


def dynamic_range(file: FloatFile) -> Variant:
    """int8 weights; activations are quantized at run time."""
    from ai_edge_quantizer import recipe

    return Variant(_quantized(file, recipe.dynamic_wi8_afp32()))


def int8(file: FloatFile) -> Variant:
    """Full integer: int8 weights, activations, input and output."""
    from ai_edge_quantizer import recipe

    return _calibrated(file, recipe.static_wi8_ai8())


def uint8(file: FloatFile) -> Variant:
    """Full integer with uint8 input and output."""
    variant = int8(file)
    return Variant(uint8_ends(variant.tflite), variant.settings)


def int16x8(file: FloatFile) -> Variant:
    """int16 activations, input and output, int8 weights."""
    from ai_edge_quantizer import recipe

    return _calibrated(file, recipe.static_wi8_ai16())


def float16(file: FloatFile) -> Variant:
    """float16 weights, which become float32 when the model loads."""
    from ai_edge_quantizer import algorithm_manager, qtyping

    config = qtyping.OpQuantizationConfig(
        weight_tensor_config=qtyping.TensorQuantizationConfig(
            num_bits=16, dtype=qtyping.TensorDataType.FLOAT
        ),
        compute_precision=qtyping.ComputePrecision.FLOAT,
        explicit_dequantize=True,
    )

    def configure(engine: Any) -> None:
        engine.update_quantization_recipe(
            ".*",
            qtyping.TFLOperationName.ALL_SUPPORTED,
            config,
            algorithm_manager.AlgorithmName.FLOAT_CASTING,
        )

    return Variant(_quantized(file, configure=configure))


def int4(file: FloatFile) -> Variant:
    """int4 weights, one scale a channel; activations stay float.

    OCTAV: Sakr et al. 2022, "Optimal clipping and magnitude-aware differentiation",
    arXiv:2206.06501, which kept more accuracy here than min-max.
    """
    from ai_edge_quantizer import algorithm_manager, recipe

    octav = recipe.dynamic_wi4_afp32(algorithm_key=algorithm_manager.AlgorithmName.OCTAV)
    return Variant(_quantized(file, octav), {"algorithm": "OCTAV"})


def _calibrated(file: FloatFile, recipe: Any) -> Variant:
    return Variant(
        _quantized(file, recipe, calibrate=True), {"calibration_clips": len(file.calibration)}
    )


def _quantized(
    file: FloatFile,
    recipe: Any = None,
    *,
    configure: Callable[[Any], None] | None = None,
    calibrate: bool = False,
) -> bytes:
    from ai_edge_litert.interpreter import Interpreter
    from ai_edge_quantizer import quantizer

    tflite = with_signature(file.tflite)
    engine = quantizer.Quantizer(tflite, recipe)
    if configure:
        configure(engine)
    ranges = None
    # The quantizer prints progress bars.
    with contextlib.redirect_stderr(io.StringIO()), contextlib.redirect_stdout(io.StringIO()):
        if calibrate:
            interpreter = Interpreter(model_content=tflite)
            details = interpreter.get_input_details()[0]
            key, ends = next(iter(interpreter.get_signature_list().items()))
            name = ends["inputs"][0]
            shape = (1, *details["shape"][1:])
            clips = [{name: clip.reshape(shape)} for clip in file.calibration]
            ranges = engine.calibrate({key: clips})
        # It writes large constants outside the flatbuffer.
        return inside(bytes(engine.quantize(ranges).quantized_model))
