"""4-bit weights by ai-edge-quantizer, which works on the float .tflite."""

from __future__ import annotations

from stapes.techniques import float_file
from stapes.techniques.post_training import convert
from stapes.techniques.variant import FloatFile, Material, Variant


def int4(material: Material) -> Variant:
    """int4 weights, one scale a channel; activations stay float."""
    return float_file.int4(FloatFile(convert(material.model), material.calibration))
