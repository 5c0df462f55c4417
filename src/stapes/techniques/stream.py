"""A detector in a stream: its window model through a technique, then in its streaming form.

Every technique works on the window model, as on any other. The streaming form has the same weights
and scales, so both compute the same (`tflite.edit.streaming`).
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import replace

from stapes.techniques.variant import Material, Variant
from stapes.tflite.edit.streaming import streaming


def streamed(make: Callable[[Material], Variant]) -> Callable[[Material], Variant]:
    """A technique whose .tflite is turned into its streaming form."""

    @functools.wraps(make)
    def stream(material: Material) -> Variant:
        variant = make(material)
        return replace(variant, tflite=streaming(variant.tflite))

    return stream
