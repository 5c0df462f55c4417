"""4-bit weights by ai-edge-quantizer, from the float .tflite.

Source: ai-edge-quantizer's recipes; OCTAV: Sakr et al. 2022, "Optimal clipping and magnitude-aware
differentiation", arXiv:2206.06501, which kept more accuracy here than min-max.
"""

from __future__ import annotations

from stapes.techniques.post_training import convert
from stapes.techniques.variant import Material, Variant


def int4(material: Material) -> Variant:
    """int4 weights, one scale a channel; activations stay float."""
    from ai_edge_quantizer import algorithm_manager, quantizer, recipe

    engine = quantizer.Quantizer(convert(material.model))
    engine.load_quantization_recipe(
        recipe.dynamic_wi4_afp32(algorithm_key=algorithm_manager.AlgorithmName.OCTAV)
    )
    return Variant(bytes(engine.quantize().quantized_model), {"algorithm": "OCTAV"})
